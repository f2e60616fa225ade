//! REC-1: recoveries that do not last.
//!
//! A recovery counts once its session has lasted 10 min (`recovery.healthy`). More than 3 (`recovery.failed`) that did
//! not, in a row: status `FAILED`, reason `RECOVERY_EXHAUSTED`, stop, notify.

use warden_domain::{FailureReason, Rule, Timestamp};

use super::stop;
use crate::{Effects, Instance, Notice, Params, Phase, Timer};

/// A session was confirmed after an incident: from now on it must last.
pub(crate) fn recovered(s: &mut Instance, now: Timestamp, params: &Params) {
    s.timers.arm(Timer::Healthy, now.after(params.recovery.healthy));
}

/// It lasted.
pub(crate) fn healthy(s: &mut Instance, fx: &mut Effects) {
    fx.decided(Rule::Rec1);
    if s.phase == Phase::Up {
        s.failed_recoveries = 0;
    }
    s.flags.login_recovered = false;
}

/// The session is down again: if it was a recovered one that had not yet lasted, its recovery failed.
///
/// Answers whether recovery goes on.
pub(crate) fn did_not_last(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) -> bool {
    if !s.timers.is_armed(Timer::Healthy) {
        return true;
    }
    interrupted(s);
    s.failed_recoveries = s.failed_recoveries.saturating_add(1);
    if s.failed_recoveries <= params.recovery.failed {
        return true;
    }
    fx.notify(Rule::Rec1, Notice::RecoveryExhausted);
    stop::failed(s, Rule::Rec1, FailureReason::RecoveryExhausted, now, params, fx);
    false
}

/// The session ends for a reason that says nothing about its recovery: neither a failure nor a proof that it lasted.
pub(crate) fn interrupted(s: &mut Instance) {
    s.timers.disarm(Timer::Healthy);
    s.flags.login_recovered = false;
}
