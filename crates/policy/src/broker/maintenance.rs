//! BRK-4: maintenance, or the market closed by the broker.
//!
//! The session ends, the state is stored, and it is tried again after 1 h (`broker.maintenance.retry_after`). The
//! budgets of other incidents do not run down meanwhile: their attempts stay counted and none is made.

use warden_domain::{Facts, FailureReason, IncidentKind, Rule, Timestamp};

use crate::{Command, Effects, Evidence, Instance, Params, Phase, Timer, jitter::lengthened, login::attempt};

/// A call was answered with "market closed".
pub(crate) fn begin(s: &mut Instance, facts: &Facts, now: Timestamp, params: &Params, fx: &mut Effects) {
    match s.phase {
        Phase::Stopped { .. } | Phase::Closing(_) | Phase::Waiting(IncidentKind::Maintenance) => return,
        Phase::LoggingIn => attempt::uncounted(s),
        Phase::LoginDue | Phase::Confirming | Phase::Up | Phase::Waiting(_) | Phase::Recovering(_) => {}
    }
    s.incidents.open(IncidentKind::Maintenance, now, Evidence::of(facts));
    s.incidents.count_attempt(IncidentKind::Maintenance);
    s.last_failure = FailureReason::Maintenance;
    s.forget_command();
    s.timers.keep_only(&[Timer::LoginCooldown, Timer::RateLimitPause, Timer::RateLimitQuiet]);
    s.send(fx, Rule::Brk4, Command::EndSession, now.after(params.session.reconnect_deadline));
    s.phase = Phase::Waiting(IncidentKind::Maintenance);
    let wait = lengthened(params.maintenance.retry_after, params.recovery.jitter, s.seed, s.command.0);
    s.timers.arm(Timer::Maintenance, now.after(wait));
}

/// The wait is over: log in again.
pub(crate) fn over(s: &mut Instance, now: Timestamp, fx: &mut Effects) {
    if s.phase == Phase::Waiting(IncidentKind::Maintenance) {
        attempt::due_now(s, Rule::Brk4, now, fx);
    }
}
