//! What both sides of a session decide on, without I/O.

mod lane;
mod pulse;
mod refusal;
mod sequence;

pub(crate) use lane::{Lane, Verdict};
pub(crate) use pulse::Pulse;
pub(crate) use refusal::Tally;
pub use refusal::{RefusalReason, Refusals, Refused};
pub(crate) use sequence::{Arrival, Inflow};
