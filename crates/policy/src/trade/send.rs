//! The one place where orders leave (TRD-7).
//!
//! No order leaves without a durable intent carrying its tag: [`send`] changes the trade to `SENDING` and answers the
//! effect of exactly that step, which is carried out only once the step is durable. No layer below sends one again.

use warden_domain::{AccountMode, FailureReason, Gate, Lots, OrderKind, Rounding, Rule, Side};

use super::{
    Attempt, End, Filling, Goal, Op, Protection, Request, RequestKind, Session, SymbolRules, Target, Trade,
    TradeContext, TradeEffect, TradeMode, TradePhase, TradeTimer, Wait, expiry, external, normalise, pending,
    settle, slippage, state::Flight, step::Scene,
};

/// Why a step at the broker is not taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It waits for this.
    Wait(Wait),
    /// It will never be taken.
    End(End),
}

/// Takes the step, or waits for what it needs, or gives it up.
pub(crate) fn proceed(t: &mut Trade, op: Op, x: &mut Scene<'_>) {
    let op = match (t.intent.goal, op) {
        (Goal::Open(_), op) => Ok(op),
        // What it names may have changed since.
        (Goal::Protect { .. } | Goal::Move { .. } | Goal::Close { .. } | Goal::Cancel { .. }, _) => {
            external::first_op(t, x.ctx).and_then(|op| rest_of(t, op))
        }
    };
    let ready = op.and_then(|op| {
        may_leave(t, op, x)?;
        let op = no_larger(t, op, x);
        Ok((op, request(t, op, x)?))
    });
    match ready {
        Ok((op, (kind, filling))) => send(t, op, kind, filling, x),
        Err(Hold::Wait(why)) => wait(t, op.unwrap_or(Op::Look), why, x),
        Err(Hold::End(end)) if t.serves_intent(op.unwrap_or(Op::Look)) => settle::give_up(t, end, x),
        Err(Hold::End(_)) => settle::care_failed(t, op.unwrap_or(Op::Look), x),
    }
}

/// Of a close that was filled in part, what is left of it.
fn rest_of(t: &Trade, op: Op) -> Result<Op, Hold> {
    match (t.intent.goal, op) {
        (Goal::Close { volume: Some(asked), .. }, Op::Close { position, volume }) => {
            let left = asked.minus(t.held.closed).map_err(|_| Hold::End(End::Invalid))?;
            if left <= Lots::ZERO {
                return Err(Hold::End(End::Done));
            }
            Ok(Op::Close { position, volume: left.min(volume) })
        }
        (_, op) => Ok(op),
    }
}

/// A close is no larger than the symbol lets one order be; what is left of it follows.
fn no_larger(t: &mut Trade, op: Op, x: &Scene<'_>) -> Op {
    let (Op::Close { position, volume }, Some(symbol)) = (op, x.ctx.symbol) else { return op };
    if t.volume == Lots::ZERO && matches!(t.intent.goal, Goal::Close { volume: None, .. }) {
        t.volume = volume;
    }
    Op::Close { position, volume: volume.min(symbol.volume_max) }
}

/// Waits; for a connection with its own budget (NET-1).
pub(crate) fn wait(t: &mut Trade, op: Op, why: Wait, x: &mut Scene<'_>) {
    let waits_already = matches!(t.phase, TradePhase::Waiting(before, known) if before == op && known == why);
    if waits_already && why != Wait::Session {
        return;
    }
    t.phase = TradePhase::Waiting(op, why);
    if t.serves_intent(op) {
        t.timers.arm(TradeTimer::Expiry, t.intent.expires_at);
    }
    t.timers.disarm(TradeTimer::Act);
    match why {
        Wait::Connection => pending::without_connection(t, x),
        Wait::Session => {
            if let Session::Closed { opens_at: Some(at) } = x.ctx.session
                && at > x.now
            {
                t.timers.arm(TradeTimer::Act, at);
            }
        }
        Wait::Gate | Wait::Lane | Wait::Snapshot | Wait::Delay => {}
    }
}

