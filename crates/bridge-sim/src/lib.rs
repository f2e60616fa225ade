//! Simulated trade servers, terminals and faults for mt5-warden.
//!
//! [`World`] is the pure part: accounts, an order engine, terminals with journals, and faults by seed or script, in a
//! time that is given to it. [`Fleet`] is the same world as a bridge in process, driven by a clock that may run fast.
//! Nothing here decides anything for the supervisor: the world only answers as MetaTrader 5 and its brokers do.

mod account;
mod accounts_file;
mod audit;
mod bars;
mod calendar;
mod clock;
mod engine;
mod fault;
mod fleet;
mod gateways;
mod ledger;
mod plan;
mod rng;
mod symbol;
mod terminal;
mod world;

pub use account::{AccountLimits, AccountState};
pub use audit::Audit;
pub use bars::{BarFault, Bars};
pub use calendar::Calendar;
pub use clock::WorldClock;
pub use engine::Market;
pub use fault::{Fault, FaultKind, FaultMix, FaultScript, Rate, Roster, ScriptFault, Who};
pub use fleet::Fleet;
pub use gateways::{DialError, Dialling, Gateways};
pub use ledger::{EntryKind, Ledger, LedgerEntry, Reason};
pub use plan::{AccountPlan, FleetPlan};
pub use rng::Rng;
pub use symbol::SymbolSpec;
pub use world::{Settings, Truth, World};
