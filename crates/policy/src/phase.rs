use serde::{Deserialize, Serialize};
use warden_domain::{FailureReason, IncidentKind, Status};

/// What an instance is doing; status, connection state and gate follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Rests; only a person starts it again.
    Stopped {
        /// How it ended: `FAILED`, `PERMANENTLY_FAILED` or `INACTIVE`.
        status: Status,
        /// Why.
        reason: FailureReason,
    },
    /// The next login waits for its timer, or for the gateway.
    LoginDue,
    /// A login is under way.
    LoggingIn,
    /// Logged in; the session is being confirmed (SES-1).
    Confirming,
    /// On a confirmed session.
    Up,
    /// An incident of this kind leads the recovery; its next attempt waits for its timer, or for the gateway.
    Waiting(IncidentKind),
    /// An attempt to recover from an incident of this kind is under way.
    Recovering(IncidentKind),
    /// Open trades are being dealt with; then the instance stops for this reason.
    Closing(FailureReason),
}
