//! TRD-7: a person halts the trading of an instance, and lets it go on.
//!
//! While halted no order leaves, whatever the instance does meanwhile: it is logged in, watched and recovered as ever.
//! The halt is part of the stored state; restarts, resets, starts and stops leave it as it is.

use warden_domain::Rule;

use crate::{Effects, Instance};

impl Instance {
    /// Whether a person halted its trading: its gate is shut until a person lets it go on.
    #[must_use]
    pub const fn is_halted(&self) -> bool {
        self.flags.halted
    }
}

/// The person halts, or lets it go on.
pub(crate) fn set(s: &mut Instance, halted: bool, fx: &mut Effects) {
    if s.flags.halted != halted {
        fx.decided(Rule::Trd7);
        s.flags.halted = halted;
    }
}
