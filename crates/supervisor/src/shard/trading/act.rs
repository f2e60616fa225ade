//! Carrying out what trades decided, after it is durable.
//!
//! This is the one way of an order to the wire: `SENDING` is in the journal, the instance is ours, and nothing halted it
//! meanwhile. What does not leave here never leaves under its number.

use tracing::{debug, info, warn};
use warden_bridge::{Command, CommandId, Envelope};
use warden_domain::{Magic, Rule, Timestamp};
use warden_policy::trade::{
    Attempt, Request, TradeEffect, TradeEvent, TradeNotice, TradePhase, may_still_leave,
};

use super::{inbox::Heard, order};
use crate::shard::Shard;

impl Shard {
    /// Carries out the effects of the batch's trades, in the order decided.
    pub(in crate::shard) fn act_on_trades(&mut self) {
        let mut effects = std::mem::take(&mut self.batch.trade_effects);
        for (index, magic, rule, effect) in effects.drain(..) {
            if self.slots[index as usize].is_ours() {
                self.act_on_trade(index, magic, rule, effect);
            }
        }
        self.batch.trade_effects = effects;
    }

    fn act_on_trade(&mut self, index: u32, magic: Magic, rule: Rule, effect: TradeEffect) {
        match effect {
            TradeEffect::Send(request) => self.send_order(index, &request),
            TradeEffect::Verify(query) => {
                self.slots[index as usize].trading.desk.looks.want(query);
                self.touch(index);
            }
            TradeEffect::Notify(notice) => self.notify_trade(index, magic, rule, notice),
            // Decided with the step, in the same batch.
            TradeEffect::Tally(_)
            | TradeEffect::Trouble(_)
            | TradeEffect::Tell(_)
            | TradeEffect::StoreDuplicate(_) => {}
        }
    }

    /// Tells of the batch's trades, now that their steps are durable; what has ended, was told and is shown leaves memory.
    pub(in crate::shard) fn tell_trades(&mut self) {
        for (before, after) in self.batch.figures.drain(..) {
            self.shared.meters.trade_moved(before, after);
        }
        for at in 0..self.batch.trades.len() {
            let (index, magic) = self.batch.trades[at];
            self.trade_told(index, magic);
        }
        self.forget_told();
    }

    /// Hands an order over, if it may still leave; the trade hears of one that does not.
    fn send_order(&mut self, index: u32, request: &Request) {
        let now = self.now();
        let (magic, attempt) = (request.magic, request.attempt);
        let slot = &mut self.slots[index as usize];
        // A stop, a halt or a pause may have been decided after it, in the same batch.
        let let_out = may_still_leave(slot.state.gate(), &request.kind);
        let quote = slot.trading.quote_of(magic, now, &self.shared.params);
        let Some(held) = slot.trading.held_mut(magic) else { return };
        let is_sending =
            matches!(held.trade.phase(), TradePhase::Sending(_)) && held.trade.attempt() == attempt;
        held.sent_at = now;
        let accepted_at = held.trade.intent().accepted_at;
        let order = order::of(request, held, quote);
        let leaves = is_sending && let_out && now < request.deadline;
        let taken = leaves && {
            let envelope = Envelope {
                instance: slot.id.clone(),
                epoch: slot.epoch,
                id: CommandId(slot.trading.take_number(magic, attempt)),
                deadline: request.deadline,
                command: Command::Order(order),
            };
            self.shared.send(envelope)
        };
        if taken && attempt == Attempt(1) {
            let took = now.since(accepted_at).as_millis();
            self.shared.meters.signal_latency.observe(took as f64 / 1_000.0);
        }
        if !taken {
            debug!(instance = %self.slots[index as usize].id, magic = magic.number(), attempt = attempt.0, "an order did not leave");
            self.shared.meters.order_outcome(Heard::NotStarted);
            self.trade_events.push_back((index, magic, TradeEvent::NotSent { attempt }));
        }
    }

    fn notify_trade(&mut self, index: u32, magic: Magic, rule: Rule, notice: TradeNotice) {
        let instance = &self.slots[index as usize].id;
        match notice {
            // Every late signal is recorded with its trade; a storm of them is no storm of warnings.
            TradeNotice::Expired => info!(%instance, magic = magic.number(), %rule, "{}", notice.text()),
            TradeNotice::PartialFill
            | TradeNotice::SlippageExceeded
            | TradeNotice::NotExecuted
            | TradeNotice::DuplicateOrder
            | TradeNotice::ProtectionMisfire
            | TradeNotice::Suspect
            | TradeNotice::AfterItsEnd
            | TradeNotice::NoMoney
            | TradeNotice::LimitReached
            | TradeNotice::TradingDisabled
            | TradeNotice::Stuck => warn!(%instance, magic = magic.number(), %rule, "{}", notice.text()),
        }
        self.shared.notified();
    }

    /// Ends the turn for those whose trades had something to do: looks, what is watched, alerts and deadlines.
    pub(in crate::shard) fn settle_touched(&mut self, now: Timestamp) {
        let mut at = 0;
        while let Some(index) = self.batch.touched.get(at).copied() {
            at += 1;
            let slot = &mut self.slots[index as usize];
            slot.touched = false;
            if slot.is_ours() {
                self.watch_symbols(index, now);
                self.begin_look(index, now);
                self.show_trade_alerts(index);
                self.rearm_trades(index, now);
            }
        }
        self.batch.touched.clear();
    }
}
