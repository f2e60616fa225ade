//! The program as a process, against every engine: what it does, what it says, how it ends.
#![cfg(test)]
#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

mod cases;
mod clickhouse;
mod duckdb;
mod postgres;
mod setup;
mod several;
mod sqlite;
