//! What an instance's step changes for its trades: gate, connection, gateway. Those that wait for it hear of it.

use warden_domain::{Gate, Magic, Timestamp};
use warden_policy::{
    Event,
    account::Closure,
    trade::{TradeEvent, Wait},
};

use crate::shard::{Shard, Slot};

/// What of an instance trades heed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shard) struct Surroundings {
    gate: Gate,
    connected: bool,
}

impl Surroundings {
    pub(in crate::shard) fn of(slot: &Slot) -> Self {
        Self { gate: slot.state.gate(), connected: slot.is_connected() }
    }
}

impl Shard {
    /// Takes the recovered trades in; what they go on with comes before anything new.
    pub(in crate::shard) fn resume_trades(&mut self, index: u32) {
        if !self.slots[index as usize].is_ours() {
            return;
        }
        if self.slots[index as usize].state.closure() == Closure::Done {
            return self.archive_trades(index);
        }
        for magic in self.slots[index as usize].trading.tags() {
            let trading = &mut self.slots[index as usize].trading;
            if let Some(next) = trading.note(magic, &mut self.batch.figures) {
                self.tick_later(index, next);
            }
            self.trade_events.push_back((index, magic, TradeEvent::Resume));
        }
        self.touch(index);
    }

    /// An instance took a step.
    pub(in crate::shard) fn trades_follow(
        &mut self,
        index: u32,
        event: &Event,
        before: Surroundings,
        now: Timestamp,
    ) {
        let after = Surroundings::of(&self.slots[index as usize]);
        match event {
            Event::GatewayUp(_) => self.gateway_came(index),
            Event::GatewayDown => self.slots[index as usize].trading.gateway_went(),
            Event::Halt => self.withdraw(index),
            Event::Reset => self.slots[index as usize].trading.forget_troubles(),
            Event::Start
            | Event::Resume
            | Event::Stop(_)
            | Event::Unhalt
            | Event::CredentialsChanged
            | Event::ConfirmClosure
            | Event::Report(_)
            | Event::Finished { .. }
            | Event::Tick { .. }
            | Event::Hold
            | Event::Release { .. }
            | Event::StateStore(_)
            | Event::State(_)
            | Event::StoreDone(..)
            | Event::UnresolvedSends(_)
            | Event::Trade(_)
            | Event::Absorbed { .. } => {}
        }
        if before.connected && !after.connected {
            self.connection_lost(index);
        }
        if !before.connected && after.connected {
            self.connection_back(index, now);
        }
        if before.gate != after.gate {
            self.gate_moved(index, after.gate);
        }
        if self.slots[index as usize].state.closure() == Closure::Done {
            self.archive_trades(index);
        }
        self.touch(index);
    }

    /// A gateway's session began: answers of the one before do not come any more.
    fn gateway_came(&mut self, index: u32) {
        self.slots[index as usize].trading.gateway_came();
        self.connection_lost(index);
    }

    fn connection_lost(&mut self, index: u32) {
        let trading = &mut self.slots[index as usize].trading;
        if let Some(desk) = trading.desk.known() {
            desk.looks.lost();
            desk.market_is_told = false;
        }
        let sending: Vec<Magic> = trading.desk.waits.sending.iter().copied().collect();
        self.shared.meters.orders_lost(sending.len() as u64);
        let lost = sending.into_iter().map(|magic| (index, magic, TradeEvent::Lost));
        self.trade_events.extend(lost);
    }

    fn connection_back(&mut self, index: u32, now: Timestamp) {
        let trading = &mut self.slots[index as usize].trading;
        if let Some(desk) = trading.desk.known() {
            desk.looks.soon(now);
            desk.market_is_told = false;
        }
        trading.watch_after_reconnect();
        let waits = trading.desk.waits.waiting.iter().filter(|(_, wait)| **wait == Wait::Connection);
        let waiting = waits.map(|(magic, _)| *magic);
        // Nobody was asked meanwhile about what is being found out, or left to a person.
        let asking = trading.desk.waits.resolving.union(&trading.desk.waits.unknown).copied();
        let concerned: Vec<Magic> = waiting.chain(asking).collect();
        for magic in concerned {
            self.tick_later(index, magic);
        }
    }

    fn gate_moved(&mut self, index: u32, gate: Gate) {
        let heeds = |wait: Wait| match gate {
            Gate::Shut(_) => true,
            Gate::Open | Gate::ReduceOnly(_) | Gate::Paused { .. } => wait == Wait::Gate,
        };
        let waiting = self.slots[index as usize].trading.desk.waits.waiting.iter();
        let concerned: Vec<Magic> =
            waiting.filter(|(_, wait)| heeds(**wait)).map(|(magic, _)| *magic).collect();
        for magic in concerned {
            self.tick_later(index, magic);
        }
    }

    /// TRD-7: a halt withdraws what was not sent; what is on its way, or being found out, is not sent again.
    fn withdraw(&mut self, index: u32) {
        let waits = &self.slots[index as usize].trading.desk.waits;
        let unsent = waits.waiting.keys().chain(&waits.sending).chain(&waits.resolving);
        let withdrawn: Vec<_> = unsent.map(|magic| (index, *magic, TradeEvent::Withdraw)).collect();
        self.trade_events.extend(withdrawn);
    }

    /// ACC-3: the account is destroyed. What its trades were stands in the journal; nothing can be proven of them here any
    /// more.
    fn archive_trades(&mut self, index: u32) {
        let slot = &self.slots[index as usize];
        if slot.trading.open() > 0 {
            let (instance, trades) = (&slot.id, slot.trading.open());
            tracing::warn!(%instance, trades, rule = "ACC-3", "the account is closed; its trades are archived as they are");
            self.drop_trades(index);
        }
    }
}
