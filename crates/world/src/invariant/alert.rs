//! Alerts and notices: every rule that demands one raises it.

use warden_domain::{Alert, FailureReason, IncidentKind, Status};
use warden_policy::{Effect, Instance, Notice, Params, Phase, Timer};

use crate::judge::{Member, StepRow, Verdict};

/// LOG-3, LOG-5, BRK-1, BRK-2, NET-2, NET-3, ACC-1, ACC-2, REC-1, REC-2, TRD-2, TRD-4, TRD-5: as long as the condition
/// holds, the alert stands.
pub(crate) fn raised(member: &Member, row: &StepRow, params: &Params) -> Verdict {
    let state = &row.step.state;
    let missing = |alert: Alert, why: &str| Err(format!("{}: no {alert:?}, although {why}", row.instance));
    let stands = |alert| state.alerts().contains(alert);
    for (kind, _, _) in state.incidents() {
        if let Some(alert) = kind.alert().filter(|alert| !stands(*alert) && demands(member, state, kind)) {
            return missing(alert, "its incident is open");
        }
    }
    if let Phase::Stopped { status, reason } = state.phase() {
        let by_rule = matches!(status, Status::Failed | Status::PermanentlyFailed);
        if by_rule && !stands(Alert::InstanceStopped) {
            return missing(Alert::InstanceStopped, "a rule stopped it");
        }
        if by_rule && reason == FailureReason::LoginFailed && !stands(Alert::LoginFailure) {
            return missing(Alert::LoginFailure, "its login was given up");
        }
        if by_rule && reason == FailureReason::RecoveryExhausted && !stands(Alert::AutoRecoveryFailure) {
            return missing(Alert::AutoRecoveryFailure, "its recoveries do not last");
        }
        return Ok(());
    }
    let refused = state.incident(IncidentKind::LoginFailed).map_or(0, |incident| incident.attempt);
    if refused >= params.login.alert_after && !stands(Alert::RepeatedLoginFailure) {
        return missing(Alert::RepeatedLoginFailure, "its logins were refused in a row");
    }
    Ok(())
}

/// What an open incident demands: a stop ends what it was not for, and a broker incident speaks for its members (BRK-5).
fn demands(member: &Member, state: &Instance, kind: IncidentKind) -> bool {
    match (kind, state.phase()) {
        (IncidentKind::BrokerDown, _) if member.shares(state) => false,
        (IncidentKind::BrokerDown, Phase::Waiting(IncidentKind::Maintenance)) => false,
        (
            IncidentKind::BrokerDown | IncidentKind::RateLimited | IncidentKind::TerminalCrashed,
            Phase::Stopped { reason, .. },
        ) => reason == kind.reason(),
        (IncidentKind::StateStoreLost, Phase::Stopped { status: Status::Inactive, .. }) => false,
        (
            IncidentKind::LoginFailed
            | IncidentKind::BrokerDown
            | IncidentKind::RateLimited
            | IncidentKind::Maintenance
            | IncidentKind::NetworkLost
            | IncidentKind::TerminalCrashed
            | IncidentKind::StateStoreLost
            | IncidentKind::StateCorrupted
            | IncidentKind::StateConflict
            | IncidentKind::PermissionsChanged
            | IncidentKind::AccountDisabled
            | IncidentKind::AccountClosed
            | IncidentKind::Slippage
            | IncidentKind::ExecutionTimeout
            | IncidentKind::DuplicateOrders
            | IncidentKind::ProtectionMisfire,
            _,
        ) => true,
    }
}

