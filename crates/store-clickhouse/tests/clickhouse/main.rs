//! The ClickHouse history against the real engine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;
mod conformance;
mod crash;
mod faults;
mod lost;
mod retention;
mod schema;
