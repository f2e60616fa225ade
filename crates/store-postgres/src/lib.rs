//! Accounts, encrypted credentials and owner epochs of mt5-warden, in PostgreSQL or SQLite: [`SqlAccounts`], an adapter of
//! [`warden_store::Accounts`], and [`AccountsSchema`], which brings its tables up.
//!
//! # Tables
//! The same in both engines; one step each in `migrations/postgres/` and `migrations/sqlite/`.
//!
//! | table | holds |
//! |---|---|
//! | `instances` | one account of one instance; the only place of a login |
//! | `credentials` | its password, [sealed](envelope) and bound to its row |
//! | `owners` | how many owners each instance has had |
//! | `absorbed` | who waits for a person, and the tombstones of destroyed accounts |
//! | `refusals` | keyed hashes of credentials that the broker refused (LOG-9) |
//! | `sealed_keys` | the key of those hashes, sealed itself |
//! | `audit`, `audit_head` | who changed what, in a chain of hashes, and the newest row of it |
//! | `schema_step` | the steps that were applied |
//!
//! # Two engines, one way
//! Every statement is written once, with `$1` placeholders, and runs on both; what must differ (locking the head of the
//! audit log, looking into the catalogue) says so where it stands. On PostgreSQL roles decide who may do what, on SQLite
//! the mode of the file does.

mod accounts;
mod admin;
mod audit;
mod change;
mod config;
mod db;
mod ending;
pub mod envelope;
mod fault;
pub mod keys;
mod lookup;
mod open;
mod owners;
mod refusals;
mod resting;
mod rotation;
mod schema;
mod sealed;

pub use accounts::SqlAccounts;
pub use admin::{AdminError, NewAccount};
pub use audit::{AuditFault, AuditReport};
pub use config::{AccountsConfig, ConfigError};
pub use open::OpenError;
pub use rotation::Rotation;
pub use schema::{AccountsSchema, POSTGRES_STEPS, SQLITE_STEPS};
