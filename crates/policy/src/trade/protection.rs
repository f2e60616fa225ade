//! TRD-5: stop loss and take profit.
//!
//! What shall stand is stored with the trade. A position whose stop loss or take profit differs from it, or is gone (also
//! after a change by hand), is read again after 1 s (`trade.protection.reread_after`), and then set as it shall be. A
//! position that stands although the price has been beyond its stop loss or take profit for 5 s
//! (`trade.protection.executes_within`) is closed, as the broker should have done. Each is a misfire: alert, notify;
//! a repair that works ends it; the third without one (`trade.protection.stop_after`) stops the instance. A stop that a
//! person added where none of ours shall stand is kept, and so is that of a position which others share (TRD-8). While
//! the symbol is not traded nothing misfires.

use warden_domain::{Price, Rule, Side};

use super::{
    Findings, Op, PositionSeen, Protection, Query, Session, Trade, TradeEffect, TradeNotice, TradePhase,
    TradeTimer, TroubleKind, external, normalise, settle,
    state::Guard,
    step::Scene,
    tally::{normal, troubled},
};

/// A later intent of the client changed what shall stand.
///
/// It has as long to reach the broker as a signal is valid.
pub(crate) fn wanted(t: &mut Trade, wanted: Protection, x: &mut Scene<'_>) {
    if t.intent.opening().is_some() && t.end().is_none() && t.protection != wanted {
        t.protection = wanted;
        t.guard = Guard::Changing(x.now);
    }
}

/// Whether the position's protection is as it shall be.
pub(crate) fn is_set(t: &Trade, seen: PositionSeen, x: &Scene<'_>) -> bool {
    // What was sent was on the symbol's ticks.
    let on_tick = |level: Price| {
        let symbol = x.ctx.symbol.as_ref();
        symbol.and_then(|symbol| normalise::price(level, symbol)).unwrap_or(level)
    };
    let opens = t.intent.opening().is_some();
    let same = |wanted: Option<Price>, seen| (opens && wanted.is_none()) || wanted.map(on_tick) == seen;
    let (wanted, seen) = (t.protection, seen.protection);
    same(wanted.stop_loss, seen.stop_loss) && same(wanted.take_profit, seen.take_profit)
}

/// A look shows the position: is it protected?
pub(crate) fn check(t: &mut Trade, f: &Findings, x: &mut Scene<'_>) {
    let (TradePhase::Holding, Some(first)) = (t.phase, f.position) else { return };
    // On a hedging account the rest of a partial fill has a position of its own.
    let other = f.extra_position.filter(|other| is_set(t, first, x) && !is_set(t, *other, x));
    let seen = other.unwrap_or(first);
    if external::is_shared(t, &seen, x.ctx) || broken!(StopLossForgotten) {
        return calm(t);
    }
    let passed = is_passed(t, x);
    match (t.guard, is_set(t, seen, x), passed) {
        (_, true, false) => {
            calm(t);
            repaired(t, x);
        }
        (Guard::Passed(since), _, true) if x.now.since(since) >= x.params.protection.executes_within => {
            misfire(t, Op::Close { position: seen.ticket, volume: t.held.open().min(seen.volume) }, x);
        }
        (Guard::Differs(since), false, false)
            if x.ctx.session == Session::Open && x.now.since(since) >= x.params.protection.reread_after =>
        {
            misfire(t, Op::Protect { position: seen.ticket }, x);
        }
        (Guard::Changing(since), false, false) if x.now.since(since) < x.params.signal.valid_for => {
            t.timers.arm(TradeTimer::Guard, since.after(x.params.signal.valid_for));
        }
        (Guard::Passed(_), _, true) | (Guard::Differs(_), false, false) => {}
        (Guard::Calm | Guard::Differs(_) | Guard::Changing(_), _, true) => {
            doubt(t, Guard::Passed(x.now), x);
        }
        (Guard::Calm | Guard::Passed(_) | Guard::Changing(_), false, false) => {
            doubt(t, Guard::Differs(x.now), x);
        }
    }
}

fn calm(t: &mut Trade) {
    t.guard = Guard::Calm;
    t.timers.disarm(TradeTimer::Guard);
}

/// It is read again before anything is done about it.
fn doubt(t: &mut Trade, guard: Guard, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Trd5);
    let wait = match guard {
        Guard::Calm | Guard::Differs(_) | Guard::Changing(_) => x.params.protection.reread_after,
        Guard::Passed(_) => x.params.protection.executes_within,
    };
    t.guard = guard;
    t.timers.arm(TradeTimer::Guard, x.now.after(wait));
}

fn misfire(t: &mut Trade, repair: Op, x: &mut Scene<'_>) {
    calm(t);
    t.flags.repairing = true;
    troubled(TroubleKind::ProtectionMisfire, Rule::Trd5, 1, x);
    x.fx.notify(Rule::Trd5, TradeNotice::ProtectionMisfire);
    settle::care(t, repair, Rule::Trd5, x);
}

/// A look shows that a repair worked, or that there is nothing to protect any more.
pub(crate) fn repaired(t: &mut Trade, x: &mut Scene<'_>) {
    if std::mem::take(&mut t.flags.repairing) {
        normal(TroubleKind::ProtectionMisfire, Rule::Trd5, x);
    }
}

/// Whether the price is beyond a stop loss or take profit that shall stand, and the broker could have executed it.
fn is_passed(t: &Trade, x: &Scene<'_>) -> bool {
    let (Some(opening), Some(quote), Session::Open) = (t.intent.opening(), x.ctx.quote, x.ctx.session) else {
        return false;
    };
    let price = quote.of(opening.side.opposite());
    let (stop, take) = (t.protection.stop_loss, t.protection.take_profit);
    match opening.side {
        Side::Buy => stop.is_some_and(|stop| price <= stop) || take.is_some_and(|take| price >= take),
        Side::Sell => stop.is_some_and(|stop| price >= stop) || take.is_some_and(|take| price <= take),
    }
}

/// Time to look, or the price moved.
pub(crate) fn tick(t: &mut Trade, x: &mut Scene<'_>) {
    let quiet = matches!(t.guard, Guard::Calm | Guard::Changing(_));
    if t.phase == TradePhase::Holding && quiet && is_passed(t, x) {
        return doubt(t, Guard::Passed(x.now), x);
    }
    if !t.timers.is_due(TradeTimer::Guard, x.now) {
        return;
    }
    t.timers.arm(TradeTimer::Guard, x.now.after(x.params.unknown.waits.longest()));
    if !x.ctx.connected {
        return;
    }
    let query = Query {
        magic: t.intent.magic,
        attempt: t.attempt,
        marks: t.flight.marks,
        back: x.params.unknown.search_back,
        after: t.floor,
        also: t.held.position.or(t.held.order),
    };
    x.fx.add(Rule::Trd5, TradeEffect::Verify(query));
}
