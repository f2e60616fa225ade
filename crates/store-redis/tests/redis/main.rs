//! The Redis hot state and the stream of signals against real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod cluster;
mod common;
mod conformance;
mod damage;
mod outage;
mod signals;
mod trades;
mod unfit;
