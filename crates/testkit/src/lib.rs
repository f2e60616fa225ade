//! Real servers as child processes, our own programs, and a faulty network, for the tests of mt5-warden.
//!
//! - [`Redis`]: a `redis-server` of its own on a free loopback port, to be killed, paused and restarted at will;
//! - [`Postgres`]: a PostgreSQL cluster of its own, likewise, and as many databases in it as a test wants;
//! - [`ClickHouse`]: the engine of ClickHouse behind an HTTP front, with inserts that fail when asked to;
//! - [`Program`]: one of our programs, its lines captured, its end judged;
//! - [`FaultProxy`]: a TCP proxy that cuts, delays, stalls and truncates;
//! - [`promtool`]: alert rules checked by Prometheus itself;
//! - [`poll_until`]: the only way to wait for something that announces itself by nothing but its effect.
//!
//! # Guarantees
//!
//! Everything started here listens on loopback only, lives in a folder of its own, and is ended by its own process id
//! when its handle is dropped, also by a panic; Ctrl-C reaches it as a member of the test's process group. What is not
//! installed is an [`Error::Missing`] that names the command which installs it: a test is never skipped.
//!
//! # Caveats
//!
//! Never a normal dependency: only tests and benchmarks use it.

mod clickhouse;
mod error;
pub mod locate;
mod poll;
mod ports;
mod postgres;
mod process;
mod program;
mod prometheus;
mod proxy;
mod redis;
mod resp;

pub use clickhouse::{ClickHouse, InsertFault};
pub use error::{Error, Result};
pub use poll::{poll_until, poll_until_async};
pub use ports::free_port;
pub use postgres::Postgres;
pub use program::{Finished, Line, Program, Stream};
pub use prometheus::promtool;
pub use proxy::{Fault, FaultProxy, Side};
pub use redis::{Persistence, Redis};
pub use resp::Reply;
