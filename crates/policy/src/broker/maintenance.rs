//! BRK-4: maintenance, or the market closed by the broker.
//!
//! The session ends, the state is stored, and it is tried again after 1 h (`broker.maintenance.retry_after`). The
//! budgets of other incidents do not run down meanwhile: their attempts stay counted and none is made.

use warden_domain::{Facts, FailureReason, IncidentKind, Layer, Rule, Timestamp};

use crate::{
    Effects, Evidence, Instance, Params, Phase, Timer,
    jitter::lengthened,
    login::attempt,
    network::dropped,
    recovery::{lasting, stop},
};

/// A call was answered with "market closed".
pub(crate) fn begin(s: &mut Instance, facts: &Facts, now: Timestamp, params: &Params, fx: &mut Effects) {
    match s.phase {
        Phase::Stopped { .. } | Phase::Closing(_) | Phase::Waiting(IncidentKind::Maintenance) => return,
        Phase::LoggingIn => attempt::uncounted(s),
        Phase::Recovering(kind) => s.incidents.uncount_attempt(kind),
        Phase::LoginDue | Phase::Confirming | Phase::Up | Phase::Waiting(_) => {}
    }
    s.incidents.open(IncidentKind::Maintenance, now, Evidence::of(facts));
    s.incidents.count_attempt(IncidentKind::Maintenance);
    s.last_failure = FailureReason::Maintenance;
    s.forget_command();
    for timer in [Timer::Login, Timer::Reconnect, Timer::Restart] {
        s.timers.disarm(timer);
    }
    s.set_layer(Layer::SessionConfirmed, false, now);
    dropped::unwatch(s);
    lasting::interrupted(s);
    stop::end_session(s, Rule::Brk4, now, params, fx);
    s.phase = Phase::Waiting(IncidentKind::Maintenance);
    let wait = lengthened(params.maintenance.retry_after, params.recovery.jitter, s.seed, s.command.0);
    s.timers.arm(Timer::Maintenance, now.after(wait));
}

/// The wait is over: log in again.
pub(crate) fn over(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.phase == Phase::Waiting(IncidentKind::Maintenance) {
        attempt::due_now(s, Rule::Brk4, now, params, fx);
    }
}
