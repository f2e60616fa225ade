//! The simulated world of mt5-warden: the real driver under every fault, in seconds.
//!
//! One seed is one run: the real fleet of the supervisor and the real history export on one thread in paused time, over
//! stores that survive it and simulated brokers, terminals and gateways. People, signals and faults act on it by the
//! seed; after every event invariants compare what the journal says with what the broker's ledger shows. Then every
//! fault ends, and everything has to get well within bounded time.
//!
//! The same seed makes the same run, told by the hash of its trace. `docs/decisions/0008-simulated-world.md` says what is
//! real here and what is not.

mod bridge;
mod campaign;
mod clock;
mod invariant;
mod judge;
mod lines;
mod menu;
#[cfg(feature = "mutants")]
pub mod mutants;
mod point;
mod ports;
mod process;
mod regression;
mod rng;
mod run;
mod scenario;
mod sim;
mod trace;
mod weather;

pub use campaign::{Campaign, Summary};
pub use judge::Violation;
pub use point::Point;
pub use regression::regressions;
pub use run::{Report, run};
pub use sim::Tally;
pub use trace::Log;
