//! NET-1, NET-4, NET-5: the connection dropped.
//!
//! The first reconnect starts within 5 s (`network.drop.reconnect_within`), the next ones with growing waits
//! (`network.drop.waits`), at most 5 (`network.drop.attempts`), then the instance stops. Disconnected for more than
//! 30 s (`network.drop.alert_after`), the gateway's own absence included: people are told, and reconnecting goes on.
//! A terminal that was started anew has nobody logged in: it is logged in instead. The reconnects of BRK-1 and ACC-5 run
//! here too.

use warden_domain::{Facts, FailureReason, IncidentKind, Layer, Rule, Span, Timestamp};

use super::crash;
use crate::{
    Command, Effects, Evidence, Instance, Notice, Outcome, Params, Phase, Timer,
    account::permissions,
    broker::down,
    evidence,
    jitter::lengthened,
    login::attempt,
    recovery::{lasting, stop},
    session::confirm,
    state::Sharing,
    step,
};

/// The kinds that mean: the session is lost.
const SESSION_LOSSES: [IncidentKind; 3] =
    [IncidentKind::NetworkLost, IncidentKind::BrokerDown, IncidentKind::TerminalCrashed];

pub(crate) fn is_session_lost(s: &Instance) -> bool {
    SESSION_LOSSES.iter().any(|kind| s.incidents.is_open(*kind))
}

/// The connection of a session dropped.
pub(crate) fn dropped(
    s: &mut Instance,
    evidence: Evidence,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    s.forget_command();
    if open(s, IncidentKind::NetworkLost, evidence, now, params, fx) {
        plan(s, now, params, fx);
    }
}

/// Opens an incident that takes the session down, once; what lasted too short counts against REC-1.
///
/// Answers whether recovery goes on.
pub(crate) fn open(
    s: &mut Instance,
    kind: IncidentKind,
    evidence: Evidence,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) -> bool {
    if !s.incidents.is_open(kind) {
        fx.changed = true;
        s.incidents.open(kind, now, evidence);
        s.last_failure = kind.reason();
    }
    s.set_layer(Layer::SessionConfirmed, false, now);
    watch(s, now, params);
    lasting::did_not_last(s, now, params, fx)
}

/// Plans the next reconnect of a dropped connection, or stops.
fn plan(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let attempts = s.incidents.attempts(IncidentKind::NetworkLost);
    if attempts >= params.drop.attempts {
        return given_up(s, now, params, fx);
    }
    fx.decided(if attempts == 0 { Rule::Net1 } else { Rule::Net5 });
    wait_until(s, IncidentKind::NetworkLost, now.after(wait(s, attempts, params)));
}

fn given_up(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.notify(Rule::Net5, Notice::ReconnectGivenUp);
    stop::failed(s, Rule::Net5, FailureReason::NetworkLost, now, params, fx);
}

/// The first wait is a deadline that jitter must not pass (NET-1); the others are delays.
fn wait(s: &Instance, attempts: u8, params: &Params) -> Span {
    let next = attempts.saturating_add(1);
    let wait = lengthened(params.drop.waits.after(next), params.recovery.jitter, s.seed, s.command.0);
    if attempts == 0 { wait.min(params.drop.reconnect_within) } else { wait }
}

