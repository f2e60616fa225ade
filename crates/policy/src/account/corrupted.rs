//! ACC-6: the stored state is unreadable, or fails its checksum or schema.
//!
//! It is rebuilt from the journal within 5 s (`account.corrupted.rebuild_within`) and the session confirmed again;
//! otherwise the instance stops.

use warden_domain::{FailureReason, IncidentKind, Rule, Timestamp};

use crate::{
    Effects, Evidence, Instance, Notice, Params, Phase, StoreAction, Timer, recovery::stop, session::confirm,
};

/// The driver found it.
pub(crate) fn found(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.closure.is_final() || s.incidents.is_open(IncidentKind::StateCorrupted) {
        return;
    }
    s.incidents.open(IncidentKind::StateCorrupted, now, Evidence::Store);
    if !matches!(s.phase, Phase::Stopped { .. }) {
        s.last_failure = FailureReason::StateCorrupted;
    }
    fx.store(Rule::Acc6, StoreAction::Rebuild);
    s.timers.arm(Timer::Rebuild, now.after(params.corrupted.rebuild_within));
}

/// The state is whole again.
pub(crate) fn rebuilt(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if !s.incidents.close(IncidentKind::StateCorrupted) {
        return;
    }
    fx.decided(Rule::Acc6);
    s.timers.disarm(Timer::Rebuild);
    if s.phase == Phase::Up {
        confirm::begin(s, now, params, fx);
    }
}

/// The rebuild failed, or took too long.
pub(crate) fn too_late(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let given_up = s.incidents.attempts(IncidentKind::StateCorrupted) > 0;
    if !s.incidents.is_open(IncidentKind::StateCorrupted) || given_up {
        return;
    }
    s.timers.disarm(Timer::Rebuild);
    s.incidents.count_attempt(IncidentKind::StateCorrupted);
    fx.notify(Rule::Acc6, Notice::RebuildFailed);
    stop::failed(s, Rule::Acc6, FailureReason::StateCorrupted, now, params, fx);
}

/// REC-4: the rebuild that was under way is made again.
pub(crate) fn resumed(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.timers.is_armed(Timer::Rebuild) {
        fx.store(Rule::Acc6, StoreAction::Rebuild);
        s.timers.arm(Timer::Rebuild, now.after(params.corrupted.rebuild_within));
    }
}