fn may_leave(t: &Trade, op: Op, x: &Scene<'_>) -> Result<(), Hold> {
    let intent = t.serves_intent(op);
    if let (true, Some(end)) = (intent, t.winding) {
        return Err(Hold::End(end));
    }
    if intent {
        expiry::in_time(t, x.now)?;
    }
    if intent && matches!(x.ctx.gate, Gate::Shut(_)) && !broken!(ShutGateLetsOut) {
        return Err(Hold::End(End::Blocked));
    }
    if !x.ctx.connected {
        return Err(Hold::Wait(Wait::Connection));
    }
    let symbol = x.ctx.symbol.ok_or(Hold::Wait(Wait::Snapshot))?;
    if op.enters() && x.ctx.marks.is_none() {
        // What stands there already would look like what it makes.
        return Err(Hold::Wait(Wait::Snapshot));
    }
    if !allows(&symbol, t, op) {
        return Err(Hold::End(End::Forbidden));
    }
    if let Session::Closed { .. } = x.ctx.session {
        return Err(Hold::Wait(Wait::Session));
    }
    if !gate_lets_out(x.ctx.gate, op) || is_closed_by_stop(op, x.ctx) {
        return Err(Hold::Wait(Wait::Gate));
    }
    if x.ctx.lane_free { Ok(()) } else { Err(Hold::Wait(Wait::Lane)) }
}

/// What reduces risk leaves while a trade rule pauses trading; a rate limit, a lost session and a stop hold back
/// everything.
fn gate_lets_out(gate: Gate, op: Op) -> bool {
    let reduces = match op {
        Op::Close { .. } | Op::Cancel { .. } | Op::Protect { .. } => true,
        Op::Enter { .. } | Op::Move { .. } | Op::Look => false,
    };
    lets_out(gate, reduces)
}

/// Whether an order that was decided may still leave once its step is durable: the gate may have moved in between. What
/// reduces risk was decided before a rule stopped the instance, and leaves before the stop does; a person's halt holds it
/// back, too.
#[must_use]
pub fn may_still_leave(gate: Gate, kind: &RequestKind) -> bool {
    match kind {
        RequestKind::Enter { .. } | RequestKind::Move { .. } => lets_out(gate, false),
        RequestKind::Close { .. } | RequestKind::Cancel { .. } | RequestKind::Protect { .. } => {
            gate != Gate::Shut(FailureReason::UserStopped)
        }
    }
}

/// Netting: while a stop closes our part of what others share, a close of the same part would take theirs (TRD-8). It
/// waits for the end of the stop.
fn is_closed_by_stop(op: Op, ctx: &TradeContext) -> bool {
    matches!((op, ctx.mode, ctx.gate), (Op::Close { .. }, AccountMode::Netting, Gate::ReduceOnly(_)))
}

fn lets_out(gate: Gate, reduces: bool) -> bool {
    match gate {
        Gate::Open => true,
        Gate::ReduceOnly(_) => reduces,
        Gate::Paused { .. } if broken!(PauseLetsEntriesOut) => true,
        Gate::Paused { reason, .. } => reduces && is_of_a_trade_rule(reason),
        Gate::Shut(_) => broken!(ShutGateLetsOut),
    }
}

const fn is_of_a_trade_rule(reason: FailureReason) -> bool {
    matches!(
        reason,
        FailureReason::Slippage
            | FailureReason::ExecutionTimeout
            | FailureReason::DuplicateOrders
            | FailureReason::ProtectionMisfire
    )
}

