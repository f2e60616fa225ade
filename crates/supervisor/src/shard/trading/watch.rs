//! What gateways watch: the symbols of the trades, and those that somebody asked for.

use warden_bridge::{Command, CommandId, Envelope};
use warden_domain::{Layer, Span, Timestamp};

use super::{Trading, Watch};
use crate::shard::Shard;

/// How long before a gateway that did not take what it shall watch is told again.
const AGAIN: Span = Span::from_secs(1);

impl Trading {
    /// When the gateway is to be told again.
    pub(super) fn next_watch(&self) -> Option<Timestamp> {
        match self.watch {
            Watch::Again(at) => Some(at),
            Watch::Told(_) => self.desk.watch_again_at,
            Watch::Known | Watch::Due | Watch::Nobody => None,
        }
    }

    /// A terminal that was cut off may have forgotten what it watched.
    pub(super) fn watch_after_reconnect(&mut self) {
        if self.watch != Watch::Nobody && !self.desk.symbols.is_empty() {
            self.watch = Watch::Due;
        }
    }

    /// The command ended that told what to watch; answers whether it was that.
    pub(super) fn watch_ended(&mut self, number: u64, done: bool, now: Timestamp) -> bool {
        let Watch::Told(told) = self.watch else { return false };
        if told == number {
            self.watch = if done { Watch::Known } else { Watch::Again(now.after(AGAIN)) };
        }
        told == number
    }

    /// A gateway came: it knows nothing yet.
    pub(super) fn gateway_came(&mut self) {
        self.watch = if self.desk.symbols.is_empty() { Watch::Known } else { Watch::Due };
    }

    /// The gateway is gone.
    pub(super) fn gateway_went(&mut self) {
        self.watch = Watch::Nobody;
    }
}

impl Shard {
    /// Tells the gateway what to watch, where that changed.
    pub(super) fn watch_symbols(&mut self, index: u32, now: Timestamp) {
        let slot = &mut self.slots[index as usize];
        let is_due = |at: Timestamp| at <= now;
        let due = slot.trading.watch == Watch::Due || slot.trading.next_watch().is_some_and(is_due);
        if !due || !slot.state.health().is_up(Layer::GatewayAlive) {
            return;
        }
        let number = slot.trading.next_number();
        let answered_by = now.after(self.shared.params.look.answer_within);
        let envelope = Envelope {
            instance: slot.id.clone(),
            epoch: slot.epoch,
            id: CommandId(number),
            deadline: answered_by,
            command: Command::Watch(slot.trading.to_watch()),
        };
        let told = self.shared.send(envelope);
        let trading = &mut self.slots[index as usize].trading;
        trading.watch = if told { Watch::Told(number) } else { Watch::Again(now.after(AGAIN)) };
        trading.desk.watch_again_at = Some(answered_by);
    }
}
