//! ACC-5: trading is no longer permitted (rights withdrawn, or an investor password).
//!
//! Reconnect after 60 s (`account.permissions.reconnect_after`), once (`account.permissions.attempts`); still not
//! permitted: stop, the user must act.

use warden_domain::{Facts, FailureReason, IncidentKind, Layer, Rule, Span, Timestamp};

use crate::{
    Effects, Evidence, Instance, Notice, Params, Phase, Timer,
    jitter::lengthened,
    login::attempt,
    network::dropped,
    recovery::{lasting, stop},
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
    if lasting::did_not_last(s, now, params, fx) {
        still_lost(s, now, params, fx);
    }
}

/// Plans the one reconnect, or stops after it.
pub(crate) fn still_lost(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.incidents.attempts(IncidentKind::PermissionsChanged) >= params.permissions.attempts {
        fx.notify(Rule::Acc5, Notice::PermissionsChanged);
        return stop::failed(s, Rule::Acc5, FailureReason::PermissionsChanged, now, params, fx);
    }
    fx.decided(Rule::Acc5);
    s.timers.disarm(Timer::Login);
    dropped::wait_until(s, IncidentKind::PermissionsChanged, now.after(wait(s, params)));
}

pub(crate) fn wait(s: &Instance, params: &Params) -> Span {
    lengthened(params.permissions.reconnect_after, params.recovery.jitter, s.seed, s.command.0)
}
