//! BRK-1: the terminal cannot reach the broker.
//!
//! Status `FAILED`, reason `BROKER_DOWN`, alert; reconnect after 30 s (`broker.down.reconnect_after`), at most 5 times
//! (`broker.down.attempts`). Exhausted: `PERMANENTLY_FAILED`, notify, stop.

use warden_domain::{Facts, FailureReason, IncidentKind, Rule, Timestamp};

use crate::{
    Effects, Evidence, Instance, Notice, Params, Phase, Timer, jitter::lengthened, login::network_lost,
    network::dropped, recovery::stop,
};

/// A command failed on evidence that the broker's server is away.
pub(crate) fn unreachable(
    s: &mut Instance,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    if s.phase == Phase::LoggingIn && network_lost::first_loss_of_a_login(s, facts, now, params, fx) {
        return;
    }
    if s.phase == Phase::Recovering(IncidentKind::PermissionsChanged) {
        return dropped::attempt_failed(s, facts, now, params, fx);
    }
    dropped::open(s, IncidentKind::BrokerDown, Evidence::of(facts), now, params, fx);
    again(s, now, params, fx);
}

/// Plans the next reconnect, or gives the broker up.
pub(crate) fn again(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if matches!(s.phase, Phase::Stopped { .. }) {
        return;
    }
    fx.decided(Rule::Brk1);
    s.last_failure = FailureReason::BrokerDown;
    if s.incidents.attempts(IncidentKind::BrokerDown) >= params.down.attempts {
        fx.notify(Rule::Brk1, Notice::BrokerGivenUp);
        return stop::permanently(s, Rule::Brk1, FailureReason::BrokerDown, now, params, fx);
    }
    s.phase = Phase::Waiting(IncidentKind::BrokerDown);
    let wait = lengthened(params.down.reconnect_after, params.recovery.jitter, s.seed, s.command.0);
    s.timers.arm(Timer::Reconnect, now.after(wait));
}
