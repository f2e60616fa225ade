//! Alerts: every rule that demands one raises it.

use warden_domain::{Alert, FailureReason, IncidentKind, Status};
use warden_policy::Phase;

use crate::judge::{StepRow, Verdict};

/// LOG-3, BRK-1, BRK-2, NET-2, NET-3, REC-1, REC-2: as long as the condition holds, the alert stands.
pub(crate) fn raised(row: &StepRow) -> Verdict {
    let state = &row.step.state;
    let alerts = state.alerts();
    let missing = |alert: Alert, why: &str| Err(format!("{}: no {alert:?}, although {why}", row.instance));
    if let Phase::Stopped { status: Status::Failed | Status::PermanentlyFailed, reason } = state.phase() {
        if !alerts.contains(Alert::InstanceStopped) {
            return missing(Alert::InstanceStopped, "a rule stopped it");
        }
        if reason == FailureReason::LoginFailed && !alerts.contains(Alert::LoginFailure) {
            return missing(Alert::LoginFailure, "its login was given up");
        }
        if reason == FailureReason::RecoveryExhausted && !alerts.contains(Alert::AutoRecoveryFailure) {
            return missing(Alert::AutoRecoveryFailure, "its recoveries do not last");
        }
    }
    if matches!(state.phase(), Phase::Stopped { .. }) {
        return Ok(());
    }
    for (kind, alert) in [
        (IncidentKind::RateLimited, Alert::RateLimited),
        (IncidentKind::TerminalCrashed, Alert::TerminalCrashed),
        (IncidentKind::StateStoreLost, Alert::StateStoreLost),
        (IncidentKind::StateConflict, Alert::StateConflict),
    ] {
        if state.incident(kind).is_some() && !alerts.contains(alert) {
            return missing(alert, "its incident is open");
        }
    }
    Ok(())
}
