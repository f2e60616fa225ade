//! What goes wrong: kinds of faults, whom they befall, scripts and seeded mixes.

mod kind;
mod mix;
mod read;
mod script;
mod who;

pub use kind::FaultKind;
pub use mix::{FaultMix, Rate};
pub(crate) use script::line_of;
pub use script::{FaultScript, ScriptFault};
pub use who::{Roster, Who};

use warden_domain::Span;

/// A fault that will begin at a known moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins: since the world began, or since now where it is given to a running world.
    pub at: Span,
    /// How long it lasts; `None` for as its kind says ([`FaultKind::once`]).
    pub lasts: Option<Span>,
    /// Whom it befalls.
    pub who: Who,
    /// What happens.
    pub what: FaultKind,
}
