//! The driver over stores in memory and scripted gateways, in paused time: what is asserted happens at exact moments.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod rig;

mod absorbed;
mod broker;
mod closure;
mod conflict;
mod crash_points;
mod credentials;
mod export;
mod fencing;
mod idle;
mod login;
mod rebuild;
mod restart;
mod saga;
#[path = "../signals/mod.rs"]
mod signals;
mod soak;
mod store_lost;
mod surface;
mod trading;
