//! The pure recovery engine of mt5-warden.
//!
//! [`step`] takes what one instance knows, one event and the present moment, and changes the state and answers what
//! is to be done. It reads no clock, draws no random number, does no I/O and allocates nothing: the same arguments
//! make the same decision, which is why a journal can be replayed and a policy can be model-checked.
//!
//! The folders mirror the sections of `docs/behaviour.md`; a rule lives in the file that carries its case.
//!
//! ```
//! use warden_domain::{Desired, Status, Timestamp};
//! use warden_policy::{Effects, Event, Instance, Params, step};
//!
//! let params = Params::default();
//! let mut instance = Instance::new(7);
//! let mut effects = Effects::default();
//! let now = Timestamp::from_millis(1_700_000_000_000);
//! let _ = step(&mut instance, &Event::Start, now, &params, &mut effects);
//! assert_eq!(instance.status(), Status::Connecting);
//! assert_eq!(instance.desired(), Desired::Running);
//! ```

#[macro_use]
mod broken;

pub mod account;
pub mod broker;
mod effect;
mod event;
mod evidence;
mod incident;
mod jitter;
pub mod login;
#[cfg(test)]
mod model;
#[cfg(feature = "mutants")]
pub mod mutant;
pub mod network;
pub mod params;
mod phase;
mod record;
pub mod recovery;
pub mod session;
mod state;
mod step;
mod timers;
pub mod trade;

pub use effect::{Command, CommandId, Effect, Effects, Notice, StoreAction};
pub use event::{Event, Outcome, Report, StateEvent, StateStoreEvent};
pub use evidence::{Verdict, classify};
pub use incident::{Evidence, Incident};
pub use params::Params;
pub use phase::Phase;
pub use record::{DecodeError, Step, decode_state, decode_step, encode_state, encode_step};
pub use recovery::Absorbing;
pub use state::{AlertSet, Instance, Refused};
pub use step::{Stepped, step};
pub use timers::{Timer, Timers};
pub use trade::{Escalation, Trouble, TroubleKind};
