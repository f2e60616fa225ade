//! BRK-1: the terminal cannot reach the broker.
//!
//! Status `FAILED`, reason `BROKER_DOWN`, alert; reconnect after 30 s (`broker.down.reconnect_after`), at most 5 times
//! (`broker.down.attempts`). Exhausted: `PERMANENTLY_FAILED`, notify, stop.

use warden_domain::{Facts, FailureReason, IncidentKind, Rule, Span, Timestamp};

use crate::{
    Effects, Evidence, Instance, Notice, Params, Phase, jitter::lengthened, login::network_lost,
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
    let evidence = Evidence::of(facts);
    if s.phase == Phase::LoggingIn && network_lost::first_loss_of_a_login(s, evidence, now, params, fx) {
        return;
    }
    if dropped::open(s, IncidentKind::BrokerDown, evidence, now, params, fx) {
        again(s, now, params, fx);
    }
}

/// Plans the next reconnect, or gives the broker up.
pub(crate) fn again(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    s.last_failure = FailureReason::BrokerDown;
    if s.incidents.attempts(IncidentKind::BrokerDown) >= params.down.attempts {
        return given_up(s, now, params, fx);
    }
    fx.decided(Rule::Brk1);
    dropped::wait_until(s, IncidentKind::BrokerDown, now.after(wait(s, params)));
}

pub(crate) fn given_up(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.notify(Rule::Brk1, Notice::BrokerGivenUp);
    stop::permanently(s, Rule::Brk1, FailureReason::BrokerDown, now, params, fx);
}

pub(crate) fn wait(s: &Instance, params: &Params) -> Span {
    lengthened(params.down.reconnect_after, params.recovery.jitter, s.seed, s.command.0)
}
