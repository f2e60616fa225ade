//! TRD-1: partial fills.
//!
//! What filled is stored, people are told, and the alert stands while the trade is incomplete. The rest may fill within
//! 10 s (`trade.partial_fill.fill_within`); then the broker is read, what is left of the order is cancelled, and the rest
//! is tried once more (`trade.partial_fill.remainder`), if the signal is still valid. What is not filled after that is
//! given up: the position is as large as what filled.

use warden_domain::{Lots, Rule};

use super::{
    Op, Purpose, Trade, TradeNotice, TradePhase, TradeTimer, normalise, resolver, send, settle, step::Scene,
};
use crate::params::Remainder;

/// Something filled, and it is not all.
pub(crate) fn noticed(t: &mut Trade, x: &mut Scene<'_>) {
    let incomplete = t.held.filled < t.volume && t.winding.is_none();
    if !incomplete || t.flags.fill_over || t.timers.due_at(TradeTimer::Fill).is_some() {
        return;
    }
    x.fx.notify(Rule::Trd1, TradeNotice::PartialFill);
    t.timers.arm(TradeTimer::Fill, x.now.after(x.params.partial_fill.fill_within));
}

/// The rest had its time: how does it stand?
pub(crate) fn due(t: &mut Trade, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Trd1);
    t.timers.disarm(TradeTimer::Fill);
    t.flags.fill_over = true;
    resolver::begin(t, Op::Look, Purpose::Read, x);
}

/// Part of it is filled, and no order is open any more.
pub(crate) fn rest_is_gone(t: &mut Trade, x: &mut Scene<'_>) {
    if !t.flags.fill_over {
        // It may be on its way still: the broker is read when its time is over.
        noticed(t, x);
        t.timers.disarm(TradeTimer::Act);
        t.phase = TradePhase::Resting;
        return;
    }
    let left = t.volume.minus(t.held.filled).unwrap_or(Lots::ZERO);
    let symbol = x.ctx.symbol;
    let tradable = symbol.is_none_or(|symbol| normalise::volume(left, &symbol).is_some());
    // What a duplicate opened has a position of its own: no third one is made.
    let alone = t.held.extra_position.is_none();
    let retries = x.params.partial_fill.remainder == Remainder::Retry && !t.flags.remainder_tried;
    let again = retries && tradable && alone;
    x.fx.decided(Rule::Trd1);
    if again {
        t.flags.remainder_tried = true;
        return send::proceed(t, Op::Enter { volume: left }, x);
    }
    adjust(t, x);
}

/// The position is as large as what filled; what a duplicate filled beyond what is wanted stays too many (TRD-4).
pub(crate) fn adjust(t: &mut Trade, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Trd1);
    t.volume = t.volume.min(t.held.filled);
    t.timers.disarm(TradeTimer::Fill);
    settle::settle(t, x);
}
