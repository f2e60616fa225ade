//! Deciding: the only place where a trade changes. Every step that changes it is one row of the batch.

use warden_domain::{AccountMode, Lots, Magic, Price, Rule, Timestamp};
use warden_policy::{
    Event, Report, Stepped,
    trade::{self, TradeEffect, TradeEvent, TradeHead, encode_trade_row},
};
use warden_store::{Record, TradeMark};

use crate::shard::Shard;

/// The kind of a trade's first row.
const ACCEPTED: &str = "ACCEPTED";

impl Shard {
    /// The first step: the trade is durable with it, whatever it decides.
    pub(super) fn first_step(&mut self, index: u32, magic: Magic, now: Timestamp) {
        if self.take_step(index, magic, &TradeEvent::Tick, now).is_some() {
            self.record_trade(index, magic, &TradeEvent::Tick, ACCEPTED, now);
        }
    }

    /// Gives an event to a trade.
    pub(super) fn step_trade(&mut self, index: u32, magic: Magic, event: &TradeEvent, now: Timestamp) {
        let closed = self.closed_for_another(index, magic);
        let known = self.slots[index as usize].trading.desk.trades.get(&magic);
        let filled = known.map_or(Lots::ZERO, |held| held.trade.holdings().filled);
        if self.take_step(index, magic, event, now) == Some(Stepped::Changed) {
            self.record_trade(index, magic, event, event.kind(), now);
            self.reduce_another(index, magic, closed, now);
            self.set_off(index, magic, filled, now);
        }
    }

    /// Netting: the trade whose part of a position an intent closes, and how much of it that closed so far.
    fn closed_for_another(&self, index: u32, magic: Magic) -> Option<(Magic, Lots)> {
        let trading = &self.slots[index as usize].trading;
        let trade = &trading.desk.trades.get(&magic)?.trade;
        let of = trade.intent().goal.of().filter(|_| trading.mode() == AccountMode::Netting)?;
        Some((of, trade.holdings().closed))
    }

    /// What the intent closed with this step is closed of the trade that opened it: in the same batch, so that neither is
    /// durable without the other.
    fn reduce_another(&mut self, index: u32, magic: Magic, before: Option<(Magic, Lots)>, now: Timestamp) {
        let (Some((of, before)), Some((_, after))) = (before, self.closed_for_another(index, magic)) else {
            return;
        };
        let volume = after.minus(before).unwrap_or(Lots::ZERO);
        if volume > Lots::ZERO {
            self.step_trade(index, of, &TradeEvent::Reduced { volume }, now);
        }
    }

    /// Netting: what filled with this step sets off what trades of ours hold on the other side, the oldest first.
    fn set_off(&mut self, index: u32, magic: Magic, filled: Lots, now: Timestamp) {
        let trading = &self.slots[index as usize].trading;
        let Some(held) = trading.desk.trades.get(&magic).filter(|_| trading.mode() == AccountMode::Netting)
        else {
            return;
        };
        let Some(side) = held.trade.intent().opening().map(|opening| opening.side) else { return };
        let mut left = held.trade.holdings().filled.minus(filled).unwrap_or(Lots::ZERO);
        let mut set_off = Vec::new();
        for other in &trading.desk.waits.at_broker {
            let Some(of) = trading.desk.trades.get(other).filter(|of| of.symbol == held.symbol) else {
                continue;
            };
            let opposite = of.trade.intent().opening().is_some_and(|opening| opening.side != side);
            let volume = of.trade.holdings().open().min(left);
            if opposite && volume > Lots::ZERO {
                left = left.minus(volume).unwrap_or(Lots::ZERO);
                set_off.extend([(*other, volume), (magic, volume)]);
            }
        }
        for (of, volume) in set_off {
            self.step_trade(index, of, &TradeEvent::Reduced { volume }, now);
        }
    }

    /// Takes the step; `None` when the trade is not here, or not ours.
    fn take_step(&mut self, index: u32, magic: Magic, event: &TradeEvent, now: Timestamp) -> Option<Stepped> {
        let slot = &mut self.slots[index as usize];
        if !slot.is_ours() {
            return None;
        }
        let params = &self.shared.params;
        let context = slot.trade_context(magic, now, params)?;
        let held = slot.trading.held_mut(magic)?;
        self.batch.events += 1;
        self.filled_before = held.trade.holdings().filled;
        Some(trade::step(&mut held.trade, event, now, &context, params, &mut self.trade_fx))
    }

