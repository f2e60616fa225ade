//! SES-1: after any login or restart, trading opens only on a confirmed session.
//!
//! The account's login and server match, trading is permitted, and the open orders and positions were reconciled with
//! the stored state. Default: `session.confirm_deadline` 10 s; what is not yet known or reconciled is asked for again
//! (`session.again_after`), and the gate stays closed until it is.

use warden_domain::{Facts, IncidentKind, Layer, Rule, Timestamp};

use crate::{
    Command, Effects, Instance, Outcome, Params, Phase, Timer,
    account::permissions,
    jitter::lengthened,
    login::{attempt, refused},
    network::dropped,
    recovery::lasting,
    state::Sharing,
    step,
};

/// Asks who is logged in and what is open.
pub(crate) fn begin(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    for timer in [Timer::Login, Timer::Reconnect, Timer::Restart, Timer::Maintenance] {
        s.timers.disarm(timer);
    }
    s.set_layer(Layer::SessionConfirmed, false, now);
    s.phase = Phase::Confirming;
    s.ask(fx, Rule::Ses1, Command::Confirm, params.session.confirm_deadline, now, params);
}

/// Asks again in a while.
fn again(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(Rule::Ses1);
    let wait = lengthened(params.session.again_after, params.recovery.jitter, s.seed, s.command.0);
    s.timers.arm(Timer::Reconnect, now.after(wait));
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
        Outcome::Session { matches: true, reconciled, positions } => {
            s.positions = positions;
            attempt::succeeded(s, fx);
            match facts.trading_permitted() {
                Some(false) => permissions::lost(s, facts, now, params, fx),
                Some(true) if reconciled => confirmed(s, now, params, fx),
                Some(true) | None => again(s, now, params, fx),
            }
        }
        Outcome::Session { matches: false, .. } => refused::wrong_account(s, now, params, fx),
        Outcome::NotStarted => again(s, now, params, fx),
        Outcome::Done | Outcome::Failed | Outcome::NoCredentials | Outcome::CredentialsUnavailable => {
            step::failed(s, facts, now, params, fx);
        }
    }
}

/// Everything that kept the session down is over.
fn confirmed(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(Rule::Ses1);
    s.phase = Phase::Up;
    for layer in [
        Layer::TerminalAlive,
        Layer::BrokerConnected,
        Layer::LoggedIn,
        Layer::TradingPermitted,
        Layer::SessionConfirmed,
    ] {
        s.set_layer(layer, true, now);
    }
    let mut recovered = s.flags.login_recovered;
    for kind in SESSION_INCIDENTS {
        recovered |= s.incidents.close(kind);
    }
    dropped::unwatch(s);
    s.flags.sharing = Sharing::Alone;
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
