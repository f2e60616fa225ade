//! SES-1: after any login or restart, trading opens only on a confirmed session.
//!
//! The account's login and server match, trading is permitted, and the open orders and positions were reconciled with
//! the stored state. Default: `session.confirm_deadline` 10 s.

use warden_domain::{Facts, IncidentKind, Layer, Rule, Timestamp};

use crate::{
    Command, Effects, Instance, Outcome, Params, Phase, Timer, account::permissions, login::attempt,
    recovery::lasting, step,
};

/// Asks who is logged in and what is open.
pub(crate) fn begin(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    for timer in [Timer::Login, Timer::Reconnect, Timer::Restart, Timer::Maintenance] {
        s.timers.disarm(timer);
    }
    s.phase = Phase::Confirming;
    s.ask(fx, Rule::Ses1, Command::Confirm, now.after(params.session.confirm_deadline));
}

pub(crate) fn ended(
    s: &mut Instance,
    outcome: Outcome,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    match outcome {
        Outcome::Session { matches: true, reconciled: true, positions } => {
            s.positions = positions;
            match facts.trading_permitted() {
                Some(true) => confirmed(s, now, params, fx),
                Some(false) => permissions::lost(s, facts, now, params, fx),
                None => begin(s, now, params, fx),
            }
        }
        Outcome::Session { matches: true, reconciled: false, .. } | Outcome::NotStarted => {
            begin(s, now, params, fx)
        }
        Outcome::Session { matches: false, .. } => attempt::due_now(s, Rule::Ses1, now, fx),
        Outcome::Done | Outcome::Failed | Outcome::NoCredentials | Outcome::CredentialsUnavailable => {
            step::failed(s, facts, now, params, fx);
        }
    }
}

/// Everything that kept the session down is over.
fn confirmed(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(Rule::Ses1);
    s.phase = Phase::Up;
    for layer in [Layer::BrokerConnected, Layer::LoggedIn, Layer::TradingPermitted, Layer::SessionConfirmed] {
        s.set_layer(layer, true, now);
    }
    let mut recovered = false;
    for kind in SESSION_INCIDENTS {
        recovered |= s.incidents.close(kind);
    }
    s.timers.disarm(Timer::ConnectionLost);
    s.flags.lost_for_long = false;
    s.flags.held = false;
    if recovered {
        lasting::recovered(s, now, params);
    }
}

/// The kinds that a confirmed session disproves.
const SESSION_INCIDENTS: [IncidentKind; 8] = [
    IncidentKind::LoginFailed,
    IncidentKind::BrokerDown,
    IncidentKind::Maintenance,
    IncidentKind::NetworkLost,
    IncidentKind::TerminalCrashed,
    IncidentKind::PermissionsChanged,
    IncidentKind::AccountDisabled,
    IncidentKind::AccountClosed,
];
