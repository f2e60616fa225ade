//! Retries: as many as the rules say, and not before their time.

use warden_domain::IncidentKind;
use warden_policy::{Command, Effect, Event, Outcome, Params, Phase};

use crate::judge::{Member, StepRow, Verdict};

/// LOG-2, BRK-1, BRK-2, NET-2, NET-5, ACC-5, REC-1, REC-2: no budget is overdrawn.
pub(crate) fn counts(row: &StepRow, params: &Params) -> Verdict {
    let state = &row.step.state;
    let attempts = |kind| state.incident(kind).map_or(0, |incident| incident.attempt);
    for (kind, most) in [
        (IncidentKind::LoginFailed, params.login.attempts),
        (IncidentKind::BrokerDown, params.down.attempts),
        (IncidentKind::NetworkLost, params.drop.attempts),
        (IncidentKind::TerminalCrashed, params.crash.attempts),
        (IncidentKind::PermissionsChanged, params.permissions.attempts),
        (IncidentKind::StateConflict, params.recovery.conflict_attempts),
        (IncidentKind::RateLimited, params.rate_limit.stop_after),
    ] {
        if attempts(kind) > most {
            return Err(format!("{}: {kind} tried {} times of {most}", row.instance, attempts(kind)));
        }
    }
    if state.login_attempt_count() > params.login.attempts {
        return Err(format!("{}: login tried {} times", row.instance, state.login_attempt_count()));
    }
    let exhausted = state.failed_recoveries() > params.recovery.failed;
    if exhausted && !matches!(state.phase(), Phase::Stopped { .. }) {
        return Err(format!("{}: REC-1 {} failed recoveries", row.instance, state.failed_recoveries()));
    }
    Ok(())
}

/// LOG-2, BRK-1, BRK-4: no attempt starts before the wait that its rule names is over.
pub(crate) fn delays(member: &Member, row: &StepRow, params: &Params) -> Verdict {
    let Some((what, since)) = member.waits else { return Ok(()) };
    let starts = |wanted: fn(&Command) -> bool| {
        row.step.effects.list().iter().any(|(_, effect)| match effect {
            Effect::Command { command, .. } => wanted(command),
            Effect::Notify(_) | Effect::Store(_) => false,
        })
    };
    let (wait, started) = match what {
        Waits::Login(attempt) => (params.login.waits.after(attempt), starts(|c| matches!(c, Command::Login))),
        Waits::Broker => (params.down.reconnect_after, starts(|c| matches!(c, Command::Reconnect))),
    };
    if started && row.at < since.after(wait) {
        return Err(format!(
            "{}: {what:?} waits {wait} from {since}, but something started at {} by {}",
            row.instance, row.at, row.kind
        ));
    }
    Ok(())
}

/// A wait that a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// LOG-2: after this refused login.
    Login(u8),
    /// BRK-1.
    Broker,
}

impl Waits {
    /// The wait that begins, goes on or ends with a row.
    pub(crate) fn after(member: &Member, row: &StepRow) -> Option<(Self, warden_domain::Timestamp)> {
        let state = &row.step.state;
        let refused = state.login_attempt_count();
        let now = match state.phase() {
            Phase::LoginDue if refused > 0 && state.incident(IncidentKind::LoginFailed).is_some() => {
                Self::Login(refused)
            }
            Phase::Waiting(IncidentKind::BrokerDown) => Self::Broker,
            Phase::LoginDue
            | Phase::Waiting(_)
            | Phase::LoggingIn
            | Phase::Confirming
            | Phase::Up
            | Phase::Recovering(_)
            | Phase::Closing(_)
            | Phase::Stopped { .. } => return None,
        };
        // A broker incident releases its members when it is over (BRK-5).
        if matches!(row.kind, "HOLD" | "RELEASE") || state.is_held() {
            return None;
        }
        // What was not started is tried again soon, and was no attempt.
        let failed = matches!(row.step.event, Event::Finished { outcome: Outcome::Failed, .. });
        // An attempt that met the rate limit was none either: it is made when that pause is over (BRK-2).
        let failed = failed && !matches!(row.rule, "BRK-2" | "BRK-3");
        // What other processes and other events planned is theirs: only a wait that began with a refusal is measured.
        match member.waits {
            Some((before, since)) if before == now && row.epoch == member.epoch => Some((now, since)),
            Some(_) | None if failed => Some((now, row.at)),
            Some(_) | None => None,
        }
    }
}
