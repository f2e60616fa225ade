//! Ids, states, retcode table, money and time of mt5-warden.
//!
//! Plain data without I/O. Every serialised form is stable: other services read it out of Redis, the journal and
//! the history, so a name here is changed only together with a new schema version.

mod alert;
mod backoff;
mod error_chain;
mod evidence;
mod health;
mod ids;
mod incident;
mod instance;
mod magic;
mod market;
mod money;
mod named;
pub mod retcode;
mod rule;
mod span;
mod timestamp;
mod trade;

pub use alert::{Alert, Severity};
pub use backoff::Backoff;
pub use error_chain::error_chain;
pub use evidence::{AccountFlags, Facts, JournalLine, TerminalFlags};
pub use health::{Health, Layer};
pub use ids::{ClientTradeId, Epoch, IdError, InstanceId, Login, OpId, TradeServer, Version};
pub use incident::IncidentKind;
pub use instance::{ConnectionState, Desired, FailureReason, Gate, Status, StopMode};
pub use magic::{Magic, MagicError};
pub use market::{AccountMode, Filling, FillingModes, Quote, Session, TradeMode};
pub use money::{Lots, MoneyError, Points, Price, Rounding};
pub use rule::Rule;
pub use span::{Span, SpanError};
pub use timestamp::{Timestamp, TimestampError};
pub use trade::{OrderKind, Side, Ticket, TradeState};