    /// Takes a decided step into the batch.
    fn record_trade(
        &mut self,
        index: u32,
        magic: Magic,
        event: &TradeEvent,
        kind: &'static str,
        now: Timestamp,
    ) {
        let slot = &mut self.slots[index as usize];
        for (_, effect) in self.trade_fx.list() {
            if let TradeEffect::Tally(tally) = effect {
                slot.trading.tally = *tally;
            }
        }
        let (tally, counter) = (slot.trading.tally, slot.trading.counter);
        let desk = &mut *slot.trading.desk;
        let Some(held) = desk.trades.get_mut(&magic) else { return };
        held.version = held.version.next();
        held.stepped_at = now;
        let symbol = desk.symbols.get(&held.symbol).and_then(|symbol| symbol.now());
        let head = TradeHead {
            key: &held.key.id,
            digest: held.key.digest,
            part: held.part,
            symbol: &held.symbol,
            counter,
            tally,
            filled_before: self.filled_before,
            point: symbol.map_or(Price::ZERO, |said| said.point),
            sent_at: held.sent_at,
        };
        let mut payload = Vec::with_capacity(512);
        encode_trade_row(&head, event, &self.trade_fx, &held.trade, &mut payload);
        let key = (held.version.0 == 1).then(|| held.key.clone());
        self.batch.records.push(Record {
            instance: slot.id.clone(),
            trade: Some(TradeMark { magic, ended: held.trade.end().is_some(), key }),
            epoch: slot.epoch,
            version: held.version,
            op: self.next_op,
            at: now,
            kind,
            rule: self.trade_fx.rule().map_or("", Rule::as_str),
            payload,
        });
        self.next_op = self.next_op.next();
        if !std::mem::replace(&mut held.dirty, true) {
            self.batch.trades.push((index, magic));
        }
        desk.unshown.insert(magic);
        let next = slot.trading.note(magic, &mut self.batch.figures);
        slot.trading.look_after_end(magic, now, &self.shared.params);
        if let Some(next) = next {
            self.tick_later(index, next);
        }
        self.touch(index);
        self.take_effects(index, magic, now);
    }

    /// What concerns the instance is decided with the step, in the same batch: neither is durable without the other.
    /// What reaches out waits until they are.
    fn take_effects(&mut self, index: u32, magic: Magic, now: Timestamp) {
        for at in 0..self.trade_fx.list().len() {
            let (rule, effect) = self.trade_fx.list()[at];
            match effect {
                TradeEffect::Tally(_) => {}
                TradeEffect::Send(_) | TradeEffect::Verify(_) | TradeEffect::Notify(_) => {
                    self.batch.trade_effects.push((index, magic, rule, effect));
                }
                TradeEffect::StoreDuplicate(ticket) => self.store_duplicate(index, magic, ticket, now),
                TradeEffect::Trouble(trouble) => self.step(index, &Event::Trade(trouble), "", now),
                TradeEffect::Tell(facts) => {
                    let slot = &self.slots[index as usize];
                    let terminal_alive = slot.state.health().is_up(warden_domain::Layer::TerminalAlive);
                    let report = Report { terminal_alive, positions: slot.state.positions(), facts };
                    self.step(index, &Event::Report(report), "", now);
                }
            }
        }
    }

    /// Gives a trade a tick in this turn, or in the next one where there are many; once, however often it is asked for.
    pub(super) fn tick_later(&mut self, index: u32, magic: Magic) {
        if let Some(held) = self.slots[index as usize].trading.held_mut(magic)
            && !std::mem::replace(&mut held.ticking, true)
        {
            self.trade_ticks.push_back((index, magic));
        }
    }

    /// Gives the ticks and events that follow from this turn's steps, as many as fit into a batch.
    pub(in crate::shard) fn settle_trades(&mut self, now: Timestamp) {
        for _ in 0..self.shared.options.batch {
            let Some((index, magic, event)) = self.trade_events.pop_front() else { break };
            self.step_trade(index, magic, &event, now);
        }
        for _ in 0..self.shared.options.batch {
            let Some((index, magic)) = self.trade_ticks.pop_front() else { break };
            if let Some(held) = self.slots[index as usize].trading.held_mut(magic) {
                held.ticking = false;
            }
            self.step_trade(index, magic, &TradeEvent::Tick, now);
        }
        self.tell_kept(now);
        self.tell_unresolved(now);
    }

    /// Something of the instance's trades is to be looked after at the end of the turn.
    pub(super) fn touch(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if !std::mem::replace(&mut slot.touched, true) {
            self.batch.touched.push(index);
        }
    }
}
