//! REC-3, REC-4: gateways come and go, and supervisors are started again.
//!
//! Timers, counters and incidents go on where they were. A command whose outcome was lost with the gateway or the
//! supervisor stays counted; what the terminal reports decides what is next.

use warden_domain::{FailureReason, IncidentKind, Layer, Rule, Timestamp};

use super::{lasting, stop};
use crate::{
    Effects, Instance, Params, Phase, Report, Timer,
    account::{corrupted, destruction},
    login::attempt,
    network::dropped,
    recovery::conflict,
    session::confirm,
    step,
};

/// The supervisor was started again with this stored state; no gateway is connected yet.
pub(crate) fn resumed(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let before = s.clone();
    s.flags.halted &= !broken!(RestartLiftsHalt);
    let was_served = s.set_layer(Layer::GatewayAlive, false, now);
    match s.phase {
        Phase::Up | Phase::Confirming => {
            // A session is not bad because its supervisor went away (REC-1).
            lasting::interrupted(s);
            dropped::out_of_sight(s, now, params, fx);
        }
        Phase::LoggingIn => attempt::outcome_lost(s, now, params, fx),
        Phase::Recovering(kind) => dropped::outcome_lost(s, kind, now, params),
        // Whether its session was closed before the supervisor died is not known; closing it twice is harmless.
        Phase::Stopped { reason, .. } if was_served && reason != FailureReason::None => {
            s.flags.session_left = true;
        }
        Phase::Stopped { .. } | Phase::LoginDue | Phase::Waiting(_) | Phase::Closing(_) => {}
    }
    absent(s, now, params);
    corrupted::resumed(s, now, params, fx);
    conflict::resumed(s, fx);
    destruction::again(s, now, params, fx);
    if *s != before || !fx.list.is_empty() {
        fx.decided(Rule::Rec4);
    } else {
        fx.clear();
    }
}

/// The gateway's session ended.
pub(crate) fn gateway_down(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.set_layer(Layer::GatewayAlive, false, now) {
        fx.changed = true;
        without_gateway(s, now, params, fx);
        absent(s, now, params);
    }
}

fn without_gateway(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    match s.phase {
        Phase::Up | Phase::Confirming => dropped::out_of_sight(s, now, params, fx),
        Phase::LoggingIn => attempt::gateway_lost(s, now, params, fx),
        Phase::Recovering(kind) => {
            fx.decided(Rule::Rec4);
            dropped::outcome_lost(s, kind, now, params);
        }
        Phase::Stopped { .. } | Phase::LoginDue | Phase::Waiting(_) | Phase::Closing(_) => {}
    }
}

/// NET-4: an instance that waits for its gateway is disconnected too; one that is meant to be is not.
fn absent(s: &mut Instance, now: Timestamp, params: &Params) {
    match s.phase {
        Phase::Waiting(
            IncidentKind::Maintenance | IncidentKind::AccountClosed | IncidentKind::AccountDisabled,
        ) => {}
        Phase::LoginDue | Phase::Waiting(_) => dropped::watch(s, now, params),
        Phase::LoggingIn
        | Phase::Confirming
        | Phase::Up
        | Phase::Recovering(_)
        | Phase::Stopped { .. }
        | Phase::Closing(_) => {}
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
    let was_absent = s.set_layer(Layer::GatewayAlive, true, now);
    if was_absent {
        fx.changed = true;
    } else {
        // It was replaced: what the old one knew, and the outcome of its command, is gone.
        without_gateway(s, now, params, fx);
    }
    if s.flags.session_left {
        s.flags.session_left = false;
        if matches!(s.phase, Phase::Stopped { .. }) {
            stop::end_session(s, Rule::Rec3, now, params, fx);
        }
    }
    if s.phase == Phase::LoginDue && !dropped::is_session_lost(s) && s.timers.is_armed(Timer::ConnectionLost)
    {
        fx.changed = true;
        dropped::unwatch(s);
    }
    step::reported(s, report, now, params, fx);
    let ready = s.health.is_up(Layer::BrokerConnected) && s.health.is_up(Layer::LoggedIn);
    if ready && s.phase == Phase::LoginDue && s.flags.proven {
        confirm::begin(s, now, params, fx);
    }
}
