//! What an answer or a look says is at the broker becomes what the trade holds.
//!
//! Looks hold totals of everything with the tag, so that adopting one twice changes nothing. The broker is right about
//! orders, deals and positions; a deal never vanishes, so a look with fewer is behind, and is not taken.

use warden_domain::{Lots, Price, Side, Ticket};

use super::{
    AccountMode, Findings, Goal, Lookalike, Op, PositionSeen, Reply, Trade, duplicate, external,
    partial_fill, protection, resolver, slippage, step::Scene, timeout,
};

/// Whether the look began after what the trade knows.
pub(crate) fn is_fresh(t: &Trade, f: &Findings) -> bool {
    f.snapshot.is_some_and(|snapshot| snapshot.0 > t.floor || broken!(OldLookCounts))
}

/// Whether the look shows that the step at the broker was taken, or is not needed any more.
pub(crate) fn shows(t: &Trade, op: Op, f: &Findings, x: &Scene<'_>) -> bool {
    if !is_fresh(t, f) {
        return false;
    }
    match op {
        Op::Enter { .. } => {
            let new_order = f.order.is_some_and(|order| Some(order.ticket) != t.held.order);
            f.orders > t.held.orders || filled(t, f).0 > t.held.filled || new_order
        }
        Op::Cancel { order } => {
            let open = f.order.is_some_and(|seen| seen.ticket == order) || f.extra_order == Some(order);
            !open
        }
        Op::Close { position, .. } => {
            let closed = f.closed > t.held.closed;
            closed || !stands(f, position)
        }
        Op::Protect { position } => match seen(f, position) {
            Some(seen) => protection::is_set(t, seen, x),
            None => true,
        },
        Op::Move { order } => match f.order.filter(|seen| seen.ticket == order) {
            Some(seen) => match t.intent.goal {
                Goal::Move { price, protection, .. } => seen.price == price && seen.protection == protection,
                Goal::Open(_) | Goal::Protect { .. } | Goal::Close { .. } | Goal::Cancel { .. } => true,
            },
            None => true,
        },
        Op::Look => false,
    }
}

fn seen(f: &Findings, position: Ticket) -> Option<PositionSeen> {
    [f.position, f.extra_position].into_iter().flatten().find(|seen| seen.ticket == position)
}

fn stands(f: &Findings, position: Ticket) -> bool {
    seen(f, position).is_some()
}

/// Takes the look's totals; answers `false` when it is behind what is known.
pub(crate) fn take(t: &mut Trade, f: &Findings, x: &mut Scene<'_>) -> bool {
    let Some(opening) = t.intent.opening().copied() else {
        t.held.closed = t.held.closed.max(f.closed);
        t.held.position = f.position.map(|position| position.ticket);
        t.held.order = f.order.map(|order| order.ticket);
        return true;
    };
    t.flags.untagged |= f.untagged;
    let (filled, price) = filled(t, f);
    // A terminal that shows less than is known shows what was, not what is.
    // What filled without the tag is not counted by it; an order that is held is known by its ticket.
    let uncounted = t.held.adopted > Lots::ZERO || t.flags.untagged;
    let untagged = u8::from(uncounted && t.held.filled > Lots::ZERO);
    let vanished = t.held.order.is_some() && f.orders.saturating_add(untagged) < t.held.orders;
    if filled < t.held.filled || vanished {
        return false;
    }
    t.missing.negatives = 0;
    duplicate::noticed(t, f, x);
    t.held.orders = t.held.orders.max(f.orders);
    let (grew, was_placed) = (filled > t.held.filled, t.held.order.is_some());
    t.held.filled = filled;
    if filled > Lots::ZERO {
        t.held.price = price;
    }
    t.held.order = f.order.map(|order| order.ticket);
    t.held.named = None;
    t.held.extra_order = f.extra_order;
    t.held.position = f.position.map(|position| position.ticket);
    t.held.extra_position = f.extra_position.map(|position| position.ticket);
    t.held.extra_volume = f.extra_position.map_or(Lots::ZERO, |position| position.volume);
    let open = open_of(t, f, opening.side, x.ctx.mode);
    t.held.closed = t.held.filled.minus(open).unwrap_or(Lots::ZERO).max(Lots::ZERO);
    if let Some(position) = f.position.filter(|position| !external::is_shared(t, position, x.ctx)) {
        t.held.protection = position.protection;
    }
    t.flags.confirmed = true;
    if grew || (f.order.is_some() && !was_placed) {
        executed(t, x);
    } else if t.flags.unjudged {
        slippage::judge(t, x);
    }
    true
}

/// Takes the look, where something filled before; answers whether nothing of that is open any more.
pub(crate) fn shows_end(t: &mut Trade, f: &Findings, x: &mut Scene<'_>) -> bool {
    t.held.open() > Lots::ZERO && is_fresh(t, f) && take(t, f, x) && t.held.open() == Lots::ZERO
}