/// NET-4: a disconnection that lasts is told, and until then it is watched. A broker incident speaks for its members, and
/// an account that is suspected to be closed is expected by nobody.
pub(crate) fn a_long_loss_is_told(member: &Member, row: &StepRow) -> Verdict {
    let state = &row.step.state;
    let recovers = match state.phase() {
        Phase::LoginDue | Phase::LoggingIn | Phase::Confirming => true,
        Phase::Waiting(kind) | Phase::Recovering(kind) => lost(kind),
        Phase::Up | Phase::Closing(_) | Phase::Stopped { .. } => false,
    };
    let closed = state.closure() != warden_policy::account::Closure::None;
    if !recovers || closed || member.shares(state) {
        return Ok(());
    }
    let tells = state.alerts().contains(Alert::ConnectionLost);
    let due = |of: &Instance| of.timers().due_at(Timer::ConnectionLost);
    let lasted = member.state.as_ref().and_then(due).is_some_and(|at| at <= row.at);
    if row.kind == "TICK"
        && lasted
        && due(state).is_none()
        && !(tells && tells_now(row, Notice::ConnectionLost))
    {
        return Err(format!("{}: disconnected for long, and nobody is told", row.instance));
    }
    let known = |kind| member.state.as_ref().is_some_and(|known| known.incident(kind).is_some());
    let begins = state.incidents().any(|(kind, _, _)| lost(kind) && !known(kind));
    let leads = matches!(state.phase(), Phase::Waiting(_) | Phase::Recovering(_));
    if (begins || leads) && due(state).is_none() && !tells {
        return Err(format!(
            "{}: disconnected, and nobody watches for how long ({})",
            row.instance, row.kind
        ));
    }
    Ok(())
}

/// The kinds that mean: the session is lost.
fn lost(kind: IncidentKind) -> bool {
    matches!(kind, IncidentKind::NetworkLost | IncidentKind::BrokerDown | IncidentKind::TerminalCrashed)
}

/// LOG-3, LOG-6, LOG-9, BRK-1, BRK-2, NET-2, NET-3, NET-5, ACC-5, ACC-6, REC-1, REC-2, TRD-2 to TRD-5: who is to act is
/// told in the step that finds it.
pub(crate) fn notified(member: &Member, row: &StepRow) -> Verdict {
    let Some(before) = &member.state else { return Ok(()) };
    let state = &row.step.state;
    let refused = |of: &Instance| of.incident(IncidentKind::LoginFailed).map_or(0, |it| it.attempt);
    let well = matches!(state.phase(), Phase::Up);
    if well && refused(before) > 0 && refused(state) == 0 && !tells_now(row, Notice::LoginRecovered) {
        return Err(format!("{}: its login works again, and nobody is told", row.instance));
    }
    let Phase::Stopped { status: Status::Failed | Status::PermanentlyFailed, reason } = state.phase() else {
        return Ok(());
    };
    if matches!(before.phase(), Phase::Stopped { .. } | Phase::Closing(_)) || row.kind == "ABSORBED" {
        return Ok(());
    }
    if demanded(reason).is_empty() || demanded(reason).iter().any(|notice| tells_now(row, *notice)) {
        return Ok(());
    }
    Err(format!("{}: stopped for {reason}, and nobody is told", row.instance))
}

/// What people are told, one of them, when a rule stops an instance for a reason.
fn demanded(reason: FailureReason) -> &'static [Notice] {
    match reason {
        FailureReason::LoginFailed => &[Notice::LoginFailed, Notice::CredentialsNeeded],
        FailureReason::BrokerDown => &[Notice::BrokerGivenUp],
        FailureReason::RateLimited => &[Notice::RateLimitStopped],
        FailureReason::NetworkLost => &[Notice::ReconnectGivenUp],
        FailureReason::TerminalCrashed => &[Notice::RestartGivenUp],
        FailureReason::StateStoreLost => &[Notice::StateStoreGivenUp],
        FailureReason::StateCorrupted => &[Notice::RebuildFailed],
        FailureReason::StateConflict => &[Notice::ConflictPersists],
        FailureReason::Slippage
        | FailureReason::ExecutionTimeout
        | FailureReason::DuplicateOrders
        | FailureReason::ProtectionMisfire => &[Notice::TradingStopped],
        FailureReason::PermissionsChanged => &[Notice::PermissionsChanged],
        FailureReason::RecoveryExhausted => &[Notice::RecoveryExhausted],
        FailureReason::AccountDisabled => &[Notice::AccountDisabled],
        FailureReason::AccountClosed => &[Notice::AccountClosed],
        FailureReason::None | FailureReason::Maintenance | FailureReason::UserStopped => &[],
    }
}

fn tells_now(row: &StepRow, wanted: Notice) -> bool {
    row.step.effects.list().iter().any(|(_, effect)| match effect {
        Effect::Notify(notice) => *notice == wanted,
        Effect::Command { .. } | Effect::Store(_) => false,
    })
}

#[cfg(test)]
mod tests;
