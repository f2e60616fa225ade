//! Logins (LOG).

pub(crate) mod attempt;
mod bucket;
pub(crate) mod network_lost;
pub(crate) mod refused;
pub(crate) mod reset;

pub use bucket::TokenBucket;
