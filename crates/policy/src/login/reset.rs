//! LOG-4, LOG-7: manual resets.
//!
//! A reset zeroes the counters and connects again, from any failed state but a closed account. Inside the cool-down
//! after the last refused login it is accepted, and the login starts when the cool-down ends.

use warden_domain::{Desired, FailureReason, Rule, Timestamp};

use super::attempt;
use crate::{Effects, Instance, StoreAction, Timer, account::Closure};

/// A person resets the instance.
pub(crate) fn reset(s: &mut Instance, now: Timestamp, fx: &mut Effects) {
    if s.may_reset().is_err() {
        return;
    }
    s.desired = Desired::Running;
    s.forget_failures();
    fx.store(Rule::Log7, StoreAction::ForgetRejected);
    let rule = if s.timers.due_at(Timer::LoginCooldown).is_some() { Rule::Log4 } else { Rule::Log7 };
    attempt::due_now(s, rule, now, fx);
}

/// LOG-9: what was known of the old credentials says nothing about the new ones.
pub(crate) fn credentials_changed(s: &mut Instance, fx: &mut Effects) {
    if s.closure.is_final() || (!s.flags.proven && s.closure == Closure::None) {
        return;
    }
    fx.decided(Rule::Log9);
    s.flags.proven = false;
    s.closure = Closure::None;
}

impl Instance {
    /// A person has taken over: counters, incidents and recovery timers start anew. The cool-down stays.
    pub(crate) fn forget_failures(&mut self) {
        self.login_attempts = 0;
        self.rate_limits = 0;
        self.failed_recoveries = 0;
        self.login_failure = FailureReason::None;
        self.last_failure = FailureReason::None;
        self.closure = Closure::None;
        self.incidents = crate::incident::Incidents::default();
        self.flags.lost_for_long = false;
        self.flags.held = false;
        self.flags.degraded = false;
        self.forget_command();
        self.timers.keep_only(&[Timer::LoginCooldown]);
    }
}