fn allows(symbol: &SymbolRules, t: &Trade, op: Op) -> bool {
    let side = t.intent.opening().map(|opening| opening.side);
    match (op, symbol.trade_mode) {
        (_, TradeMode::Disabled) => false,
        (Op::Enter { .. }, TradeMode::CloseOnly) => false,
        (Op::Enter { .. }, TradeMode::LongOnly) => side != Some(Side::Sell),
        (Op::Enter { .. }, TradeMode::ShortOnly) => side != Some(Side::Buy),
        (Op::Enter { .. }, TradeMode::Full) => true,
        (
            Op::Close { .. } | Op::Cancel { .. } | Op::Protect { .. } | Op::Move { .. } | Op::Look,
            TradeMode::Full | TradeMode::LongOnly | TradeMode::ShortOnly | TradeMode::CloseOnly,
        ) => true,
    }
}

/// What is sent, in the steps that the symbol allows.
fn request(t: &mut Trade, op: Op, x: &Scene<'_>) -> Result<(RequestKind, Option<Filling>), Hold> {
    let symbol = x.ctx.symbol.ok_or(Hold::Wait(Wait::Snapshot))?;
    let filling = || filling(t, op, &symbol).ok_or(Hold::End(End::Invalid));
    match op {
        Op::Enter { volume } => {
            let filling = filling()?;
            Ok((enter(t, volume, filling, &symbol, x)?, Some(filling)))
        }
        Op::Close { position, volume } => {
            let filling = filling()?;
            let volume = volume.to_step(symbol.volume_step, Rounding::Down);
            let volume = volume.ok().filter(|lots| *lots > Lots::ZERO);
            let volume = volume.ok_or(Hold::End(End::Invalid))?;
            let deviation = close_deviation(t, &symbol, x);
            Ok((RequestKind::Close { position, volume, deviation, filling }, Some(filling)))
        }
        Op::Cancel { order } => Ok((RequestKind::Cancel { order }, None)),
        Op::Protect { position } => {
            let protection = to_set(t, &symbol, x);
            // What the symbol does not take is not wanted; what a person added stays a person's.
            t.protection = Protection {
                stop_loss: t.protection.stop_loss.and(protection.stop_loss),
                take_profit: t.protection.take_profit.and(protection.take_profit),
            };
            Ok((RequestKind::Protect { position, protection }, None))
        }
        Op::Move { order } => match t.intent.goal {
            Goal::Move { price, protection, .. } => {
                let price = normalise::price(price, &symbol).ok_or(Hold::End(End::Invalid))?;
                Ok((RequestKind::Move { order, price, protection }, None))
            }
            Goal::Open(_) | Goal::Protect { .. } | Goal::Close { .. } | Goal::Cancel { .. } => {
                Err(Hold::End(End::Invalid))
            }
        },
        Op::Look => Err(Hold::Wait(Wait::Snapshot)),
    }
}

fn enter(
    t: &mut Trade,
    volume: Lots,
    filling: Filling,
    symbol: &SymbolRules,
    x: &Scene<'_>,
) -> Result<RequestKind, Hold> {
    let invalid = Hold::End(End::Invalid);
    let opening = *t.intent.opening().ok_or(invalid)?;
    let volume = normalise::volume(volume, symbol).ok_or(invalid)?;
    // What the symbol does not take is not wanted.
    t.volume = t.held.filled.plus(volume).map_err(|_| invalid)?;
    let rests = opening.kind.rests();
    let on_tick = |price| normalise::price(price, symbol).ok_or(invalid);
    let price = if rests { Some(on_tick(opening.price.ok_or(invalid)?)?) } else { None };
    let trigger = match (opening.kind, opening.trigger) {
        (OrderKind::StopLimit, Some(trigger)) => Some(on_tick(trigger)?),
        (OrderKind::StopLimit, None) => return Err(invalid),
        (OrderKind::Market | OrderKind::Limit | OrderKind::Stop, _) => None,
    };
    let present = match price {
        Some(price) => price,
        None => x.ctx.quote.ok_or(Hold::Wait(Wait::Snapshot))?.of(opening.side),
    };
    let reference = *t.reference.get_or_insert(present);
    let deviation = slippage::deviation(opening.side, present, reference, symbol, x.params)
        .map_err(|slippage::Beyond| Hold::End(End::Slipped))?;
    let deviation = if broken!(DeviationMissing) { u32::MAX } else { deviation };
    let base = normalise::stops_base(&opening, x.ctx.quote);
    if normalise::is_stopped_out(t.protection, opening.side, base) {
        return Err(invalid);
    }
    let protection = normalise::protection(t.protection, opening.side, base, symbol);
    t.protection = protection;
    let (side, kind) = (opening.side, opening.kind);
    Ok(RequestKind::Enter { side, kind, volume, price, trigger, protection, deviation, filling })
}

