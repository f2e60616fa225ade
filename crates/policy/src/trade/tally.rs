use serde::{Deserialize, Serialize};
use warden_domain::Rule;

use super::{Escalation, TradeEffect, Trouble, TroubleKind, step::Scene};

/// How often trade rules were troubled on one instance: belongs to its stored state, and survives restarts (REC-4).
///
/// A person's reset of the instance begins a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// Fills beyond the threshold in a row (TRD-2).
    pub slippages: u8,
    /// Orders in a row that were not executed in time (TRD-3).
    pub timeouts: u8,
    /// Duplicates (TRD-4).
    pub duplicates: u8,
    /// The last duplicate is not over yet.
    pub duplicate_open: bool,
    /// Misfires without a repair that worked in between (TRD-5).
    pub misfires: u8,
}

/// A trade rule is troubled: counts it so many times, and asks the instance for a pause or a stop.
pub(crate) fn troubled(kind: TroubleKind, rule: Rule, times: u8, x: &mut Scene<'_>) -> Escalation {
    let (params, mut tally) = (x.params, x.fx.tally(x.ctx.tally));
    let (count, stop_after) = match kind {
        TroubleKind::Slippage => (&mut tally.slippages, params.slippage.stop_after),
        TroubleKind::ExecutionTimeout => (&mut tally.timeouts, params.timeout.stop_after),
        TroubleKind::DuplicateOrders => (&mut tally.duplicates, params.duplicate.stop_after),
        TroubleKind::ProtectionMisfire => (&mut tally.misfires, params.protection.stop_after),
    };
    let twice = kind == TroubleKind::DuplicateOrders && broken!(DuplicateCountedTwice);
    *count = count.saturating_add(if twice { times.saturating_mul(2) } else { times });
    let count = *count;
    let pause = match kind {
        TroubleKind::Slippage => params.slippage.pauses.after(count),
        TroubleKind::ExecutionTimeout => params.timeout.recover_after,
        // The incident opens, so that its alert stands; orders may go on.
        TroubleKind::DuplicateOrders | TroubleKind::ProtectionMisfire => warden_domain::Span::ZERO,
    };
    tally.duplicate_open |= kind == TroubleKind::DuplicateOrders;
    x.fx.set_tally(rule, tally);
    let until = x.now.after(pause);
    let escalation = if count >= stop_after { Escalation::Stop } else { Escalation::Pause { until } };
    x.fx.add(rule, TradeEffect::Trouble(Trouble { kind, escalation }));
    escalation
}

/// What the rule looks at is as it should be: its trouble is over, if there was any.
pub(crate) fn normal(kind: TroubleKind, rule: Rule, x: &mut Scene<'_>) {
    let mut tally = x.fx.tally(x.ctx.tally);
    let was_troubled = match kind {
        TroubleKind::Slippage => std::mem::take(&mut tally.slippages) > 0,
        TroubleKind::ExecutionTimeout => std::mem::take(&mut tally.timeouts) > 0,
        // Duplicates are counted until a person resets the instance.
        TroubleKind::DuplicateOrders => std::mem::take(&mut tally.duplicate_open),
        TroubleKind::ProtectionMisfire => std::mem::take(&mut tally.misfires) > 0,
    };
    if was_troubled {
        x.fx.set_tally(rule, tally);
        x.fx.add(rule, TradeEffect::Trouble(Trouble { kind, escalation: Escalation::Clear }));
    }
}
