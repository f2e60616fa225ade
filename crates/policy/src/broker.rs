//! The broker (BRK).

pub(crate) mod down;
pub(crate) mod incident;
pub(crate) mod maintenance;
pub(crate) mod rate_limit;

pub use incident::{BrokerEffect, BrokerState, Member};