/// The same; a position that is known by its ticket, and that nobody shows, is taken for gone after as many looks over as
/// long as prove that a send was not executed.
pub(crate) fn take_in_the_end(t: &mut Trade, f: &Findings, x: &mut Scene<'_>) -> bool {
    if take(t, f, x) {
        return true;
    }
    let by_ticket = t.held.position.or(t.held.named).is_some();
    if !by_ticket || t.held.order.is_some() || !resolver::is_enough(&mut t.missing, f, x) {
        return false;
    }
    // Nothing with its tag will show.
    t.flags.untagged = true;
    take(t, f, x)
}

/// How much of what the trade opened stands: a position that is gone, or turned, closed it, whoever did that.
fn open_of(t: &Trade, f: &Findings, side: Side, mode: AccountMode) -> Lots {
    let volume = |seen: Option<PositionSeen>| {
        seen.filter(|position| position.side == side).map_or(Lots::ZERO, |position| position.volume)
    };
    match mode {
        AccountMode::Hedging => {
            volume(f.position).plus(volume(f.extra_position)).unwrap_or(Lots::ZERO).min(t.held.filled)
        }
        AccountMode::Netting => {
            let own = f.closed.max(t.held.ended);
            let by_tag = t.held.filled.minus(own).and_then(|left| left.minus(t.held.reduced));
            volume(f.position).min(by_tag.unwrap_or(Lots::ZERO).max(Lots::ZERO))
        }
    }
}

/// An order of the intent was executed: placed, or filled in whole or in part.
fn executed(t: &mut Trade, x: &mut Scene<'_>) {
    timeout::executed(t, x);
    duplicate::executed(t, x);
    if t.held.filled > Lots::ZERO {
        slippage::judge(t, x);
        partial_fill::noticed(t, x);
    }
}

/// An entry was answered as executed.
pub(crate) fn entered(t: &mut Trade, reply: &Reply, x: &mut Scene<'_>) {
    let rests = t.intent.opening().is_some_and(|opening| opening.kind.rests());
    // Of an order that rests a trade server repeats the volume that was asked for: only a deal fills.
    let volume = if rests && reply.deal.is_none() { Lots::ZERO } else { reply.volume };
    if volume > Lots::ZERO {
        // MT5 may answer without a price.
        let price = if reply.price == Price::ZERO { t.held.price } else { reply.price };
        (t.held.filled, t.held.price) = mean((t.held.filled, t.held.price), (volume, price));
        if x.ctx.mode == AccountMode::Hedging && t.held.position.is_none() {
            t.held.position = reply.order;
        }
    }
    if rests && t.held.filled < t.volume {
        t.held.order = reply.order;
    }
    if volume > Lots::ZERO && t.held.protection == super::Protection::default() {
        t.held.protection = t.protection;
    }
    t.held.orders = t.held.orders.saturating_add(1);
    t.held.named = reply.order;
    noted(t, x);
    executed(t, x);
    t.flags.unjudged |= volume > Lots::ZERO && reply.price == Price::ZERO;
}

/// A close was answered as executed.
pub(crate) fn closed(t: &mut Trade, position: Option<Ticket>, volume: Lots, x: &mut Scene<'_>) {
    t.held.extra_position = t.held.extra_position.filter(|extra| Some(*extra) != position);
    t.held.closed = t.held.closed.plus(volume).unwrap_or(t.held.closed);
    t.held.ended = t.held.ended.plus(volume).unwrap_or(t.held.ended);
    noted(t, x);
}

/// What is known is newer than any look that began before; a look shall confirm it.
pub(crate) fn noted(t: &mut Trade, x: &mut Scene<'_>) {
    t.floor = t.floor.max(x.now);
    t.flags.confirmed = false;
    t.tries.care = 0;
}

/// A person said that this is what the send made.
pub(crate) fn by_decision(t: &mut Trade, lookalike: &Lookalike, x: &mut Scene<'_>) {
    if lookalike.filled > Lots::ZERO {
        let (filled, price) = mean((t.held.filled, t.held.price), (lookalike.filled, lookalike.price));
        (t.held.filled, t.held.price) = (filled, price);
        (t.held.adopted, t.held.adopted_at) = (lookalike.filled, lookalike.price);
        t.held.position = Some(lookalike.ticket);
    } else {
        t.held.order = Some(lookalike.ticket);
    }
    t.held.orders = t.held.orders.saturating_add(1);
    noted(t, x);
    executed(t, x);
}

/// What the look says is filled, together with what is ours by a person's word.
fn filled(t: &Trade, f: &Findings) -> (Lots, Price) {
    if t.flags.untagged && f.filled < t.held.filled {
        return (t.held.filled, t.held.price);
    }
    mean((f.filled, f.price), (t.held.adopted, t.held.adopted_at))
}

/// Volume and mean price of two fills.
fn mean(one: (Lots, Price), other: (Lots, Price)) -> (Lots, Price) {
    let total = one.0.plus(other.0).unwrap_or(one.0);
    let worth = |(volume, price): (Lots, Price)| i128::from(volume.units()) * i128::from(price.units());
    let sum = worth(one) + worth(other);
    let price = sum.checked_div(i128::from(total.units())).and_then(|units| i64::try_from(units).ok());
    (total, price.map_or(other.1, Price::from_units))
}
