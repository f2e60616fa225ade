//! Retries: as many as the rules say.

use warden_domain::IncidentKind;
use warden_policy::{Params, Phase};

use crate::judge::{Member, StepRow, Verdict};

/// LOG-2, BRK-1, BRK-2, NET-2, NET-3, NET-5, ACC-5, REC-1, REC-2: no budget is overdrawn.
pub(crate) fn counts(row: &StepRow, params: &Params) -> Verdict {
    let state = &row.step.state;
    let attempts = |kind| state.incident(kind).map_or(0, |incident| incident.attempt);
    for (kind, most) in [
        (IncidentKind::LoginFailed, params.login.attempts),
        (IncidentKind::BrokerDown, params.down.attempts),
        (IncidentKind::NetworkLost, params.drop.attempts),
        (IncidentKind::TerminalCrashed, params.crash.attempts),
        (IncidentKind::StateStoreLost, params.state_store.attempts),
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
    let ends = matches!(state.phase(), Phase::Stopped { .. } | Phase::Closing(_));
    if state.failed_recoveries() > params.recovery.failed && !ends {
        return Err(format!("{}: REC-1 {} failed recoveries", row.instance, state.failed_recoveries()));
    }
    if attempts(IncidentKind::RateLimited) >= params.rate_limit.stop_after && !ends {
        return Err(format!("{}: BRK-2 {} limits", row.instance, attempts(IncidentKind::RateLimited)));
    }
    Ok(())
}

/// LOG-8: a network that is lost during a login is no refused login.
pub(crate) fn a_lost_network_is_no_refusal(member: &Member, row: &StepRow) -> Verdict {
    let Some(before) = member.state.as_ref().filter(|known| known.phase() == Phase::LoggingIn) else {
        return Ok(());
    };
    let state = &row.step.state;
    let lost = row.rule == "LOG-8" || matches!(row.kind, "GATEWAY_DOWN" | "GATEWAY_UP");
    let counted = state.login_attempt_count() >= before.login_attempt_count();
    if lost && state.phase() != Phase::LoggingIn && counted && before.login_attempt_count() > 0 {
        return Err(format!(
            "{}: {} logins are counted after the network was lost, {} before ({})",
            row.instance,
            state.login_attempt_count(),
            before.login_attempt_count(),
            row.kind
        ));
    }
    Ok(())
}
