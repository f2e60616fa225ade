//! The program as a process, against every engine: what it does, what it says, how it ends.
#![cfg(test)]

mod cases;
mod clickhouse;
mod duckdb;
mod postgres;
mod setup;
mod several;
mod sqlite;
