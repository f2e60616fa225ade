//! The fleet as it runs: redis-server, supervisor and simulator as processes of their own.
#![cfg(test)]

mod account;
mod broker;
mod connection;
mod damage;
mod defaults;
mod frames;
mod gateway;
mod login;
mod program;
mod rate_limit;
mod redis;
mod restart;
mod terminal;
mod trades;
