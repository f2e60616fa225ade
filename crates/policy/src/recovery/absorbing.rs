//! REC-3, REC-4: states that an instance does not leave by itself, also where the stored state forgot them.
//!
//! The accounts store is right about them: it holds them when journal and hot state are both gone. What it knows and a
//! recovered state does not is taken over at the start, before anything is done for the instance. Counters are not known
//! any more; nobody is told again of what people were told when it happened.

use serde::{Deserialize, Serialize};
use warden_domain::{Desired, FailureReason, IncidentKind, Layer, Rule, Status, Timestamp};

use super::stop;
use crate::{Effects, Evidence, Instance, Params, Phase, account::destruction};

/// A state that an instance does not leave by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Absorbing {
    /// A rule stopped it; a person starts it again.
    Stopped {
        /// Why.
        reason: FailureReason,
        /// Whether its status is `PERMANENTLY_FAILED` instead of `FAILED`.
        permanently: bool,
    },
    /// Its account is gone and its destruction has begun (ACC-3): nothing starts it again.
    Closed {
        /// `ACCOUNT_CLOSED` or `ACCOUNT_DISABLED`.
        reason: FailureReason,
    },
}

impl Instance {
    /// The state that it does not leave by itself, when it is in one. A stop that a person asked for is none.
    #[must_use]
    pub const fn absorbing(&self) -> Option<Absorbing> {
        let Phase::Stopped { status, reason } = self.phase else { return None };
        if self.closure.is_final() {
            return Some(Absorbing::Closed { reason });
        }
        match status {
            Status::Failed => Some(Absorbing::Stopped { reason, permanently: false }),
            Status::PermanentlyFailed => Some(Absorbing::Stopped { reason, permanently: true }),
            Status::Inactive | Status::Connecting | Status::Connected | Status::Disconnected => None,
        }
    }

    /// The newest moment that stands in it: it was made no earlier. The moments of planned deadlines do not count.
    #[must_use]
    pub fn newest_moment(&self) -> Timestamp {
        let layers = self.since.into_iter().max().unwrap_or(Timestamp::from_millis(0));
        self.last_login_attempt.map_or(layers, |login| layers.max(login))
    }
}

/// The accounts store knows, at the start, the state that the instance is in; no gateway is connected yet.
pub(crate) fn known(
    s: &mut Instance,
    state: Absorbing,
    since: Timestamp,
    destroyed: bool,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    if s.closure.is_final() || s.absorbing() == Some(state) {
        return;
    }
    s.set_layer(Layer::GatewayAlive, false, now);
    match state {
        Absorbing::Stopped { reason, permanently } => stopped(s, reason, permanently, since, now, params, fx),
        Absorbing::Closed { reason } => {
            s.incidents.close(IncidentKind::AccountDisabled);
            s.incidents.close(IncidentKind::AccountClosed);
            let disabled = reason == FailureReason::AccountDisabled;
            let kind = if disabled { IncidentKind::AccountDisabled } else { IncidentKind::AccountClosed };
            s.incidents.open(kind, since, Evidence::Store);
            if destroyed {
                destruction::is_over(s, now, params, fx);
            } else {
                destruction::begin(s, Rule::Acc3, now, params, fx);
            }
        }
    }
}

fn stopped(
    s: &mut Instance,
    reason: FailureReason,
    permanently: bool,
    since: Timestamp,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    s.desired = Desired::Running;
    s.forget_failures();
    s.last_failure = reason;
    if reason == FailureReason::LoginFailed {
        s.login_failure = reason;
    }
    if let Some(kind) = left_open(reason) {
        s.incidents.open(kind, since, Evidence::Store);
    }
    let status = if permanently { Status::PermanentlyFailed } else { Status::Failed };
    stop::rest(s, status, Rule::Rec4, reason, now, params, fx);
}

/// The incident that a stop for this reason leaves open, so that its alert stands.
fn left_open(reason: FailureReason) -> Option<IncidentKind> {
    let kind = IncidentKind::ALL.iter().copied().find(|kind| kind.reason() == reason)?;
    match kind {
        IncidentKind::LoginFailed
        | IncidentKind::BrokerDown
        | IncidentKind::RateLimited
        | IncidentKind::Maintenance
        | IncidentKind::NetworkLost
        | IncidentKind::TerminalCrashed
        | IncidentKind::PermissionsChanged
        | IncidentKind::Slippage
        | IncidentKind::ExecutionTimeout
        | IncidentKind::DuplicateOrders
        | IncidentKind::ProtectionMisfire => Some(kind),
        // How the stores and the account stand is found out anew.
        IncidentKind::StateStoreLost
        | IncidentKind::StateCorrupted
        | IncidentKind::StateConflict
        | IncidentKind::AccountDisabled
        | IncidentKind::AccountClosed => None,
    }
}
