//! The Redis hot state against real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod cluster;
mod common;
mod conformance;
mod damage;
mod outage;
mod unfit;
