//! ACC-5: trading is no longer permitted (rights withdrawn, or an investor password).
//!
//! Reconnect after 60 s (`account.permissions.reconnect_after`), once (`account.permissions.attempts`); still not
//! permitted: stop, the user must act.

use warden_domain::{Facts, FailureReason, IncidentKind, Layer, Rule, Timestamp};

use crate::{
    Effects, Evidence, Instance, Notice, Params, Phase, Timer, jitter::lengthened, login::attempt,
    recovery::stop,
};

/// The terminal or the account says that trading is not permitted.
pub(crate) fn lost(s: &mut Instance, facts: &Facts, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.phase == Phase::LoggingIn {
        attempt::uncounted(s);
    }
    s.set_layer(Layer::TradingPermitted, false, now);
    s.set_layer(Layer::SessionConfirmed, false, now);
    s.incidents.open(IncidentKind::PermissionsChanged, now, Evidence::of(facts));
    s.last_failure = FailureReason::PermissionsChanged;
    still_lost(s, now, params, fx);
}

/// Plans the one reconnect, or stops after it.
pub(crate) fn still_lost(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(Rule::Acc5);
    s.forget_command();
    if s.incidents.attempts(IncidentKind::PermissionsChanged) >= params.permissions.attempts {
        fx.notify(Rule::Acc5, Notice::PermissionsChanged);
        return stop::failed(s, Rule::Acc5, FailureReason::PermissionsChanged, now, params, fx);
    }
    s.phase = Phase::Waiting(IncidentKind::PermissionsChanged);
    let wait = lengthened(params.permissions.reconnect_after, params.recovery.jitter, s.seed, s.command.0);
    s.timers.disarm(Timer::Login);
    s.timers.arm(Timer::Reconnect, now.after(wait));
}
