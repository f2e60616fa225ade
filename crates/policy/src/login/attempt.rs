//! LOG-1, LOG-2, LOG-6: login attempts.
//!
//! On start the credentials are fetched and the status is `CONNECTING`. The attempt is counted and its moment stored
//! before it starts. A success clears counters, reason and alerts, and says so once when it came after failures.

use warden_domain::{Desired, Facts, FailureReason, IncidentKind, Layer, Rule, Timestamp};

use crate::{
    Command, Effects, Instance, Notice, Outcome, Params, Phase, Timer, recovery::stop, session::confirm, step,
};

/// LOG-1: a person asks to run.
pub(crate) fn start(s: &mut Instance, now: Timestamp, fx: &mut Effects) {
    if s.may_start().is_ok() {
        s.desired = Desired::Running;
        s.forget_failures();
        due_now(s, Rule::Log1, now, fx);
    }
}

/// Plans a login: now, or when a cool-down (LOG-4) is over.
pub(crate) fn due_now(s: &mut Instance, rule: Rule, now: Timestamp, fx: &mut Effects) {
    let at = s.timers.due_at(Timer::LoginCooldown).map_or(now, |end| end.max(now));
    due_at(s, rule, at, fx);
}

/// Plans a login.
pub(crate) fn due_at(s: &mut Instance, rule: Rule, at: Timestamp, fx: &mut Effects) {
    fx.decided(rule);
    s.phase = Phase::LoginDue;
    s.forget_command();
    for timer in [Timer::Reconnect, Timer::Restart, Timer::Maintenance] {
        s.timers.disarm(timer);
    }
    s.timers.arm(Timer::Login, at);
}

/// The login's moment has come.
pub(crate) fn begin(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let probe =
        matches!(s.phase, Phase::Waiting(IncidentKind::AccountClosed | IncidentKind::AccountDisabled));
    if s.phase != Phase::LoginDue && !probe {
        return;
    }
    if s.flags.throttled && !probe {
        let earliest = s.last_login_attempt.map_or(now, |last| last.after(params.login.throttle_interval));
        if earliest > now {
            fx.decided(Rule::Log5);
            s.timers.arm(Timer::Login, earliest);
            return;
        }
    }
    s.login_attempts = s.login_attempts.saturating_add(1);
    s.last_login_attempt = Some(now);
    s.phase = Phase::LoggingIn;
    s.ask(fx, if probe { Rule::Acc3 } else { Rule::Log2 }, Command::Login, now.after(params.login.deadline));
}

pub(crate) fn ended(
    s: &mut Instance,
    outcome: Outcome,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    match outcome {
        Outcome::Done | Outcome::Session { .. } => succeeded(s, now, params, fx),
        Outcome::Failed => step::failed(s, facts, now, params, fx),
        Outcome::NotStarted => {
            uncounted(s);
            due_now(s, Rule::Log2, now, fx);
        }
        Outcome::NoCredentials => {
            uncounted(s);
            s.login_failure = FailureReason::LoginFailed;
            fx.notify(Rule::Log9, Notice::CredentialsNeeded);
            stop::failed(s, Rule::Log9, FailureReason::LoginFailed, now, params, fx);
        }
        Outcome::CredentialsUnavailable => {
            uncounted(s);
            due_at(s, Rule::Log1, now.after(params.login.network_wait), fx);
        }
    }
}

/// LOG-6.
fn succeeded(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let after_failures = s.login_attempts > 1 || s.flags.throttled;
    s.login_attempts = 0;
    s.login_failure = FailureReason::None;
    s.flags.throttled = false;
    s.flags.proven = true;
    s.closure = crate::account::Closure::None;
    s.set_layer(Layer::TerminalAlive, true, now);
    s.set_layer(Layer::BrokerConnected, true, now);
    s.set_layer(Layer::LoggedIn, true, now);
    if after_failures {
        s.flags.login_recovered = true;
        s.timers.arm(Timer::Healthy, now.after(params.recovery.healthy));
        fx.notify(Rule::Log6, Notice::LoginRecovered);
    }
    confirm::begin(s, now, params, fx);
}

/// The attempt under way was not refused: it does not count (LOG-8, LOG-9).
pub(crate) fn uncounted(s: &mut Instance) {
    s.login_attempts = s.login_attempts.saturating_sub(1);
}
