//! TRD-9: what the trade server's answer asks of a trade.
//!
//! [`action_of`] is the table: one action for each code and kind of call, never in conflict with its class. Requotes and
//! price changes take a fresh price, at most three times (`trade.retry.requotes`), within the deviation and the signal's
//! age; a missing price is waited for (`trade.retry.price_off_after`); what can be corrected is corrected once; what nobody
//! understands is verified.

use warden_domain::{
    Facts, Lots, Rule,
    retcode::{Call, Class, LastError, PlacedReading, Retcode},
};

use super::{
    Attempt, End, Op, Purpose, Reply, Session, Trade, TradeEffect, TradeNotice, TradePhase, TradeTimer, Wait,
    adopt, normalise, pending, resolver, send, settle, step::Scene,
};

/// What a code asks of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It was executed, in whole or in part, or the order rests.
    Executed,
    /// What it asks for holds already.
    AlreadyTrue,
    /// Verify by the tag: nobody knows.
    Verify,
    /// Look how things stand; it was refused unless the look says otherwise.
    Look,
    /// Send again at once with a fresh price.
    FreshPrice,
    /// The same, once.
    FreshPriceOnce,
    /// Wait for a price.
    AwaitPrice,
    /// Bring the volume to the symbol's steps, once.
    FixVolume,
    /// Bring the stops to the symbol's level, once.
    FixStops,
    /// Take the next filling mode of the symbol, once.
    NextFilling,
    /// Read the position again and close no more than there is, once.
    Clamp,
    /// Send again, once, where it closes or protects.
    OnceMore,
    /// Too near to the price: try again later.
    Later,
    /// Too frequent: the instance pauses.
    Slower,
    /// The market is closed: wait for the session.
    AwaitSession,
    /// The symbol does not allow it.
    NotAllowed,
    /// Trading is not permitted; where, the instance finds out.
    NotPermitted,
    /// Automated trading is off in the terminal: heals once, then a person.
    Heal,
    /// It will not be executed as it is.
    Refuse,
}

/// What a retcode asks of a trade after this kind of call; `ticket` and `placed` decide 10008 alone (BRK-3).
#[must_use]
pub fn action_of(code: Retcode, call: Call, ticket: bool, placed: PlacedReading) -> Action {
    let reduces = matches!(call, Call::Close | Call::Modify);
    match (code.number(), call) {
        (10_004 | 10_020, _) => Action::FreshPrice,
        (10_006, _) if reduces => Action::OnceMore,
        (10_007 | 10_041, _) | (10_036, Call::Modify | Call::Cancel) => Action::Look,
        (10_014, _) => Action::FixVolume,
        (10_015, Call::Market) => Action::FreshPriceOnce,
        (10_016, _) => Action::FixStops,
        (10_021, _) => Action::AwaitPrice,
        (10_027, _) => Action::Heal,
        (10_029, _) => Action::Later,
        (10_030, _) => Action::NextFilling,
        (10_038, _) => Action::Clamp,
        (10_039, _) => Action::Look,
        (10_042..=10_044, _) => Action::NotAllowed,
        (_, _) => action_of_class(code.class(call, ticket, placed)),
    }
}

const fn action_of_class(class: Class) -> Action {
    match class {
        Class::Success => Action::Executed,
        Class::AlreadyTrue => Action::AlreadyTrue,
        Class::RetryNow => Action::FreshPrice,
        Class::RateLimit => Action::Slower,
        Class::MarketClosed => Action::AwaitSession,
        Class::Permission | Class::FatalAccount => Action::NotPermitted,
        Class::FatalRequest => Action::Refuse,
        Class::Duplicate => Action::Look,
        Class::Network | Class::UnknownVerify => Action::Verify,
    }
}

/// An answer came: to the present send, or to an old one.
pub(crate) fn replied(t: &mut Trade, attempt: Attempt, reply: &Reply, x: &mut Scene<'_>) {
    let is_present = attempt == t.attempt || broken!(OldAnswerCounts);
    match t.phase {
        TradePhase::Sending(op) | TradePhase::Suspect(op, _) if is_present => answered(t, op, reply, x),
        TradePhase::Resolving(op, resolving) if is_present && resolving.purpose == Purpose::Lost => {
            answered(t, op, reply, x);
        }
        TradePhase::Sending(_)
        | TradePhase::Suspect(..)
        | TradePhase::Resolving(..)
        | TradePhase::Waiting(..)
        | TradePhase::Resting
        | TradePhase::Holding
        | TradePhase::Ended(..) => out_of_place(t, reply, x),
    }
}

