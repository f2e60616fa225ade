use warden_domain::IncidentKind;
use warden_policy::{Instance, Phase};

use super::{Slot, Standing, trading::Surroundings};
use crate::Stats;

/// What of an instance is compared over a step.
pub(super) struct Before {
    pub(super) status: warden_domain::Status,
    pub(super) standing: Standing,
    pub(super) open: u16,
    pub(super) surroundings: Surroundings,
    pub(super) halted: bool,
}

impl Before {
    pub(super) fn of(slot: &Slot) -> Self {
        Self {
            status: slot.state.status(),
            standing: Standing::of(&slot.state),
            open: slot.state.open_kinds(),
            surroundings: Surroundings::of(slot),
            halted: slot.state.is_halted(),
        }
    }

    /// Counts the incidents that the step opened, and those that ended while the instance goes on.
    pub(super) fn count(&self, after: &Instance, stats: &Stats) {
        let (before, now) = (self.open, after.open_kinds());
        if before == now {
            return;
        }
        let goes_on = !matches!(after.phase(), Phase::Stopped { .. });
        for kind in IncidentKind::ALL {
            let bit = 1_u16 << *kind as u8;
            if now & !before & bit != 0 {
                stats.incident_opened(*kind);
            }
            if before & !now & bit != 0 && goes_on {
                stats.incident_recovered(*kind);
            }
        }
    }
}
