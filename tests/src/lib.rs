//! End-to-end tests of mt5-warden over real processes: redis-server, PostgreSQL, the engine of ClickHouse,
//! `warden-supervisor`, `warden-migrator` and `warden-simulator` on loopback, in a folder of their own.
//!
//! - [`Plan`]: the accounts, the numbers and the stores of a world;
//! - [`World`]: the processes, what is done to them and what is awaited of them;
//! - [`AccountsServer`], [`HistoryServer`]: PostgreSQL and ClickHouse, looked into without our adapters;
//! - [`keys`]: the documented keys as another service reads them, without our adapter;
//! - [`Story`]: what a supervisor left in its journal, row by row;
//! - [`Signal`]: what a source says; [`LedgerLine`]: what the trade servers really did; [`TradeTold`]: what the journal
//!   says of a trade;
//! - [`wire`]: bytes that no gateway would send.
//!
//! # Caveats
//! For tests only: whatever goes wrong panics, with what was awaited and what the processes said.

pub mod keys;
mod ledger;
mod must;
mod plan;
pub mod servers;
mod signal;
mod story;
mod trades;
pub mod wire;
mod world;

pub use ledger::LedgerLine;
pub use must::must;
pub use plan::{Plan, Stores};
pub use servers::{AccountsServer, HistoryServer};
pub use signal::Signal;
pub use story::{Given, Story, Told, TradeTold};
pub use trades::Shown;
pub use world::{SOON, Truth, World, run, succeeded};
