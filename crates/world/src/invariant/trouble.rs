//! Trouble with trades: counted as the rules say, for as long as they say, and carried to the instance.

use warden_domain::{Lots, Span};
use warden_policy::{
    Event, Params, Phase,
    trade::{Escalation, RequestKind, TradeEffect, TradeTimer, Trouble, TroubleKind},
};

use crate::judge::{Life, LifeRow, Member, StepRow, Verdict};

const KINDS: [TroubleKind; 4] = [
    TroubleKind::Slippage,
    TroubleKind::ExecutionTimeout,
    TroubleKind::DuplicateOrders,
    TroubleKind::ProtectionMisfire,
];

/// TRD-2 to TRD-5: a pause is as long as its rule says, growing with each slippage in a row; the last of the budget stops.
pub(crate) fn escalates_as_ruled(row: &LifeRow, params: &Params) -> Verdict {
    let tally = row.row.tally;
    for kind in KINDS {
        let Some(Trouble { escalation, .. }) = troubles(row).filter(|it| it.kind == kind).last() else {
            continue;
        };
        let (count, stop_after, pause) = match kind {
            TroubleKind::Slippage => {
                (tally.slippages, params.slippage.stop_after, params.slippage.pauses.after(tally.slippages))
            }
            TroubleKind::ExecutionTimeout => {
                (tally.timeouts, params.timeout.stop_after, params.timeout.recover_after)
            }
            TroubleKind::DuplicateOrders => (tally.duplicates, params.duplicate.stop_after, Span::ZERO),
            TroubleKind::ProtectionMisfire => (tally.misfires, params.protection.stop_after, Span::ZERO),
        };
        let right = match escalation {
            Escalation::Pause { until } => count < stop_after && *until == row.at.after(pause),
            Escalation::Stop => count >= stop_after,
            Escalation::Clear => count == 0 || kind == TroubleKind::DuplicateOrders,
        };
        if !right {
            return Err(format!(
                "{} trade {}: {kind:?} number {count} of {stop_after}, a pause of {pause} at {}: {escalation:?}",
                row.instance,
                row.magic.number(),
                row.at
            ));
        }
    }
    Ok(())
}

/// TRD-2, TRD-3, TRD-5: one trouble is counted once.
pub(crate) fn counted_once(member: &Member, row: &LifeRow) -> Verdict {
    let (known, now) = (member.tally, row.row.tally);
    for (what, known, now) in [
        ("slippages", known.slippages, now.slippages),
        ("timeouts", known.timeouts, now.timeouts),
        ("misfires", known.misfires, now.misfires),
    ] {
        if now > known.saturating_add(1) {
            return Err(format!("{} counts {now} {what} after {known}", row.instance));
        }
    }
    Ok(())
}

/// TRD-1: the rest of a part has its time, and is tried again only after that.
pub(crate) fn rest_has_its_time(life: Option<&Life>, row: &LifeRow, params: &Params) -> Verdict {
    let known = life.and_then(|life| life.trade.due_at(TradeTimer::Fill));
    let now = row.row.step.trade.due_at(TradeTimer::Fill);
    let within = params.partial_fill.fill_within;
    // A process whose clock was set back brings the deadlines of the last one to its own.
    if let Some(at) = now.filter(|_| now != known && row.kind != "RESUME")
        && at != row.at.after(within)
    {
        return Err(format!("{}: the rest has until {at}, not {within} from {}", row.magic.number(), row.at));
    }
    let enters = row.request().is_some_and(|request| matches!(request.kind, RequestKind::Enter { .. }));
    let partly = life.is_some_and(|life| life.trade.holdings().filled > Lots::ZERO);
    match known {
        Some(at) if enters && partly && row.at < at => {
            Err(format!("{}: the rest has until {at}, and is sent at {}", row.magic.number(), row.at))
        }
        Some(_) | None => Ok(()),
    }
}

/// TRD-1: what is left after the rest was tried once more is not tried again.
pub(crate) fn rest_is_tried_once(life: Option<&Life>, row: &LifeRow) -> Verdict {
    let enters = row.request().is_some_and(|request| matches!(request.kind, RequestKind::Enter { .. }));
    if enters && life.is_some_and(|life| life.rest_executed) {
        return Err(format!("{}: the rest of the rest is sent", row.magic.number()));
    }
    Ok(())
}

/// TRD-2 to TRD-5: what a trade rule asks of the instance, the instance does.
pub(crate) fn instance_follows(row: &StepRow) -> Verdict {
    let Event::Trade(Trouble { kind, escalation }) = row.step.event else { return Ok(()) };
    let state = &row.step.state;
    let rests = matches!(state.phase(), Phase::Stopped { .. } | Phase::Closing(_));
    let right = match escalation {
        Escalation::Pause { until } => {
            let paused = state.timers().due_at(warden_policy::Timer::TradePause);
            rests || paused.is_some_and(|at| at >= until)
        }
        Escalation::Stop => rests,
        Escalation::Clear => true,
    };
    if right { Ok(()) } else { Err(format!("{}: {kind:?} asks for {escalation:?} in vain", row.instance)) }
}

/// What a row asks of the instance.
pub(crate) fn troubles(row: &LifeRow) -> impl Iterator<Item = &Trouble> {
    row.row.step.effects.list().iter().filter_map(|(_, effect)| match effect {
        TradeEffect::Trouble(trouble) => Some(trouble),
        TradeEffect::Send(_)
        | TradeEffect::Verify(_)
        | TradeEffect::Tally(_)
        | TradeEffect::Tell(_)
        | TradeEffect::StoreDuplicate(_)
        | TradeEffect::Notify(_) => None,
    })
}
