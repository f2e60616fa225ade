//! Trades, as the journal tells their lives: what may be sent, when, and what must be told.

use warden_domain::{Gate, Lots};
use warden_policy::{
    Params,
    trade::{End, Goal, RequestKind, TradeEffect, TradeEvent, TradePhase},
};

use crate::judge::{Life, LifeRow, Made, Member, Verdict};

/// The number of a send is new, and one higher than the last.
pub(crate) fn sends_are_numbered(life: Option<&Life>, row: &LifeRow) -> Verdict {
    let Some(request) = row.request() else { return Ok(()) };
    let last = life.and_then(|life| life.sends.keys().next_back().copied()).unwrap_or(0);
    if request.attempt.0 == last + 1 && request.magic == row.magic {
        return Ok(());
    }
    Err(format!("{} sends number {} after {last}", name(row), request.attempt.0))
}

/// TRD-7: an intent is not sent when it is too late for it.
pub(crate) fn nothing_leaves_late(row: &LifeRow) -> Verdict {
    let Some(request) = row.request() else { return Ok(()) };
    let intent = row.row.step.trade.intent();
    if serves(&intent.goal, &request.kind) && row.at > intent.expires_at {
        return Err(format!("{} is sent at {} and expired at {}", name(row), row.at, intent.expires_at));
    }
    Ok(())
}

/// TRD-7, SES-1, ACC-7: nothing leaves through a gate that is shut; what opens leaves through an open one only.
pub(crate) fn nothing_leaves_through_a_shut_gate(member: &Member, row: &LifeRow) -> Verdict {
    let Some(request) = row.request() else { return Ok(()) };
    let Some(state) = &member.state else { return Err(format!("{}: unknown instance", name(row))) };
    let gate = state.gate();
    let reduces = match request.kind {
        RequestKind::Enter { .. } | RequestKind::Move { .. } => false,
        RequestKind::Close { .. } | RequestKind::Cancel { .. } | RequestKind::Protect { .. } => true,
    };
    let passes = match gate {
        Gate::Open => !member.halted,
        Gate::ReduceOnly(_) | Gate::Paused { .. } => reduces && !member.halted,
        Gate::Shut(_) => false,
    };
    if passes { Ok(()) } else { Err(format!("{} sends {:?} through {gate:?}", name(row), request.kind)) }
}

/// One order in flight per instance and symbol.
pub(crate) fn lane_is_free(member: &Member, row: &LifeRow) -> Verdict {
    if row.request().is_none() {
        return Ok(());
    }
    let magic = row.magic.number();
    let mut others = member.open().filter(|(other, life)| *other != magic && life.symbol == row.row.symbol);
    match others.find(|(_, life)| life.trade.is_unresolved()) {
        None => Ok(()),
        Some((other, life)) => {
            Err(format!("{} is sent while {other} of {} is unresolved", name(row), life.symbol))
        }
    }
}

/// TRD-3, TRD-6, NET-1: nothing is sent again before the wait of its rule is over.
pub(crate) fn resends_wait(life: Option<&Life>, row: &LifeRow) -> Verdict {
    let (Some(request), Some(life)) = (row.request(), life) else { return Ok(()) };
    match life.not_before {
        Some((at, rule)) if row.at < at && serves(&row.row.step.trade.intent().goal, &request.kind) => {
            Err(format!("{}: {rule} waits until {at}, and it is sent at {}", name(row), row.at))
        }
        Some(_) | None => Ok(()),
    }
}

/// NET-1, TRD-3, TRD-6, TRD-9: an intent is sent no more often than all its budgets together allow.
pub(crate) fn sends_are_within_budget(life: Option<&Life>, row: &LifeRow, params: &Params) -> Verdict {
    let (Some(request), Some(life)) = (row.request(), life) else { return Ok(()) };
    if !matches!(request.kind, RequestKind::Enter { .. }) {
        return Ok(());
    }
    // Volume, price, stops and filling are each corrected once; the rest of a partial fill is tried once.
    let corrections = 6;
    let prices = u32::from(params.retry.requotes) + 8;
    let most = 1
        + u32::from(params.pending.attempts)
        + u32::from(params.timeout.stop_after)
        + prices
        + corrections
        + 1;
    if life.entries < most {
        Ok(())
    } else {
        Err(format!("{} was sent {} times", name(row), life.entries + 1))
    }
}

/// TRD-2: what opens may deviate no further than the threshold.
pub(crate) fn deviation_is_bounded(row: &LifeRow, params: &Params) -> Verdict {
    let Some(request) = row.request() else { return Ok(()) };
    let RequestKind::Enter { deviation, .. } = request.kind else { return Ok(()) };
    let Some(reference) = row.row.step.trade.reference() else { return Ok(()) };
    let point = row.row.point.units();
    if point <= 0 {
        return Ok(());
    }
    let most = reference.units() / 100 * i64::from(params.slippage.percent.0) / point + 1;
    if i64::from(deviation) <= most {
        return Ok(());
    }
    Err(format!("{} may deviate {deviation} points of {most}", name(row)))
}

/// What has ended has ended: its state and its reason stay.
pub(crate) fn ends_are_final(life: Option<&Life>, row: &LifeRow) -> Verdict {
    let trade = &row.row.step.trade;
    if row.ended != trade.end().is_some() {
        return Err(format!("{}: the mark says ended {}, the trade {:?}", name(row), row.ended, trade.end()));
    }
    let Some(life) = life else { return Ok(()) };
    if row.version <= life.version {
        return Err(format!("{} went from version {} to {}", name(row), life.version, row.version));
    }
    if life.ended && (trade.end() != life.trade.end() || row.request().is_some()) {
        return Err(format!("{} had ended as {:?} and goes on", name(row), life.trade.end()));
    }
    Ok(())
}

