//! ACC-3: destruction is staged.
//!
//! Suspected → confirmed (two proofs, or a person) → credentials revoked → sessions removed and the state archived as
//! `INACTIVE` by the journal row itself → every hot-state key removed → credentials deleted → `CredentialsDeleted`
//! recorded. Each stage is stored before it is begun and repeated after a crash; every action is harmless when repeated.

use serde::{Deserialize, Serialize};
use warden_domain::{Desired, FailureReason, IncidentKind, Rule, Status, StopMode, Timestamp};

use super::user_stop;
use crate::{Effects, Evidence, Instance, Notice, Params, Phase, StoreAction, Timer, recovery::stop};

/// How far the destruction of an account is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Closure {
    /// The account lives, as far as is known.
    #[default]
    None,
    /// There are proofs, but not enough.
    Suspected {
        /// How many.
        proofs: u8,
        /// When the last one came.
        last_at: Timestamp,
    },
    /// Confirmed: the credentials are being made unusable.
    Revoking,
    /// Revoked, sessions removed, archived: the hot-state keys are being removed.
    RemovingHotState,
    /// The credentials are being deleted.
    Deleting,
    /// Nothing is left but the archive.
    Done,
}

impl Closure {
    /// Whether the account is suspected to be gone.
    #[must_use]
    pub const fn is_suspected(self) -> bool {
        matches!(self, Self::Suspected { .. })
    }

    /// Whether the account is gone for good: no start, no reset.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::None | Self::Suspected { .. } => false,
            Self::Revoking | Self::RemovingHotState | Self::Deleting | Self::Done => true,
        }
    }

    pub(crate) const fn hot_state_removed(self) -> bool {
        match self {
            Self::None | Self::Suspected { .. } | Self::Revoking => false,
            Self::RemovingHotState | Self::Deleting | Self::Done => true,
        }
    }

    const fn action(self) -> Option<StoreAction> {
        match self {
            Self::None | Self::Suspected { .. } | Self::Done => None,
            Self::Revoking => Some(StoreAction::Revoke),
            Self::RemovingHotState => Some(StoreAction::RemoveHotState),
            Self::Deleting => Some(StoreAction::DeleteCredentials),
        }
    }
}

/// A person confirms that the account is closed.
pub(crate) fn confirmed_by_person(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.closure.is_final() {
        return;
    }
    if !s.incidents.is_open(IncidentKind::AccountDisabled) {
        s.incidents.open(IncidentKind::AccountClosed, now, Evidence::Internal);
    }
    match s.phase {
        // ACC-2: open trades are closed gracefully while the broker still answers.
        Phase::Up if user_stop::may_close_trades(s) => user_stop::close_trades(
            s,
            FailureReason::AccountClosed,
            Rule::Acc2,
            StopMode::Close,
            now,
            params,
            fx,
        ),
        Phase::Up => {
            if s.positions > 0 {
                fx.notify(Rule::Acc2, Notice::TradesLeftOpen);
            }
            begin(s, Rule::Acc2, now, params, fx);
        }
        Phase::Closing(FailureReason::AccountClosed) => {}
        Phase::Closing(_) => {
            fx.decided(Rule::Acc2);
            s.phase = Phase::Closing(FailureReason::AccountClosed);
        }
        Phase::Stopped { .. }
        | Phase::LoginDue
        | Phase::LoggingIn
        | Phase::Confirming
        | Phase::Waiting(_)
        | Phase::Recovering(_) => begin(s, Rule::Acc2, now, params, fx),
    }
}

/// Confirmed: there is no way back.
pub(crate) fn begin(s: &mut Instance, rule: Rule, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(rule);
    rest(s, now, params, fx);
    s.closure = Closure::Revoking;
    carry_out(s, now, params, fx);
}

/// All of it was done before, and nothing is left to be destroyed: only the state here did not know it.
pub(crate) fn is_over(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    rest(s, now, params, fx);
    s.closure = Closure::Done;
}

/// The instance rests as the archive shows it.
fn rest(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let disabled = s.incidents.is_open(IncidentKind::AccountDisabled);
    let kind = if disabled { IncidentKind::AccountDisabled } else { IncidentKind::AccountClosed };
    let reason = kind.reason();
    let (opened_at, evidence) =
        s.incidents.get(kind).map_or((now, Evidence::Internal), |open| (open.opened_at, open.evidence));
    s.login_attempts = 0;
    s.login_failure = reason;
    s.last_failure = reason;
    s.desired = Desired::Stopped;
    s.forget_incidents();
    s.incidents.close(IncidentKind::StateStoreLost);
    s.flags.degraded = false;
    s.incidents.open(kind, opened_at, evidence);
    stop::rest(s, Status::Inactive, Rule::Acc3, reason, now, params, fx);
    s.timers.keep_only(&[]);
}

fn carry_out(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if let Some(action) = s.closure.action() {
        fx.store(Rule::Acc3, action);
        s.timers.arm(Timer::Destruction, now.after(params.closure.retry_after));
    }
}

/// An action did not end in time, or the supervisor was started again: it is repeated.
pub(crate) fn again(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    carry_out(s, now, params, fx);
}

/// An action ended.
pub(crate) fn store_done(
    s: &mut Instance,
    action: StoreAction,
    done: bool,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    if !done || s.closure.action() != Some(action) {
        return;
    }
    fx.decided(Rule::Acc3);
    s.timers.disarm(Timer::Destruction);
    s.closure = match s.closure {
        Closure::Revoking => Closure::RemovingHotState,
        Closure::RemovingHotState => Closure::Deleting,
        Closure::Deleting => Closure::Done,
        unchanged @ (Closure::None | Closure::Suspected { .. } | Closure::Done) => unchanged,
    };
    if s.closure == Closure::Done {
        fx.notify(Rule::Acc3, Notice::CredentialsDeleted);
    } else {
        carry_out(s, now, params, fx);
    }
}
