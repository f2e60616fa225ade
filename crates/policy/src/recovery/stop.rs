//! What every stop does: no order leaves, the terminal session is closed, and only a person starts it again (REC-3).

use warden_domain::{FailureReason, Layer, Rule, Status, Timestamp};

use crate::{Command, Effects, Instance, Params, Phase, Timer};

/// Stops with status `FAILED`.
pub(crate) fn failed(
    s: &mut Instance,
    rule: Rule,
    reason: FailureReason,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    stop(s, Status::Failed, rule, reason, now, params, fx);
}

/// Stops with status `PERMANENTLY_FAILED`.
pub(crate) fn permanently(
    s: &mut Instance,
    rule: Rule,
    reason: FailureReason,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    stop(s, Status::PermanentlyFailed, rule, reason, now, params, fx);
}

fn stop(
    s: &mut Instance,
    status: Status,
    rule: Rule,
    reason: FailureReason,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    s.forget_command();
    s.timers.keep_only(&[Timer::LoginCooldown]);
    end_session(s, rule, now, params, fx);
    s.set_layer(Layer::SessionConfirmed, false, now);
    s.flags.held = false;
    s.last_failure = reason;
    s.phase = Phase::Stopped { status, reason };
}

/// Closes the terminal session, where a gateway can be told to.
pub(crate) fn end_session(s: &mut Instance, rule: Rule, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(rule);
    if s.health.is_up(Layer::GatewayAlive) {
        s.send(fx, rule, Command::EndSession, now.after(params.session.reconnect_deadline));
    }
}
