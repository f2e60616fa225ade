//! The world as a gateway's supervisor sees it: commands in, messages out. One kind of trouble, one file.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests panic as tests do, and look for one kind of message among others"
)]

mod account;
mod bridge;
mod broker;
mod connection;
mod demo;
mod filling;
mod gateway;
mod hand;
mod laws;
mod login;
mod mix;
mod orders;
mod rate_limit;
mod retcodes;
mod sends;
mod snapshot;
mod terminal;
mod trace;
mod trade_faults;
mod watch;
mod wire;
