//! LOG-2, LOG-3, LOG-5, LOG-9: the broker refuses the login.
//!
//! Waits after refused login 1, 2, 3, 4: 5, 10, 30, 60 s (`login.waits`). The third in a row tells people and
//! throttles the account; the fifth stops the instance: no recovery by itself. The refused credentials are remembered.
//!
//! Refused is what the broker refused by any command, a reconnect or a confirmation included, and a login that led to
//! a session of another account.

use warden_domain::{Facts, FailureReason, IncidentKind, Rule, Span, Timestamp};

use super::attempt;
use crate::{
    Effects, Evidence, Instance, Notice, Params, Phase, StoreAction, Timer, account::disabled,
    jitter::lengthened, recovery::stop,
};

/// A refusal, by evidence (LOG-9).
pub(crate) fn refused(
    s: &mut Instance,
    invalid_account: bool,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    if invalid_account && s.flags.proven {
        return disabled::proof(s, IncidentKind::AccountClosed, facts, now, params, fx);
    }
    if s.phase != Phase::LoggingIn {
        count(s, params);
    }
    counted(s, Evidence::of(facts), now, params, fx);
}

/// The session is not one of the expected account.
pub(crate) fn wrong_account(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    count(s, params);
    counted(s, Evidence::Flags, now, params, fx);
}

/// What was refused is in the count of logins, which may be full of those whose outcome was lost (REC-4).
fn count(s: &mut Instance, params: &Params) {
    s.login_attempts = s.login_attempts.saturating_add(1).min(params.login.attempts);
}

/// A login was refused; it is in the count already.
fn counted(s: &mut Instance, evidence: Evidence, now: Timestamp, params: &Params, fx: &mut Effects) {
    s.incidents.open(IncidentKind::LoginFailed, now, evidence);
    s.incidents.set_attempts(IncidentKind::LoginFailed, s.login_attempts);
    s.login_failure = FailureReason::LoginFailed;
    s.last_failure = FailureReason::LoginFailed;
    s.flags.login_recovered = false;
    if s.login_attempts >= params.login.attempts {
        return given_up(s, now, params, fx);
    }
    if s.login_attempts >= params.login.alert_after && !s.flags.throttled {
        s.flags.throttled = true;
        fx.notify(Rule::Log5, Notice::RepeatedLoginFailure);
    }
    let at = now.after(wait(s, params));
    let throttled = s.last_login_attempt.filter(|_| s.flags.throttled);
    let at = throttled.map_or(at, |last| at.max(last.after(params.login.throttle_interval)));
    attempt::due_at(s, Rule::Log2, at, now, params, fx);
}

/// The wait after as many refused logins as are counted.
pub(crate) fn wait(s: &Instance, params: &Params) -> Span {
    lengthened(params.login.waits.after(s.login_attempts), params.recovery.jitter, s.seed, s.command.0)
}

/// LOG-3, and the cool-down of LOG-4.
pub(crate) fn given_up(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(Rule::Log3);
    s.login_failure = FailureReason::LoginFailed;
    s.incidents.open(IncidentKind::LoginFailed, now, Evidence::Silence);
    s.incidents.set_attempts(IncidentKind::LoginFailed, s.login_attempts);
    if s.incidents.get(IncidentKind::LoginFailed).is_some_and(|incident| incident.evidence.is_refusal()) {
        fx.store(Rule::Log9, StoreAction::RememberRejected);
    }
    fx.notify(Rule::Log3, Notice::LoginFailed);
    stop::failed(s, Rule::Log3, FailureReason::LoginFailed, now, params, fx);
    s.timers.arm(Timer::LoginCooldown, now.after(params.login.cooldown));
}
