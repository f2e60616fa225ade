//! The Redis hot state against real servers.

mod cluster;
mod common;
mod conformance;
mod damage;
mod outage;
mod unfit;
