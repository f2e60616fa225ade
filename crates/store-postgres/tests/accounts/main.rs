//! The accounts against real stores: SQLite files and a PostgreSQL server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod admin;
mod audit;
mod common;
mod conformance;
mod ending;
mod envelope;
mod outage;
mod owners;
mod roles;
mod rotation;
mod schema;