/// An answer to a send that was settled: the same again, or one that says that it was executed after all.
fn out_of_place(t: &mut Trade, reply: &Reply, x: &mut Scene<'_>) {
    let known = [t.held.order, t.held.position, t.held.extra_order, t.held.extra_position];
    let news = reply.order.filter(|order| !known.contains(&Some(*order)));
    if reply.deal.is_none() && news.is_none() {
        return;
    }
    match t.phase {
        TradePhase::Waiting(op, _) if op.enters() => {
            x.fx.decided(Rule::Trd4);
            resolver::begin(t, op, Purpose::Again, x);
        }
        TradePhase::Sending(_) | TradePhase::Resolving(..) => t.flags.look_again = true,
        TradePhase::Resting | TradePhase::Holding => {
            if t.timers.due_at(TradeTimer::Guard).is_none() {
                t.timers.arm(TradeTimer::Guard, x.now.after(x.params.protection.reread_after));
            }
        }
        TradePhase::Ended(..) if t.intent.opening().is_some() && t.held.filled == Lots::ZERO => {
            settle::after_end(t, x);
        }
        TradePhase::Waiting(..) | TradePhase::Suspect(..) | TradePhase::Ended(..) => {}
    }
}

/// The answer to the present send.
pub(crate) fn answered(t: &mut Trade, op: Op, reply: &Reply, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Trd9);
    let call = op.call(&t.intent);
    let Some(number) = reply.facts.retcode else {
        return without_retcode(t, op, call, &reply.facts, x);
    };
    let code = Retcode::of(number);
    let ticket = reply.order.is_some() || reply.facts.ticket;
    let action = action_of(code, call, ticket, x.params.rate_limit.placed_code);
    match action {
        Action::Executed => executed(t, op, reply, x),
        Action::AlreadyTrue => already_true(t, op, reply, x),
        Action::Verify => unknown(t, op, x),
        Action::Look => resolver::begin(t, op, Purpose::Refused(number), x),
        Action::FreshPrice => fresh_price(t, op, number, x),
        Action::FreshPriceOnce => once(t, op, number, x, |flags| &mut flags.price_fixed, fresh_price),
        Action::AwaitPrice => await_price(t, op, number, x),
        Action::FixVolume => once(t, op, number, x, |flags| &mut flags.volume_fixed, fix_volume),
        Action::FixStops => once(t, op, number, x, |flags| &mut flags.stops_fixed, fix_stops),
        Action::NextFilling => once(t, op, number, x, |flags| &mut flags.filling_fixed, next_filling),
        Action::Clamp => once(t, op, number, x, |flags| &mut flags.clamped, clamp),
        Action::OnceMore => once(t, op, number, x, |flags| &mut flags.refused_once, again),
        Action::Later => later(t, op, number, x),
        Action::Slower => slower(t, op, &reply.facts, x),
        Action::AwaitSession => await_session(t, op, &reply.facts, x),
        Action::NotAllowed => refused(t, op, number, x),
        Action::NotPermitted => not_permitted(t, op, number, &reply.facts, x),
        Action::Heal => heal(t, op, number, &reply.facts, x),
        Action::Refuse => refused(t, op, number, x),
    }
}

fn executed(t: &mut Trade, op: Op, reply: &Reply, x: &mut Scene<'_>) {
    let nothing_said = reply.volume <= Lots::ZERO;
    let nothing_named = reply.order.is_none() && reply.deal.is_none();
    match op {
        // Done, and nothing says what, or how much: the broker is read.
        Op::Enter { .. } if nothing_named => unknown(t, op, x),
        Op::Enter { .. } if nothing_said && op.call(&t.intent) == Call::Market => unknown(t, op, x),
        Op::Close { .. } if nothing_said => unknown(t, op, x),
        Op::Enter { .. } => {
            adopt::entered(t, reply, x);
            settle::settle(t, x);
        }
        Op::Cancel { .. } | Op::Close { .. } | Op::Protect { .. } | Op::Move { .. } | Op::Look
            if t.intent.opening().is_none() =>
        {
            settle::target_done(t, op, reply, x);
        }
        Op::Close { position, .. } => {
            adopt::closed(t, Some(position), reply.volume, x);
            settle::settle(t, x);
        }
        Op::Cancel { order } => {
            for known in [&mut t.held.order, &mut t.held.extra_order] {
                *known = known.filter(|known| *known != order);
            }
            adopt::noted(t, x);
            // It may have filled before it was cancelled: that is read before anything is decided on it.
            resolver::begin(t, Op::Look, Purpose::Read, x);
        }
        Op::Protect { .. } => {
            t.held.protection = t.protection;
            adopt::noted(t, x);
            settle::settle(t, x);
        }
        Op::Move { .. } | Op::Look => settle::settle(t, x),
    }
}

