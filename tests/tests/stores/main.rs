//! The fleet on its stores as they run: PostgreSQL, ClickHouse, Redis and files, each of them real.
#![cfg(test)]

mod destruction;
mod embedded;
mod history;
mod keys;
mod mass;
mod outage;
mod refusals;
mod saga;
mod secrets;
mod steps;
