//! The Redis hot state of mt5-warden, and the stream of signals.
//!
//! [`RedisHot`] keeps the state of instances in Redis 7 under the documented keys of `docs/behaviour.md` §8. Every
//! change is made by one Redis Function (`warden.lua`) that compares and sets all keys of an instance at once.
//! [`RedisSignals`] reads the stream `trade_signals` over connections of its own.

mod batch;
mod config;
mod fault;
mod hot;
mod in_flight;
mod link;
mod reply;
mod signals;

pub use config::{ConfigError, KeyStyle, RedisConfig};
pub use hot::RedisHot;
pub use signals::RedisSignals;