fn already_true(t: &mut Trade, op: Op, reply: &Reply, x: &mut Scene<'_>) {
    match op {
        Op::Protect { .. } | Op::Move { .. } => executed(t, op, reply, x),
        Op::Close { .. } | Op::Cancel { .. } | Op::Look => resolver::begin(t, op, Purpose::Read, x),
        Op::Enter { .. } => unknown(t, op, x),
    }
}

/// Nobody knows; what is being found out already goes on.
fn unknown(t: &mut Trade, op: Op, x: &mut Scene<'_>) {
    if let TradePhase::Resolving(_, resolving) = t.phase
        && resolving.purpose == Purpose::Lost
    {
        return;
    }
    resolver::begin(t, op, Purpose::Lost, x);
}

/// The call itself failed: what `last_error` says.
fn without_retcode(t: &mut Trade, op: Op, call: Call, facts: &Facts, x: &mut Scene<'_>) {
    let Some(number) = facts.last_error else { return unknown(t, op, x) };
    match LastError::of(number).class(call) {
        // Nothing left the terminal.
        Class::Network | Class::RetryNow => {
            x.fx.add(Rule::Trd9, TradeEffect::Tell(*facts));
            pending::not_sent(t, op, x);
        }
        Class::Permission | Class::FatalAccount => {
            x.fx.add(Rule::Trd9, TradeEffect::Tell(*facts));
            refused_as(t, op, End::RefusedByTerminal(number), x);
        }
        Class::FatalRequest => refused_as(t, op, End::RefusedByTerminal(number), x),
        Class::Success
        | Class::AlreadyTrue
        | Class::RateLimit
        | Class::MarketClosed
        | Class::Duplicate
        | Class::UnknownVerify => unknown(t, op, x),
    }
}

/// It was refused, and nothing of it is at the broker.
pub(crate) fn refused(t: &mut Trade, op: Op, number: u32, x: &mut Scene<'_>) {
    let notice = match number {
        10_019 => Some(TradeNotice::NoMoney),
        10_033 | 10_034 | 10_040 => Some(TradeNotice::LimitReached),
        _ => None,
    };
    if let Some(notice) = notice {
        x.fx.notify(Rule::Trd9, notice);
    }
    refused_as(t, op, End::Refused(number), x);
}

fn refused_as(t: &mut Trade, op: Op, end: End, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Trd9);
    resolver::forget_entry(t, op);
    if t.serves_intent(op) { settle::give_up(t, end, x) } else { settle::care_failed(t, op, x) }
}

