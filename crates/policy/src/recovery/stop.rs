//! What every stop does: no order leaves, the terminal session is closed, and only a person starts it again (REC-3).

use warden_domain::{FailureReason, Layer, Rule, Status, Timestamp};

use crate::{Command, Effects, Instance, Params, Phase, Timer, state::Sharing};

/// Deadlines of a stopped instance: its stored state is looked after still (ACC-6, REC-2), and a cool-down goes on.
const KEPT: [Timer; 3] = [Timer::LoginCooldown, Timer::Rebuild, Timer::Conflict];

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
    if matches!(s.phase, Phase::Closing(_) | Phase::Stopped { .. }) {
        // A stop under way deals with open trades first, and ends as it was asked to.
        return;
    }
    s.flags.lost_for_long = false;
    s.flags.login_recovered = false;
    s.flags.sharing = Sharing::Alone;
    s.last_failure = reason;
    rest(s, status, rule, reason, now, params, fx);
}

/// Closes the terminal session and rests: only cool-downs and the care of the stored state go on.
pub(crate) fn rest(
    s: &mut Instance,
    status: Status,
    rule: Rule,
    reason: FailureReason,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    s.forget_command();
    s.timers.keep_only(&KEPT);
    s.set_layer(Layer::SessionConfirmed, false, now);
    s.phase = Phase::Stopped { status, reason };
    end_session(s, rule, now, params, fx);
}

/// Closes the terminal session: now, or when a gateway comes that can be told to.
pub(crate) fn end_session(s: &mut Instance, rule: Rule, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(rule);
    s.flags.session_left = !s.health.is_up(Layer::GatewayAlive);
    if !s.flags.session_left {
        s.send(fx, rule, Command::EndSession, now, params);
    }
}
