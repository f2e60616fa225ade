//! LOG-2, LOG-3, LOG-5, LOG-9: the broker refuses the login.
//!
//! Waits after refused login 1, 2, 3, 4: 5, 10, 30, 60 s (`login.waits`). The third in a row tells people and
//! throttles the account; the fifth stops the instance: no recovery by itself. The refused credentials are remembered.

use warden_domain::{Facts, FailureReason, IncidentKind, Rule, Timestamp};

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
        disabled::proof(s, IncidentKind::AccountClosed, facts, now, params, fx);
    } else if s.phase == Phase::LoggingIn {
        counted(s, facts, now, params, fx);
    } else {
        attempt::due_now(s, Rule::Log9, now, fx);
    }
}

/// The login under way was refused; its attempt was counted when it began.
fn counted(s: &mut Instance, facts: &Facts, now: Timestamp, params: &Params, fx: &mut Effects) {
    s.incidents.open(IncidentKind::LoginFailed, now, Evidence::of(facts));
    s.incidents.set_attempts(IncidentKind::LoginFailed, s.login_attempts);
    s.login_failure = FailureReason::LoginFailed;
    s.last_failure = FailureReason::LoginFailed;
    if s.login_attempts >= params.login.attempts {
        return given_up(s, now, params, fx);
    }
    if s.login_attempts >= params.login.alert_after && !s.flags.throttled {
        s.flags.throttled = true;
        fx.notify(Rule::Log5, Notice::RepeatedLoginFailure);
    }
    let wait = params.login.waits.after(s.login_attempts);
    let wait = lengthened(wait, params.recovery.jitter, s.seed, s.command.0);
    attempt::due_at(s, Rule::Log2, now.after(wait), fx);
}

/// LOG-3, and the cool-down of LOG-4.
fn given_up(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(Rule::Log3);
    fx.store(Rule::Log9, StoreAction::RememberRejected);
    fx.notify(Rule::Log3, Notice::LoginFailed);
    stop::failed(s, Rule::Log3, FailureReason::LoginFailed, now, params, fx);
    s.timers.arm(Timer::LoginCooldown, now.after(params.login.cooldown));
}
