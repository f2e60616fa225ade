//! REC-2: the stored state moved under us.
//!
//! The key is locked, read again, decided again and written again after 5 s (`recovery.conflict_after`); a conflict that
//! persists (`recovery.conflict_attempts`) stops the instance. A fenced writer does not come here: it lets go.

use warden_domain::{FailureReason, IncidentKind, Rule, Timestamp};

use super::stop;
use crate::{Effects, Evidence, Instance, Notice, Params, Phase, StoreAction, Timer, jitter::lengthened};

/// The driver met a conflict.
pub(crate) fn found(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.closure.is_final() || s.timers.is_armed(Timer::Conflict) {
        return;
    }
    let persists = s.incidents.attempts(IncidentKind::StateConflict) >= params.recovery.conflict_attempts;
    if !persists {
        fx.decided(Rule::Rec2);
        s.incidents.open(IncidentKind::StateConflict, now, Evidence::Store);
        let wait = lengthened(params.recovery.conflict_after, params.recovery.jitter, s.seed, s.command.0);
        s.timers.arm(Timer::Conflict, now.after(wait));
    } else if !matches!(s.phase, Phase::Stopped { .. } | Phase::Closing(_)) {
        fx.notify(Rule::Rec2, Notice::ConflictPersists);
        stop::failed(s, Rule::Rec2, FailureReason::StateConflict, now, params, fx);
    }
}

/// The wait is over.
pub(crate) fn retry(s: &mut Instance, fx: &mut Effects) {
    if s.incidents.is_open(IncidentKind::StateConflict) {
        s.incidents.count_attempt(IncidentKind::StateConflict);
        fx.store(Rule::Rec2, StoreAction::RetryWrite);
    }
}

/// REC-4: the retry that was under way is made again; it is counted.
pub(crate) fn resumed(s: &Instance, fx: &mut Effects) {
    let under_way = s.incidents.attempts(IncidentKind::StateConflict) > 0;
    if under_way && !s.timers.is_armed(Timer::Conflict) && !s.closure.is_final() {
        fx.store(Rule::Rec2, StoreAction::RetryWrite);
    }
}

/// Our write was taken.
pub(crate) fn gone(s: &mut Instance, fx: &mut Effects) {
    if s.incidents.close(IncidentKind::StateConflict) {
        fx.decided(Rule::Rec2);
        s.timers.disarm(Timer::Conflict);
    }
}
