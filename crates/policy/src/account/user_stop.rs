//! ACC-7: a person stops the instance.
//!
//! Open trades are dealt with as the mode says (`account.stop.mode`) within 30 s (`account.stop.close_within`), the state
//! is journalled, the status is `INACTIVE`; only a person starts it again.

use warden_domain::{Desired, FailureReason, Layer, Rule, Status, StopMode, Timestamp};

use super::destruction;
use crate::{Command, Effects, Instance, Notice, Outcome, Params, Phase, Timer, recovery::stop};

/// The person asks.
pub(crate) fn asked(s: &mut Instance, mode: StopMode, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.closure.is_final() || matches!(s.phase, Phase::Closing(_)) {
        return;
    }
    if let Phase::Stopped { status: Status::Inactive, .. } = s.phase {
        return;
    }
    s.desired = Desired::Stopped;
    let up = s.phase == Phase::Up;
    s.forget_command();
    s.timers.keep_only(&[Timer::LoginCooldown]);
    if up && mode != StopMode::Preserve {
        s.phase = Phase::Closing(FailureReason::UserStopped);
        let deadline = now.after(params.stop.close_within);
        s.timers.arm(Timer::Close, deadline);
        s.ask(fx, Rule::Acc7, Command::CloseTrades(mode), deadline);
    } else {
        end(s, !up && s.positions > 0 && mode != StopMode::Preserve, now, params, fx);
    }
}

/// The trades were dealt with, or could not be.
pub(crate) fn closed(s: &mut Instance, outcome: Outcome, now: Timestamp, params: &Params, fx: &mut Effects) {
    let left = match outcome {
        Outcome::Done | Outcome::Session { .. } => false,
        Outcome::Failed | Outcome::NotStarted | Outcome::NoCredentials | Outcome::CredentialsUnavailable => {
            true
        }
    };
    end(s, left, now, params, fx);
}

/// Closing them took too long.
pub(crate) fn too_late(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if matches!(s.phase, Phase::Closing(_)) {
        end(s, true, now, params, fx);
    }
}

fn end(s: &mut Instance, trades_left: bool, now: Timestamp, params: &Params, fx: &mut Effects) {
    let for_closure = s.phase == Phase::Closing(FailureReason::AccountClosed);
    if trades_left {
        fx.notify(if for_closure { Rule::Acc2 } else { Rule::Acc7 }, Notice::TradesLeftOpen);
    }
    if for_closure {
        return destruction::begin(s, Rule::Acc2, now, params, fx);
    }
    s.incidents = crate::incident::Incidents::default();
    s.flags.lost_for_long = false;
    s.flags.held = false;
    s.flags.degraded = false;
    s.flags.throttled = false;
    s.closure = destruction::Closure::None;
    stop::end_session(s, Rule::Acc7, now, params, fx);
    s.set_layer(Layer::SessionConfirmed, false, now);
    s.timers.keep_only(&[Timer::LoginCooldown]);
    s.last_failure = FailureReason::UserStopped;
    s.phase = Phase::Stopped { status: Status::Inactive, reason: FailureReason::UserStopped };
}