/// The reconnect's moment has come, or that of asking for the session again (SES-1).
pub(crate) fn reconnect(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let kind = match s.phase {
        Phase::Waiting(kind) => kind,
        Phase::Confirming => return confirm::begin(s, now, params, fx),
        Phase::Stopped { .. }
        | Phase::LoginDue
        | Phase::LoggingIn
        | Phase::Up
        | Phase::Recovering(_)
        | Phase::Closing(_) => return,
    };
    // A budget is used up here only where the outcome of the last attempt was lost (REC-4).
    let used = s.incidents.attempts(kind);
    let rule = match kind {
        IncidentKind::BrokerDown if used >= params.down.attempts => {
            return down::given_up(s, now, params, fx);
        }
        IncidentKind::BrokerDown => Rule::Brk1,
        IncidentKind::PermissionsChanged if used >= params.permissions.attempts => {
            return permissions::still_lost(s, now, params, fx);
        }
        IncidentKind::PermissionsChanged => Rule::Acc5,
        IncidentKind::NetworkLost if used >= params.drop.attempts => return given_up(s, now, params, fx),
        IncidentKind::NetworkLost if used == 0 => Rule::Net1,
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
    s.ask(fx, rule, Command::Reconnect, params.session.reconnect_deadline, now, params);
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
            s.incidents.uncount_attempt(kind);
            wait_until(s, kind, now.after(params.session.again_after));
        }
        Outcome::Failed if evidence::nobody_is_logged_in(facts) => {
            attempt::due_now(s, Rule::Ses1, now, params, fx);
        }
        Outcome::Failed | Outcome::NoCredentials | Outcome::CredentialsUnavailable => {
            step::failed(s, facts, now, params, fx);
        }
    }
}

/// The connection came back by itself while an attempt was planned: the confirmation is that attempt.
pub(crate) fn back_by_itself(
    s: &mut Instance,
    kind: IncidentKind,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    let most = match kind {
        IncidentKind::BrokerDown => params.down.attempts,
        IncidentKind::TerminalCrashed => params.crash.attempts,
        IncidentKind::PermissionsChanged => params.permissions.attempts,
        IncidentKind::NetworkLost
        | IncidentKind::LoginFailed
        | IncidentKind::RateLimited
        | IncidentKind::Maintenance
        | IncidentKind::StateStoreLost
        | IncidentKind::StateCorrupted
        | IncidentKind::StateConflict
        | IncidentKind::AccountDisabled
        | IncidentKind::AccountClosed
        | IncidentKind::Slippage
        | IncidentKind::ExecutionTimeout
        | IncidentKind::DuplicateOrders
        | IncidentKind::ProtectionMisfire => params.drop.attempts,
    };
    if s.incidents.attempts(kind) < most {
        s.incidents.count_attempt(kind);
    }
    confirm::begin(s, now, params, fx);
}

/// An attempt of any kind failed without an answer from the broker: the incident that leads plans the next one.
pub(crate) fn attempt_failed(
    s: &mut Instance,
    evidence: Evidence,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    if s.incidents.is_open(IncidentKind::BrokerDown) {
        down::again(s, now, params, fx);
    } else {
        dropped(s, evidence, now, params, fx);
    }
}

/// The gateway or the supervisor went away under a session, or under its confirmation: nobody knows how it stands.
pub(crate) fn out_of_sight(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let broker_down = s.incidents.is_open(IncidentKind::BrokerDown);
    let kind = if broker_down { IncidentKind::BrokerDown } else { IncidentKind::NetworkLost };
    s.forget_command();
    if open(s, kind, Evidence::GatewayGone, now, params, fx) {
        fx.decided(if s.incidents.attempts(kind) == 0 { Rule::Net1 } else { Rule::Rec4 });
        outcome_lost(s, kind, now, params);
    }
}

/// The outcome of an attempt was lost with its gateway or with the supervisor: it stays counted (REC-4), and what the
/// terminal reports decides whether another one is needed.
pub(crate) fn outcome_lost(s: &mut Instance, kind: IncidentKind, now: Timestamp, params: &Params) {
    s.forget_command();
    watch(s, now, params);
    let attempts = s.incidents.attempts(kind);
    let wait = match kind {
        IncidentKind::BrokerDown => down::wait(s, params),
        IncidentKind::TerminalCrashed => crash::wait(s, attempts, params),
        IncidentKind::PermissionsChanged => permissions::wait(s, params),
        IncidentKind::NetworkLost
        | IncidentKind::LoginFailed
        | IncidentKind::RateLimited
        | IncidentKind::Maintenance
        | IncidentKind::StateStoreLost
        | IncidentKind::StateCorrupted
        | IncidentKind::StateConflict
        | IncidentKind::AccountDisabled
        | IncidentKind::AccountClosed
        | IncidentKind::Slippage
        | IncidentKind::ExecutionTimeout
        | IncidentKind::DuplicateOrders
        | IncidentKind::ProtectionMisfire => wait(s, attempts, params),
    };
    wait_until(s, kind, now.after(wait));
}

