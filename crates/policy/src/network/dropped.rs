//! NET-1, NET-4, NET-5: the connection dropped.
//!
//! The first reconnect starts within 5 s (`network.drop.reconnect_within`), the next ones with growing waits
//! (`network.drop.waits`), at most 5 (`network.drop.attempts`), then the instance stops. Disconnected for more than
//! 30 s (`network.drop.alert_after`): people are told, and reconnecting goes on. ACC-5's one reconnect runs here too.

use warden_domain::{Facts, FailureReason, IncidentKind, Layer, Rule, Span, Timestamp};

use crate::{
    Command, Effects, Evidence, Instance, Notice, Outcome, Params, Phase, Timer,
    account::permissions,
    broker::down,
    jitter::lengthened,
    recovery::{lasting, stop},
    session::confirm,
    step,
};

/// The kinds that mean: the session is lost.
pub(crate) const SESSION_LOSSES: [IncidentKind; 3] =
    [IncidentKind::NetworkLost, IncidentKind::BrokerDown, IncidentKind::TerminalCrashed];

/// The connection of a session dropped.
pub(crate) fn dropped(
    s: &mut Instance,
    evidence: Evidence,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    s.forget_command();
    open(s, IncidentKind::NetworkLost, evidence, now, params, fx);
    plan(s, now, params, fx);
}

/// Opens an incident that takes the session down, once; what lasted too short counts against REC-1.
pub(crate) fn open(
    s: &mut Instance,
    kind: IncidentKind,
    evidence: Evidence,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    let session_was_lost = SESSION_LOSSES.iter().any(|kind| s.incidents.is_open(*kind));
    if !s.incidents.is_open(kind) {
        fx.changed = true;
        s.incidents.open(kind, now, evidence);
        s.last_failure = kind.reason();
    }
    s.set_layer(Layer::SessionConfirmed, false, now);
    if !session_was_lost {
        s.timers.arm(Timer::ConnectionLost, now.after(params.drop.alert_after));
        lasting::did_not_last(s, now, params, fx);
    }
}

/// Plans the next reconnect of a dropped connection, or stops.
fn plan(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if matches!(s.phase, Phase::Stopped { .. }) {
        return;
    }
    let attempts = s.incidents.attempts(IncidentKind::NetworkLost);
    if attempts >= params.drop.attempts {
        fx.notify(Rule::Net5, Notice::ReconnectGivenUp);
        return stop::failed(s, Rule::Net5, FailureReason::NetworkLost, now, params, fx);
    }
    fx.decided(if attempts == 0 { Rule::Net1 } else { Rule::Net5 });
    s.phase = Phase::Waiting(IncidentKind::NetworkLost);
    s.timers.arm(Timer::Reconnect, now.after(wait(s, attempts, params)));
}

/// The first wait is a deadline that jitter must not pass (NET-1); the others are delays.
fn wait(s: &Instance, attempts: u8, params: &Params) -> Span {
    let wait = lengthened(params.drop.waits.after(attempts + 1), params.recovery.jitter, s.seed, s.command.0);
    if attempts == 0 { wait.min(params.drop.reconnect_within) } else { wait }
}

/// The reconnect's moment has come.
pub(crate) fn reconnect(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let Phase::Waiting(kind) = s.phase else { return };
    let rule = match kind {
        IncidentKind::BrokerDown => Rule::Brk1,
        IncidentKind::PermissionsChanged => Rule::Acc5,
        IncidentKind::NetworkLost if s.incidents.attempts(kind) == 0 => Rule::Net1,
        IncidentKind::NetworkLost => Rule::Net5,
        IncidentKind::LoginFailed
        | IncidentKind::RateLimited
        | IncidentKind::Maintenance
        | IncidentKind::TerminalCrashed
        | IncidentKind::StateStoreLost
        | IncidentKind::StateCorrupted
        | IncidentKind::StateConflict
        | IncidentKind::AccountDisabled
        | IncidentKind::AccountClosed
        | IncidentKind::Slippage
        | IncidentKind::ExecutionTimeout
        | IncidentKind::DuplicateOrders
        | IncidentKind::ProtectionMisfire => return,
    };
    s.incidents.count_attempt(kind);
    s.phase = Phase::Recovering(kind);
    s.ask(fx, rule, Command::Reconnect, now.after(params.session.reconnect_deadline));
}

/// A reconnect ended.
pub(crate) fn ended(
    s: &mut Instance,
    kind: IncidentKind,
    outcome: Outcome,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    match outcome {
        Outcome::Done | Outcome::Session { .. } => confirm::begin(s, now, params, fx),
        Outcome::NotStarted => {
            let attempts = s.incidents.attempts(kind).saturating_sub(1);
            s.incidents.set_attempts(kind, attempts);
            wait_until(s, kind, now);
        }
        Outcome::Failed | Outcome::NoCredentials | Outcome::CredentialsUnavailable => {
            step::failed(s, facts, now, params, fx);
        }
    }
}

/// An attempt of any kind failed without an answer from the broker: the incident that leads plans the next one.
pub(crate) fn attempt_failed(
    s: &mut Instance,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    if s.phase == Phase::Recovering(IncidentKind::PermissionsChanged) {
        permissions::still_lost(s, now, params, fx);
    } else if s.incidents.is_open(IncidentKind::BrokerDown) {
        down::again(s, now, params, fx);
    } else {
        dropped(s, Evidence::of(facts), now, params, fx);
    }
}

/// The attempt is made again at this moment; it is not counted twice.
pub(crate) fn wait_until(s: &mut Instance, kind: IncidentKind, at: Timestamp) {
    s.phase = Phase::Waiting(kind);
    let timer = if kind == IncidentKind::TerminalCrashed { Timer::Restart } else { Timer::Reconnect };
    s.timers.arm(timer, at);
}

/// NET-4.
pub(crate) fn lost_for_long(s: &mut Instance, fx: &mut Effects) {
    if matches!(s.phase, Phase::Stopped { .. } | Phase::Up) {
        return;
    }
    fx.decided(Rule::Net4);
    s.flags.lost_for_long = true;
    if !s.flags.held {
        fx.notify(Rule::Net4, Notice::ConnectionLost);
    }
}