/// One new position for one part of one signal on one account (TRD-4). What ends a trade ends all its positions under
/// one part.
pub(crate) fn accepted_once(member: &Member, row: &LifeRow) -> Verdict {
    let Some(key) = &row.key else { return Ok(()) };
    let trade = &row.row.step.trade;
    if trade.intent().opening().is_none() || trade.end() == Some(End::Duplicate) {
        return Ok(());
    }
    let twin = member.lives.values().find(|life| {
        let same = life.key == key.id.as_str() && life.digest == key.digest && life.part == row.row.part;
        same && life.trade.intent().opening().is_some() && life.trade.end() != Some(End::Duplicate)
    });
    match twin {
        Some(_) => {
            Err(format!("{}: part {} of {} was accepted before", name(row), row.row.part, key.id.as_str()))
        }
        None => Ok(()),
    }
}

/// TRD-1, TRD-2, TRD-4: what demands to be told is told in the step that finds it.
pub(crate) fn is_told(member: &Member, life: Option<&Life>, row: &LifeRow) -> Verdict {
    let counts = member.counts(row) > 0;
    let trade = &row.row.step.trade;
    let before = life.map_or(Lots::ZERO, |life| life.trade.holdings().filled);
    let filled = trade.holdings().filled;
    let told =
        |name: &str| {
            let now =
                row.row.step.effects.list().iter().any(
                    |(_, effect)| matches!(effect, TradeEffect::Notify(notice) if notice.name() == name),
                );
            now || life.is_some_and(|life| life.told.contains(name))
        };
    let opens = matches!(trade.intent().goal, Goal::Open(_));
    let resting = matches!(trade.phase(), TradePhase::Resting);
    if opens
        && resting
        && filled > before
        && filled < trade.volume()
        && !told("PartialFill")
        && !told("SlippageExceeded")
    {
        return Err(format!("{}: {filled:?} of {:?} filled, and nobody was told", name(row), trade.volume()));
    }
    if matches!(trade.phase(), TradePhase::Suspect(..)) && !told("Suspect") {
        return Err(format!("{}: a person is to decide, and nobody was told", name(row)));
    }
    if counts && !told("DuplicateOrder") {
        return Err(format!("{}: a duplicate, and nobody was told", name(row)));
    }
    Ok(())
}

/// TRD-4: what the broker made once more, and a signal that repeats a name, is counted once each.
pub(crate) fn duplicates_are_counted_once(
    member: &Member,
    life: Option<&Life>,
    made: Option<&Made>,
    row: &LifeRow,
) -> Verdict {
    let more = member.counts(row);
    if more == 0 {
        return Ok(());
    }
    let (known, signals) = life.map_or((0, 0), |life| (life.duplicates, life.repeated_signals));
    let signals = signals + usize::from(matches!(row.row.step.event, TradeEvent::Repeated));
    let real = made.map_or(0, |made| made.repeated.len()) + signals;
    if (known + more) as usize <= real {
        return Ok(());
    }
    Err(format!("{} counts {more} duplicates more than {known}, and there are {real}", name(row)))
}

/// TRD-1: a part is not taken for the whole before the rest was tried once more, or could not be.
pub(crate) fn rest_is_tried(life: Option<&Life>, row: &LifeRow) -> Verdict {
    let trade = &row.row.step.trade;
    let Some(opening) = trade.intent().opening() else { return Ok(()) };
    let filled = trade.holdings().filled;
    let whole = matches!(trade.phase(), TradePhase::Holding) && filled > Lots::ZERO;
    let wanted = life.map_or(opening.volume, |life| life.trade.volume().max(filled));
    let Some(life) = life.filter(|_| whole && filled < wanted) else { return Ok(()) };
    // A process whose clock was set back does not know how old the part is, and leaves the rest.
    let ageless = row.kind == "RESUME" || row.at < trade.intent().accepted_at;
    let waited = ageless || (row.at >= life.at && life.told.contains("PartialFill"));
    let wound_down = life.told.contains("SlippageExceeded") || trade.end().is_some() || life.withdrawn;
    if waited || wound_down {
        return Ok(());
    }
    Err(format!("{}: {filled:?} of {wanted:?} counts as all of it", name(row)))
}

fn serves(goal: &Goal, kind: &RequestKind) -> bool {
    match (goal, kind) {
        (Goal::Open(_), RequestKind::Enter { .. })
        | (Goal::Protect { .. }, RequestKind::Protect { .. })
        | (Goal::Move { .. }, RequestKind::Move { .. })
        | (Goal::Close { .. }, RequestKind::Close { .. })
        | (Goal::Cancel { .. }, RequestKind::Cancel { .. }) => true,
        (
            Goal::Open(_)
            | Goal::Protect { .. }
            | Goal::Move { .. }
            | Goal::Close { .. }
            | Goal::Cancel { .. },
            RequestKind::Enter { .. }
            | RequestKind::Protect { .. }
            | RequestKind::Move { .. }
            | RequestKind::Close { .. }
            | RequestKind::Cancel { .. },
        ) => false,
    }
}

fn name(row: &LifeRow) -> String {
    format!("{} trade {}", row.instance, row.magic.number())
}