/// The next attempt of this kind starts at this moment.
pub(crate) fn wait_until(s: &mut Instance, kind: IncidentKind, at: Timestamp) {
    s.forget_command();
    s.phase = Phase::Waiting(kind);
    let timer = if kind == IncidentKind::TerminalCrashed { Timer::Restart } else { Timer::Reconnect };
    s.timers.arm(timer, at);
}

/// NET-4: from now on the instance is watched for being disconnected too long, unless it is already.
pub(crate) fn watch(s: &mut Instance, now: Timestamp, params: &Params) {
    if !s.flags.lost_for_long && !s.timers.is_armed(Timer::ConnectionLost) {
        s.timers.arm(Timer::ConnectionLost, now.after(params.drop.alert_after));
    }
}

/// NET-4: the instance need not be watched any more, or is well.
pub(crate) fn unwatch(s: &mut Instance) {
    s.timers.disarm(Timer::ConnectionLost);
    s.flags.lost_for_long = false;
}

/// NET-4.
pub(crate) fn lost_for_long(s: &mut Instance, fx: &mut Effects) {
    if matches!(s.phase, Phase::Stopped { .. } | Phase::Up | Phase::Closing(_)) {
        return;
    }
    fx.decided(Rule::Net4);
    s.flags.lost_for_long = true;
    match s.flags.sharing {
        Sharing::Held => {}
        Sharing::Alone | Sharing::Released => {
            s.flags.sharing = Sharing::Alone;
            fx.notify(Rule::Net4, Notice::ConnectionLost);
        }
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::{AccountFlags, TerminalFlags};

    use super::*;
    use crate::{CommandId, Event, Report};

    fn facts(connected: bool, account: Option<AccountFlags>) -> Facts {
        let terminal = Some(TerminalFlags { connected, trade_allowed: true, tradeapi_disabled: false });
        Facts { terminal, account, ..Facts::default() }
    }

    /// A gateway that comes back with its terminal started anew, as after a crash of their machine.
    #[test]
    fn net_1_a_terminal_that_lost_its_account_is_logged_in_and_not_reconnected_in_vain() {
        let (params, mut s, mut fx) = (Params::default(), Instance::new(7), Effects::default());
        let mut now = Timestamp::from_millis(1_000_000);
        let mut give = |s: &mut Instance, event: Event| {
            now =
                if let Event::Tick { .. } = event { s.next_deadline().unwrap_or(now).max(now) } else { now };
            let _ = crate::step(s, &event, now, &params, &mut fx);
        };
        let account = AccountFlags { expected: true, trade_allowed: true, trade_expert: true };
        let fresh = Report { terminal_alive: true, positions: 0, facts: facts(false, None) };
        let ended = |id, outcome, facts| Event::Finished { id: CommandId(id), outcome, facts };
        let session = Outcome::Session { matches: true, reconciled: true, positions: 0 };
        give(&mut s, Event::Start);
        give(&mut s, Event::GatewayUp(fresh));
        give(&mut s, Event::Tick { admitted: true });
        give(&mut s, ended(1, Outcome::Done, facts(true, Some(account))));
        give(&mut s, ended(2, session, facts(true, Some(account))));
        assert_eq!(s.phase(), Phase::Up);

        give(&mut s, Event::GatewayDown);
        give(&mut s, Event::GatewayUp(fresh));
        give(&mut s, Event::Tick { admitted: true });
        assert_eq!(s.phase(), Phase::Recovering(IncidentKind::NetworkLost));
        give(&mut s, ended(3, Outcome::Failed, Facts { last_error: Some(-6), ..facts(false, None) }));
        assert_eq!(s.phase(), Phase::LoginDue);
    }
}
