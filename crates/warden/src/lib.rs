//! Facade of mt5-warden for embedders: a supervisor for fleets of MetaTrader 5 terminals as a library.
//!
//! | module | feature | holds |
//! |---|---|---|
//! | [`domain`] | | ids, states, result codes, money and time |
//! | [`policy`] | | the pure recovery engine and every number of its rules |
//! | [`distribution`] | | signals, sizing, the rules of accounts, and reports |
//! | [`store`] | | the ports of journal, hot state, accounts, history and the stream of signals, and adapters in memory |
//! | [`bridge`] | | what gateways and supervisor say to each other, and the session of both sides |
//! | `supervisor` | `supervisor` (default) | the driver: [`Fleet`](supervisor::Fleet), and the way in for signals: [`Distributor`](supervisor::Distributor) |
//! | `duckdb` | `duckdb` | journal and history in DuckDB files |
//! | `redis` | `redis` | the hot state, and the stream of signals, in Redis |
//! | `postgres` | `postgres` | accounts and encrypted credentials in PostgreSQL or SQLite |
//! | `clickhouse` | `clickhouse` | the history in ClickHouse |
//! | `assembly` | `supervisor` with `postgres` or `clickhouse` | from a configuration file to the adapters that it names |
//! | `sim` | `sim` | simulated trade servers and terminals |
//!
//! # Expected flow
//! Choose a journal, a hot state, the accounts and a bridge; give them to `supervisor::Fleet::start`; read its feed,
//! give it signals, tell it wishes, and drain it. `examples/embed.rs` does that over stores in memory and one simulated
//! terminal, `examples/signal.rs` trades on two; `docs/embedding.md` says what to choose.
//!
//! # Example
//! The rules without anything around them: a new instance is started, and the policy asks for its first login.
//!
//! ```
//! use warden::domain::{Desired, Status, Timestamp};
//! use warden::policy::{Effects, Event, Instance, Params, Stepped, step};
//!
//! let params = Params::default();
//! let mut instance = Instance::new(7);
//! let mut effects = Effects::default();
//! let now = Timestamp::from_millis(1_700_000_000_000);
//!
//! let stepped = step(&mut instance, &Event::Start, now, &params, &mut effects);
//! assert_eq!(stepped, Stepped::Changed);
//! assert_eq!((instance.desired(), instance.status()), (Desired::Running, Status::Connecting));
//! assert_eq!(effects.rule().map(|rule| rule.as_str()), Some("LOG-1"));
//! ```

#[cfg(all(feature = "supervisor", any(feature = "postgres", feature = "clickhouse")))]
pub mod assembly;

pub use warden_bridge as bridge;
#[cfg(feature = "sim")]
pub use warden_bridge_sim as sim;
pub use warden_distribution as distribution;
pub use warden_domain as domain;
pub use warden_policy as policy;
pub use warden_store as store;
#[cfg(feature = "clickhouse")]
pub use warden_store_clickhouse as clickhouse;
#[cfg(feature = "duckdb")]
pub use warden_store_duckdb as duckdb;
#[cfg(feature = "postgres")]
pub use warden_store_postgres as postgres;
#[cfg(feature = "redis")]
pub use warden_store_redis as redis;
#[cfg(feature = "supervisor")]
pub use warden_supervisor as supervisor;