/// The filling mode that was not refused, or the first one: of a deal the symbol's, of an order that rests that what is
/// not filled stays.
fn filling(t: &Trade, op: Op, symbol: &SymbolRules) -> Option<Filling> {
    let rests = op.enters() && t.intent.opening().is_some_and(|opening| opening.kind.rests());
    if rests {
        return Some(t.flight.filling.unwrap_or(Filling::Return));
    }
    t.flight.filling.filter(|mode| symbol.filling.contains(*mode)).or(symbol.filling.first())
}

/// A close takes what the price is now: its threshold is measured from there.
fn close_deviation(t: &Trade, symbol: &SymbolRules, x: &Scene<'_>) -> u32 {
    let present = x.ctx.quote.map(|quote| quote.bid).or(t.reference);
    let points = present.map_or(0, |price| slippage::threshold(price, symbol, x.params).0);
    u32::try_from(points).unwrap_or(u32::MAX)
}

/// What shall stand; a stop that a person added where none of ours stands is kept.
pub(crate) fn to_set(t: &Trade, symbol: &SymbolRules, x: &Scene<'_>) -> Protection {
    let (side, wanted) = match (t.intent.opening(), x.ctx.target) {
        (Some(opening), _) => {
            let stop_loss = t.protection.stop_loss.or(t.held.protection.stop_loss);
            let take_profit = t.protection.take_profit.or(t.held.protection.take_profit);
            (Some(opening.side), Protection { stop_loss, take_profit })
        }
        (None, Some(Target::Position { position, .. })) => (Some(position.side), t.protection),
        (None, Some(Target::Order { .. } | Target::Gone) | None) => (None, t.protection),
    };
    let base = match (side, x.ctx.quote) {
        (Some(side), Some(quote)) if t.flags.stops_fixed => Some(quote.of(side.opposite())),
        (Some(_) | None, _) => None,
    };
    normalise::protection(wanted, side.unwrap_or(Side::Buy), base, symbol)
}

/// `SENDING`: what this step made durable is carried out once.
fn send(t: &mut Trade, op: Op, kind: RequestKind, filling: Option<Filling>, x: &mut Scene<'_>) {
    let number = if broken!(AttemptRepeats) { 1 } else { t.attempt.0 + 1 };
    t.attempt = Attempt(number);
    let deadline = x.now.after(x.params.signal.start_within);
    let deadline = if t.serves_intent(op) { deadline.min(t.intent.expires_at) } else { deadline };
    let (marks, filling) = (x.ctx.marks.unwrap_or_default(), filling.or(t.flight.filling));
    t.flight = Flight { deadline, marks, late: false, limited: false, not_ours: None, filling };
    t.floor = t.floor.max(x.now);
    if op.enters() {
        t.entries = t.entries.saturating_add(1);
    }
    t.phase = TradePhase::Sending(op);
    t.timers.disarm(TradeTimer::Expiry);
    t.timers.arm(TradeTimer::Act, x.now.after(x.params.timeout.execute_within));
    let request = Request { attempt: t.attempt, magic: t.intent.magic, deadline, kind };
    x.fx.add(Rule::Trd7, TradeEffect::Send(request));
}
