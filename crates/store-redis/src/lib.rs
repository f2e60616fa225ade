//! The Redis hot state of mt5-warden.
//!
//! [`RedisHot`] keeps the state of instances in Redis 7 under the documented keys of `docs/behaviour.md` §8. Every
//! change is made by one Redis Function (`warden.lua`) that compares and sets all keys of an instance at once.

mod batch;
mod config;
mod fault;
mod hot;
mod in_flight;
mod link;
mod reply;

pub use config::{ConfigError, KeyStyle, RedisConfig};
pub use hot::RedisHot;
