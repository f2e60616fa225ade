//! The world as a gateway's supervisor sees it: commands in, messages out. One kind of trouble, one file.

mod account;
mod bridge;
mod broker;
mod connection;
mod demo;
mod gateway;
mod hand;
mod login;
mod mix;
mod orders;
mod rate_limit;
mod retcodes;
mod terminal;
mod trace;
mod trade_faults;