/// Does something about a refusal the first time, and takes it the second time.
fn once(
    t: &mut Trade,
    op: Op,
    number: u32,
    x: &mut Scene<'_>,
    flag: fn(&mut super::state::Flags) -> &mut bool,
    remedy: fn(&mut Trade, Op, u32, &mut Scene<'_>),
) {
    if std::mem::replace(flag(&mut t.flags), true) {
        return refused(t, op, number, x);
    }
    remedy(t, op, number, x);
}

/// Sends again in this very step: refused, it was not executed.
fn again(t: &mut Trade, op: Op, _number: u32, x: &mut Scene<'_>) {
    resolver::send_again(t, op, x);
}

fn fresh_price(t: &mut Trade, op: Op, number: u32, x: &mut Scene<'_>) {
    if t.tries.requotes >= x.params.retry.requotes {
        return refused(t, op, number, x);
    }
    t.tries.requotes += 1;
    again(t, op, number, x);
}

fn await_price(t: &mut Trade, op: Op, number: u32, x: &mut Scene<'_>) {
    if let Session::Closed { .. } = x.ctx.session {
        return again(t, op, number, x);
    }
    if t.tries.requotes >= x.params.retry.requotes {
        return refused(t, op, number, x);
    }
    t.tries.requotes += 1;
    wait_again(t, op, x.params.retry.price_off_after, x);
}

fn wait_again(t: &mut Trade, op: Op, wait: warden_domain::Span, x: &mut Scene<'_>) {
    resolver::forget_entry(t, op);
    pending::again_after(t, op, wait, x);
}

fn fix_volume(t: &mut Trade, op: Op, number: u32, x: &mut Scene<'_>) {
    let Op::Enter { volume } = op else { return clamp(t, op, number, x) };
    // The symbol's present steps: those that were sent by may be old.
    let fixed = x.ctx.symbol.and_then(|symbol| normalise::volume(volume, &symbol));
    match fixed {
        Some(fixed) => {
            if t.held.filled == Lots::ZERO {
                t.volume = fixed;
            }
            again(t, Op::Enter { volume: fixed }, number, x);
        }
        None => refused(t, op, number, x),
    }
}

fn fix_stops(t: &mut Trade, op: Op, number: u32, x: &mut Scene<'_>) {
    if let (Some(symbol), Some(opening)) = (x.ctx.symbol, t.intent.opening()) {
        let base = match op {
            Op::Enter { .. } => normalise::stops_base(opening, x.ctx.quote),
            Op::Protect { .. } | Op::Close { .. } | Op::Cancel { .. } | Op::Move { .. } | Op::Look => {
                x.ctx.quote.map(|quote| quote.of(opening.side.opposite()))
            }
        };
        t.protection = normalise::protection(t.protection, opening.side, base, &symbol);
    }
    again(t, op, number, x);
}

fn next_filling(t: &mut Trade, op: Op, number: u32, x: &mut Scene<'_>) {
    let next = match (x.ctx.symbol, t.flight.filling) {
        (Some(symbol), Some(refused)) => symbol.filling.after(refused),
        (Some(_) | None, _) => None,
    };
    match next {
        Some(filling) => {
            t.flight.filling = Some(filling);
            again(t, op, number, x);
        }
        None => refused(t, op, number, x),
    }
}

/// The position is read again: what is closed next is no more than there is.
fn clamp(t: &mut Trade, op: Op, number: u32, x: &mut Scene<'_>) {
    match op {
        Op::Close { .. } => resolver::begin(t, op, Purpose::Read, x),
        Op::Enter { .. } | Op::Cancel { .. } | Op::Protect { .. } | Op::Move { .. } | Op::Look => {
            refused(t, op, number, x);
        }
    }
}

fn later(t: &mut Trade, op: Op, number: u32, x: &mut Scene<'_>) {
    if op.enters() {
        return refused(t, op, number, x);
    }
    t.tries.pending = t.tries.pending.saturating_add(1);
    if t.serves_intent(op) && t.tries.pending > x.params.pending.attempts {
        return refused(t, op, number, x);
    }
    wait_again(t, op, x.params.pending.waits.after(t.tries.pending), x);
}

/// The gate decides when it is tried again. Of 10008 the instance takes it for a limit, once for each send (BRK-3); what
/// became of the order it does not say.
fn slower(t: &mut Trade, op: Op, facts: &Facts, x: &mut Scene<'_>) {
    let may_be_placed = facts.retcode == Some(Retcode::PLACED.number());
    if !may_be_placed || !std::mem::replace(&mut t.flight.limited, true) {
        x.fx.add(Rule::Brk2, TradeEffect::Tell(*facts));
    }
    if may_be_placed {
        return unknown(t, op, x);
    }
    resolver::forget_entry(t, op);
    pending::again_after(t, op, x.params.rate_limit.pause, x);
}

/// The calendar knows when; where it says that the symbol is traded, the broker closed it (BRK-4).
fn await_session(t: &mut Trade, op: Op, facts: &Facts, x: &mut Scene<'_>) {
    match x.ctx.session {
        Session::Closed { .. } => {
            resolver::forget_entry(t, op);
            send::wait(t, op, Wait::Session, x);
        }
        Session::Open => {
            x.fx.add(Rule::Brk4, TradeEffect::Tell(*facts));
            wait_again(t, op, x.params.pending.waits.longest(), x);
        }
    }
}

fn not_permitted(t: &mut Trade, op: Op, number: u32, facts: &Facts, x: &mut Scene<'_>) {
    x.fx.add(Rule::Trd9, TradeEffect::Tell(*facts));
    if number == 10_026 {
        x.fx.notify(Rule::Trd9, TradeNotice::TradingDisabled);
    }
    refused(t, op, number, x);
}

fn heal(t: &mut Trade, op: Op, number: u32, facts: &Facts, x: &mut Scene<'_>) {
    if std::mem::replace(&mut t.flags.healed, true) {
        x.fx.notify(Rule::Trd9, TradeNotice::TradingDisabled);
        return not_permitted(t, op, number, facts, x);
    }
    x.fx.add(Rule::Trd9, TradeEffect::Tell(*facts));
    wait_again(t, op, x.params.pending.waits.after(1), x);
}
