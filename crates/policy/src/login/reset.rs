//! LOG-4, LOG-7: manual resets.
//!
//! A reset zeroes the counters and connects again, from any failed state but a closed account. Inside the cool-down
//! after the last refused login it is accepted, and the login starts when the cool-down ends.

use warden_domain::{Desired, FailureReason, IncidentKind, Rule, Timestamp};

use super::attempt;
use crate::{
    Effects, Instance, Params, Phase, StoreAction, Timer, account::Closure, incident::Incidents, state,
};

/// A person resets the instance.
pub(crate) fn reset(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.may_reset().is_err() {
        return;
    }
    s.desired = Desired::Running;
    s.forget_failures();
    s.flags.calm = true;
    fx.store(Rule::Log7, StoreAction::ForgetRejected);
    let rule = if s.timers.is_armed(Timer::LoginCooldown) { Rule::Log4 } else { Rule::Log7 };
    attempt::due_now(s, rule, now, params, fx);
}

/// LOG-9: what was known of the old credentials says nothing about the new ones. An account that was disabled, not
/// closed, may be started again with them once the old ones are destroyed (ACC-1).
pub(crate) fn credentials_changed(s: &mut Instance, fx: &mut Effects) {
    let revived = s.closure == Closure::Done && s.last_failure == FailureReason::AccountDisabled;
    if (s.closure.is_final() && !revived) || (!s.flags.proven && s.closure == Closure::None) {
        return;
    }
    fx.decided(if revived { Rule::Acc1 } else { Rule::Log9 });
    s.flags.proven = false;
    s.closure = Closure::None;
    s.incidents.close(IncidentKind::AccountDisabled);
    s.incidents.close(IncidentKind::AccountClosed);
    if matches!(s.phase, Phase::Waiting(IncidentKind::AccountDisabled | IncidentKind::AccountClosed)) {
        s.phase = Phase::LoginDue;
    }
}

impl Instance {
    /// A person has taken over: counters, incidents and recovery timers start anew. The cool-down stays, and so does
    /// what is known of the hot-state store, which is nobody's failure here (NET-3).
    pub(crate) fn forget_failures(&mut self) {
        self.login_attempts = 0;
        self.rate_limits = 0;
        self.failed_recoveries = 0;
        self.login_failure = FailureReason::None;
        self.last_failure = FailureReason::None;
        self.closure = Closure::None;
        self.forget_incidents();
        self.forget_command();
        self.timers.keep_only(&[Timer::LoginCooldown]);
    }

    /// Ends every incident but a lost hot-state store, and what they left in the flags.
    pub(crate) fn forget_incidents(&mut self) {
        let store = self.incidents.get(IncidentKind::StateStoreLost);
        self.incidents = Incidents::default();
        if let Some(lost) = store {
            self.incidents.open(IncidentKind::StateStoreLost, lost.opened_at, lost.evidence);
            self.incidents.set_attempts(IncidentKind::StateStoreLost, lost.attempt);
        }
        self.flags.throttled = false;
        self.flags.login_recovered = false;
        self.flags.lost_for_long = false;
        self.flags.session_left = false;
        self.flags.sharing = state::Sharing::Alone;
    }
}
