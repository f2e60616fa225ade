//! REC-1: recoveries that do not last.
//!
//! A recovery counts once its session has lasted 10 min (`recovery.healthy`). More than 3 (`recovery.failed`) that did
//! not, in a row: status `FAILED`, reason `RECOVERY_EXHAUSTED`, stop, notify.

use warden_domain::{FailureReason, Rule, Timestamp};

use super::stop;
use crate::{Effects, Instance, Notice, Params, Timer};

/// A session was confirmed after an incident: from now on it must last.
pub(crate) fn recovered(s: &mut Instance, now: Timestamp, params: &Params) {
    s.timers.arm(Timer::Healthy, now.after(params.recovery.healthy));
}

/// It lasted.
pub(crate) fn healthy(s: &mut Instance, fx: &mut Effects) {
    fx.decided(Rule::Rec1);
    s.failed_recoveries = 0;
    s.flags.login_recovered = false;
}

/// The session is down again: if it was a recovered one that had not yet lasted, its recovery failed.
pub(crate) fn did_not_last(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.timers.due_at(Timer::Healthy).is_none() {
        return;
    }
    s.timers.disarm(Timer::Healthy);
    s.flags.login_recovered = false;
    s.failed_recoveries = s.failed_recoveries.saturating_add(1);
    if s.failed_recoveries > params.recovery.failed {
        fx.notify(Rule::Rec1, Notice::RecoveryExhausted);
        stop::failed(s, Rule::Rec1, FailureReason::RecoveryExhausted, now, params, fx);
    }
}
