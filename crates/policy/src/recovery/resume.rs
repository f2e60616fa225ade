//! REC-3, REC-4: gateways come and go, and supervisors are started again.
//!
//! Timers, counters and incidents go on where they were. A command whose outcome was lost with the gateway or the
//! supervisor counts as started and is not counted twice; what the terminal reports decides what is next.

use warden_domain::{IncidentKind, Layer, Rule, Timestamp};

use super::super::{Effects, Instance, Params, Phase, Report, Timer};
use crate::{Evidence, account::destruction, login::attempt, network::dropped, session::confirm, step};

/// The supervisor was started again with this stored state; no gateway is connected yet.
pub(crate) fn resumed(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(Rule::Rec4);
    s.set_layer(Layer::GatewayAlive, false, now);
    without_gateway(s, now, params, fx);
    destruction::again(s, now, params, fx);
}

/// The gateway's session ended.
pub(crate) fn gateway_down(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.set_layer(Layer::GatewayAlive, false, now) {
        fx.changed = true;
        without_gateway(s, now, params, fx);
    }
}

fn without_gateway(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    match s.phase {
        Phase::Up | Phase::Confirming => dropped::dropped(s, Evidence::GatewayGone, now, params, fx),
        Phase::LoggingIn => {
            attempt::uncounted(s);
            attempt::due_now(s, Rule::Rec4, now, fx);
        }
        Phase::Recovering(kind) => {
            fx.decided(Rule::Rec4);
            s.forget_command();
            if s.incidents.is_open(kind) {
                let attempts = s.incidents.attempts(kind).saturating_sub(1);
                s.incidents.set_attempts(kind, attempts);
            }
            dropped::wait_until(s, kind, now);
        }
        Phase::Stopped { .. } | Phase::LoginDue | Phase::Waiting(_) | Phase::Closing(_) => {}
    }
}

/// A gateway's session began to serve the instance.
pub(crate) fn gateway_up(
    s: &mut Instance,
    report: &Report,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    if s.set_layer(Layer::GatewayAlive, true, now) {
        fx.changed = true;
    }
    if s.in_flight && s.timers.due_at(Timer::Command).is_some() {
        // The gateway was replaced while a command was under way: its outcome may never come.
        without_gateway(s, now, params, fx);
    }
    step::reported(s, report, now, params, fx);
    let ready = s.health.is_up(Layer::BrokerConnected) && s.health.is_up(Layer::LoggedIn);
    let waits = matches!(s.phase, Phase::LoginDue | Phase::Waiting(IncidentKind::NetworkLost));
    if ready && waits && s.login_attempts == 0 && s.flags.proven {
        confirm::begin(s, now, params, fx);
    }
}
