//! ACC-7: a person stops the instance.
//!
//! Open trades are dealt with as the mode says (`account.stop.mode`) within 30 s (`account.stop.close_within`), the state
//! is journalled, the status is `INACTIVE`; only a person starts it again. While trading is halted no order leaves, not
//! even one that closes: the trades are left as they are, and people are told (TRD-7).

use warden_domain::{Desired, FailureReason, Rule, Status, StopMode, Timestamp};

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
    if mode == StopMode::Preserve {
        end(s, false, now, params, fx);
    } else if may_close_trades(s) {
        close_trades(s, FailureReason::UserStopped, Rule::Acc7, mode, now, params, fx);
    } else {
        end(s, s.positions > 0 || s.unresolved_sends > 0, now, params, fx);
    }
}

/// Whether the broker can be asked to close trades.
pub(crate) fn may_close_trades(s: &Instance) -> bool {
    s.phase == Phase::Up && !s.is_halted()
}

/// Deals with open trades; then the instance stops for this reason.
pub(crate) fn close_trades(
    s: &mut Instance,
    reason: FailureReason,
    rule: Rule,
    mode: StopMode,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    s.forget_command();
    s.timers.keep_only(&[Timer::LoginCooldown, Timer::Rebuild, Timer::Conflict]);
    s.phase = Phase::Closing(reason);
    s.timers.arm(Timer::Close, now.after(params.stop.close_within));
    s.ask(fx, rule, Command::CloseTrades(mode), params.stop.close_within, now, params);
}

/// The trades were dealt with, or could not be; what nobody knows the outcome of may be left.
pub(crate) fn closed(s: &mut Instance, outcome: Outcome, now: Timestamp, params: &Params, fx: &mut Effects) {
    let left = match outcome {
        Outcome::Done | Outcome::Session { .. } => s.unresolved_sends > 0,
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
    s.forget_incidents();
    s.closure = destruction::Closure::None;
    s.last_failure = FailureReason::UserStopped;
    stop::rest(s, Status::Inactive, Rule::Acc7, FailureReason::UserStopped, now, params, fx);
    s.timers.keep_only(&[Timer::LoginCooldown]);
}
