//! What the trade machine may ask of the instance machine (TRD-2 to TRD-5).

use serde::{Deserialize, Serialize};
use warden_domain::{IncidentKind, Rule, Timestamp};

use crate::{Effects, Evidence, Instance, Notice, Params, Phase, Timer, recovery::stop};

/// Trouble with trades that concerns the whole instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Which trade rule is troubled.
    pub kind: TroubleKind,
    /// What it asks for.
    pub escalation: Escalation,
}

/// The trade rules that may pause or stop an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TroubleKind {
    /// Fills beyond the threshold (TRD-2).
    Slippage,
    /// Orders not executed in time (TRD-3).
    ExecutionTimeout,
    /// The same order twice (TRD-4).
    DuplicateOrders,
    /// Stop loss or take profit without effect (TRD-5).
    ProtectionMisfire,
}

/// What a trade rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Escalation {
    /// No new order before this moment.
    Pause {
        /// When trading may resume.
        until: Timestamp,
    },
    /// The trouble is over.
    Clear,
    /// The instance stops.
    Stop,
}

impl TroubleKind {
    const fn incident(self) -> IncidentKind {
        match self {
            Self::Slippage => IncidentKind::Slippage,
            Self::ExecutionTimeout => IncidentKind::ExecutionTimeout,
            Self::DuplicateOrders => IncidentKind::DuplicateOrders,
            Self::ProtectionMisfire => IncidentKind::ProtectionMisfire,
        }
    }

    const fn rule(self) -> Rule {
        match self {
            Self::Slippage => Rule::Trd2,
            Self::ExecutionTimeout => Rule::Trd3,
            Self::DuplicateOrders => Rule::Trd4,
            Self::ProtectionMisfire => Rule::Trd5,
        }
    }
}

impl Instance {
    /// Whether a person's reset came after the last trouble with trades: the tally that stands in older rows of trades is
    /// over (REC-4).
    #[must_use]
    pub const fn is_calm(&self) -> bool {
        self.flags.calm
    }
}

/// The incidents that may pause trading, the one that is named first where several do.
pub(crate) const PAUSING: [IncidentKind; 4] = [
    IncidentKind::Slippage,
    IncidentKind::ExecutionTimeout,
    IncidentKind::DuplicateOrders,
    IncidentKind::ProtectionMisfire,
];

/// A pause is over; duplicates and misfires stand until the trade rule says that they are over.
pub(crate) fn pause_over(s: &mut Instance, fx: &mut Effects) {
    for (kind, rule) in [(IncidentKind::Slippage, Rule::Trd2), (IncidentKind::ExecutionTimeout, Rule::Trd3)] {
        if s.incidents.close(kind) {
            fx.decided(rule);
        }
    }
}

pub(crate) fn escalated(
    s: &mut Instance,
    trouble: Trouble,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    let (kind, rule) = (trouble.kind.incident(), trouble.kind.rule());
    fx.changed |= std::mem::take(&mut s.flags.calm);
    if matches!(s.phase, Phase::Stopped { .. } | Phase::Closing(_)) {
        return;
    }
    match trouble.escalation {
        Escalation::Pause { until } => {
            fx.decided(rule);
            s.incidents.open(kind, now, Evidence::Internal);
            s.incidents.count_attempt(kind);
            let latest = s.timers.due_at(Timer::TradePause).map_or(until, |known| known.max(until));
            s.timers.arm(Timer::TradePause, latest);
        }
        Escalation::Clear => {
            if s.incidents.close(kind) {
                fx.decided(rule);
                if !PAUSING.iter().any(|kind| s.incidents.is_open(*kind)) {
                    s.timers.disarm(Timer::TradePause);
                }
            }
        }
        Escalation::Stop => {
            s.incidents.open(kind, now, Evidence::Internal);
            fx.notify(rule, Notice::TradingStopped);
            stop::failed(s, rule, kind.reason(), now, params, fx);
        }
    }
}
