//! The published gateway protocol of mt5-warden and its session.
//!
//! A gateway runs beside a terminal and dials a supervisor. [`message`] holds what the two say to each other as Rust
//! types; the `.proto` file is the same contract on the wire.

pub mod message;

pub use message::{
    Command, CommandId, Envelope, Finished, Inbound, Mt5Bridge, Order, OrderAction, Outcome, Report,
    SendError, SessionFacts, TradeReply,
};
