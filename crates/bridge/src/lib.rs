//! The published gateway protocol of mt5-warden and its session.
//!
//! A gateway runs beside a terminal and dials a supervisor. [`message`] holds what the two say to each other as Rust
//! types; `proto/mt5_warden/v1/gateway.proto` is the same contract on the wire, and says how a session goes.
//! [`server`] is the supervisor's side of it, [`client`] the gateway's.

pub mod client;
mod clock;
mod convert;
pub mod message;
pub mod server;
mod session;
mod transport;
mod wire;

pub use convert::hello::PROTOCOL_VERSION;
pub use message::{
    Command, CommandId, Envelope, Finished, Inbound, Mt5Bridge, Order, OrderAction, Outcome, Report, Secret,
    SendError, SessionFacts, TradeReply,
};
pub use session::{RefusalReason, Refusals, Refused};
