//! Storage ports, in-memory adapters and conformance suite of mt5-warden.
//!
//! A port says what the supervisor needs of a store and nothing of how the store does it. Every adapter passes the
//! same numbered cases of [`conformance`].

mod accounts;
pub mod address;
pub mod chain;
pub mod conformance;
pub mod history;
mod hot;
mod journal;
pub mod memory;
pub mod schema;
mod signals;

use std::{future::Future, pin::Pin};

pub use accounts::{Absorbed, Account, Accounts, AccountsError, Password, Registered};
pub use history::{History, HistoryError, HistoryRows};
pub use hot::{
    Cas, HotError, HotKey, HotState, HotUpdate, Projection, RawSnapshot, SNAPSHOT_SCHEMA, Seal, Snapshot,
    Stored, TRADES_KEPT, TradeProjection, TradeShown, TradeUpdate, TradeWrite, settle, settle_trades,
};
pub use journal::{
    Commit, Head, Journal, JournalError, JournalId, KEYS_KEPT, KnownKey, Record, Row, SignalKey, TradeMark,
};
pub use signals::{
    Backlog, Claimed, Content, EntryId, EntryIdError, Fields, LONGEST_WAIT, SignalStream, StreamEntry,
    StreamError, Subscription, SubscriptionError,
};

/// A future that a port returns; boxed so that a port can be used behind `dyn`. One allocation a batch.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
