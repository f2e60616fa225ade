//! LOG-1, LOG-2, LOG-6: login attempts.
//!
//! On start the credentials are fetched and the status is `CONNECTING`. The attempt is counted and its moment stored
//! before it starts. A login that leads to a session of the expected account clears counters, reason and alerts, and
//! says so once when it came after failures.

use warden_domain::{Desired, Facts, FailureReason, IncidentKind, Layer, Rule, Timestamp};

use super::{network_lost, refused};
use crate::{
    Command, Effects, Evidence, Instance, Notice, Outcome, Params, Phase, Timer,
    account::{Closure, disabled},
    network::dropped,
    recovery::stop,
    session::confirm,
    step,
};

/// LOG-1: a person asks to run.
pub(crate) fn start(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.may_start().is_ok() {
        s.desired = Desired::Running;
        s.forget_failures();
        due_now(s, Rule::Log1, now, params, fx);
    }
}

/// Plans a login: now, or when a cool-down (LOG-4) or a wait that was planned before is over.
pub(crate) fn due_now(s: &mut Instance, rule: Rule, now: Timestamp, params: &Params, fx: &mut Effects) {
    due_at(s, rule, now, now, params, fx);
}

/// Plans a login, no earlier than a cool-down (LOG-4) or a wait that was planned before (LOG-2) ends.
pub(crate) fn due_at(
    s: &mut Instance,
    rule: Rule,
    at: Timestamp,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    fx.decided(rule);
    s.phase = Phase::LoginDue;
    s.forget_command();
    s.set_layer(Layer::SessionConfirmed, false, now);
    let waits = [Timer::Login, Timer::LoginCooldown];
    let at = waits.into_iter().filter_map(|timer| s.timers.due_at(timer)).fold(at, Timestamp::max);
    for timer in [Timer::Reconnect, Timer::Restart, Timer::Maintenance] {
        s.timers.disarm(timer);
    }
    s.timers.arm(Timer::Login, at);
    if !s.health.is_up(Layer::GatewayAlive) {
        dropped::watch(s, now, params);
    }
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
    if s.login_attempts >= params.login.attempts {
        // The outcome of the last one was lost (REC-4), and nothing has shown since that it succeeded.
        return refused::given_up(s, now, params, fx);
    }
    s.login_attempts += 1;
    s.last_login_attempt = Some(now);
    s.phase = Phase::LoggingIn;
    let rule = if probe { Rule::Acc3 } else { Rule::Log2 };
    s.ask(fx, rule, Command::Login, params.login.deadline, now, params);
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
        Outcome::Done | Outcome::Session { .. } => {
            uncounted(s);
            confirm::begin(s, now, params, fx);
        }
        Outcome::Failed => step::failed(s, facts, now, params, fx),
        Outcome::NotStarted => {
            uncounted(s);
            due_at(s, Rule::Log2, now.after(params.session.again_after), now, params, fx);
        }
        Outcome::NoCredentials => {
            uncounted(s);
            s.login_failure = FailureReason::LoginFailed;
            fx.notify(Rule::Log9, Notice::CredentialsNeeded);
            stop::failed(s, Rule::Log9, FailureReason::LoginFailed, now, params, fx);
        }
        Outcome::CredentialsUnavailable => {
            uncounted(s);
            due_at(s, Rule::Log1, now.after(params.login.network_wait), now, params, fx);
        }
    }
}

/// LOG-6: the session is one of the expected account.
pub(crate) fn succeeded(s: &mut Instance, fx: &mut Effects) {
    let after_failures = s.incidents.attempts(IncidentKind::LoginFailed) > 0 || s.flags.throttled;
    s.login_attempts = 0;
    s.login_failure = FailureReason::None;
    if s.last_failure == FailureReason::LoginFailed {
        s.last_failure = FailureReason::None;
    }
    s.flags.throttled = false;
    s.flags.proven = true;
    s.closure = Closure::None;
    if after_failures {
        s.incidents.close(IncidentKind::LoginFailed);
        s.flags.login_recovered = true;
        fx.notify(Rule::Log6, Notice::LoginRecovered);
    }
}

/// The attempt under way was not refused: it does not count (LOG-8, LOG-9).
pub(crate) fn uncounted(s: &mut Instance) {
    s.login_attempts = s.login_attempts.saturating_sub(1);
}

/// The outcome of the login under way was lost with the supervisor: it may have been refused, so it stays counted
/// (REC-4), and the next one waits as if it had been.
pub(crate) fn outcome_lost(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    s.forget_command();
    if s.closure.is_suspected() {
        uncounted(s);
        return disabled::probe_later(s, now, params, fx);
    }
    let at = now.after(refused::wait(s, params));
    due_at(s, Rule::Rec4, at, now, params, fx);
}

/// The gateway went away under the login: nothing was refused as far as is known (LOG-8).
pub(crate) fn gateway_lost(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    s.forget_command();
    network_lost::lost(s, Evidence::GatewayGone, now, params, fx);
}
