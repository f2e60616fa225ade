//! What a trade's row says of its order.

use warden_domain::{Lots, Price, Side, Timestamp, TradeState};
use warden_policy::trade::{Inbox, Reply, TradeEffect, TradeEvent as Event, TradeRow};
use warden_store::{
    Row, TradeMark,
    history::{Origin, TradeEvent},
};

/// The one event that a row of a trade makes: a function of the row alone.
pub(super) fn event(row: &Row, mark: &TradeMark, said: &TradeRow, origin: Origin) -> TradeEvent {
    let trade = &said.step.trade;
    let (reply, fill) = (reply(&said.step.event), fill(said));
    let executed = fill.or_else(|| closed(said, reply));
    TradeEvent {
        symbol: said.symbol.clone(),
        side: trade.intent().opening().map_or("", |opening| opening.side.as_str()).to_owned(),
        kind: happened(said, fill).to_owned(),
        retcode: reply.and_then(|reply| reply.facts.retcode).unwrap_or(0),
        volume: executed.map_or(0.0, |(volume, _)| volume.to_f64()),
        requested: trade.reference().map_or(0.0, Price::to_f64),
        filled: executed.map_or(0.0, |(_, price)| price.to_f64()),
        slippage: fill.and_then(|(_, price)| slippage(said, price)),
        latency_ms: latency(said, row.at),
        ..bare(row, mark, origin)
    }
}

/// What can be said of a row that cannot be read.
pub(super) fn bare(row: &Row, mark: &TradeMark, origin: Origin) -> TradeEvent {
    TradeEvent {
        origin,
        part: 0,
        magic: mark.magic.number(),
        symbol: String::new(),
        side: String::new(),
        kind: row.kind.clone(),
        retcode: 0,
        volume: 0.0,
        requested: 0.0,
        filled: 0.0,
        slippage: None,
        latency_ms: 0,
    }
}

/// A fill comes before what followed from it, and an order that leaves before the state that waits for its answer.
fn happened(said: &TradeRow, fill: Option<(Lots, Price)>) -> &'static str {
    let trade = &said.step.trade;
    let sends = |(_, effect): &(_, TradeEffect)| matches!(effect, TradeEffect::Send(_));
    if fill.is_some() {
        let whole = trade.holdings().filled >= trade.volume();
        return if whole { TradeState::Filled } else { TradeState::PartiallyFilled }.as_str();
    }
    if said.step.effects.list().iter().any(sends) {
        return SENDING;
    }
    trade.state().as_str()
}

/// An order left with the step, whatever it was to do.
const SENDING: &str = "SENDING";

/// What the trade server answered, however it became known.
const fn reply(event: &Event) -> Option<&Reply> {
    match event {
        Event::Replied { reply, .. } => Some(reply),
        Event::Found(findings) => match &findings.inbox {
            Inbox::Answered(reply) => Some(reply),
            Inbox::Unseen | Inbox::InProgress | Inbox::NotStarted | Inbox::Interrupted => None,
        },
        Event::Tick
        | Event::Resume
        | Event::Lost
        | Event::NotSent { .. }
        | Event::Repeated
        | Event::Wanted(_)
        | Event::Withdraw
        | Event::Decide(_)
        | Event::Revoke
        | Event::Reduced { .. } => None,
    }
}

/// How much was opened with the step, and at which price: that of the deal, or the mean of all deals where it was found.
fn fill(said: &TradeRow) -> Option<(Lots, Price)> {
    let held = said.step.trade.holdings();
    let volume = held.filled.minus(said.filled_before).ok().filter(|volume| *volume > Lots::ZERO)?;
    said.step.trade.intent().opening()?;
    let deal = match said.step.event {
        Event::Replied { reply, .. } => Some(reply.price).filter(|price| *price > Price::ZERO),
        Event::Tick
        | Event::Resume
        | Event::Lost
        | Event::NotSent { .. }
        | Event::Found(_)
        | Event::Repeated
        | Event::Wanted(_)
        | Event::Withdraw
        | Event::Decide(_)
        | Event::Revoke
        | Event::Reduced { .. } => None,
    };
    Some((volume, deal.unwrap_or(held.price)))
}

/// How much was closed by the deal that was answered, and at which price.
fn closed(said: &TradeRow, reply: Option<&Reply>) -> Option<(Lots, Price)> {
    let reply = reply.filter(|reply| reply.deal.is_some() && reply.volume > Lots::ZERO)?;
    (said.step.trade.holdings().closed > Lots::ZERO).then_some((reply.volume, reply.price))
}

/// How much worse than asked for a fill was, in points; `None` where the price asked for or the symbol's point is not
/// known.
fn slippage(said: &TradeRow, price: Price) -> Option<i64> {
    let (opening, reference) = (said.step.trade.intent().opening()?, said.step.trade.reference()?);
    if said.point <= Price::ZERO {
        return None;
    }
    let above = price.points_from(reference, said.point).ok()?.0;
    Some(match opening.side {
        Side::Buy => above,
        Side::Sell => above.saturating_neg(),
    })
}

/// From the order's leaving to its answer; nothing where the answer was lost, and found later or not at all.
fn latency(said: &TradeRow, at: Timestamp) -> u32 {
    match said.step.event {
        Event::Replied { .. } if said.sent_at > Timestamp::from_millis(0) => {
            u32::try_from(at.since(said.sent_at).as_millis()).unwrap_or(u32::MAX)
        }
        Event::Replied { .. }
        | Event::Tick
        | Event::Resume
        | Event::Lost
        | Event::NotSent { .. }
        | Event::Found(_)
        | Event::Repeated
        | Event::Wanted(_)
        | Event::Withdraw
        | Event::Decide(_)
        | Event::Revoke
        | Event::Reduced { .. } => 0,
    }
}
