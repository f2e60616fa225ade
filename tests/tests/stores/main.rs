//! The fleet on its stores as they run: PostgreSQL, ClickHouse, Redis and files, each of them real.
#![cfg(test)]

mod destruction;
mod history;
mod outage;
mod saga;
mod secrets;
mod steps;
