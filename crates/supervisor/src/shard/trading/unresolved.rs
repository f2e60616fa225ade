//! How many sends a terminal may still be carrying out, as the instance machine must know it (NET-2).
//!
//! While terminal and connection are well, an order on its way is no news: only those of which nobody knows are told of.
//! A terminal that is gone, or does not answer, is given the time that an order may take; after that no order is under way
//! in it, and what became of those that were is found out once it is back.

use warden_domain::{Layer, Timestamp};
use warden_policy::{Event, Params};

use super::Trading;
use crate::shard::{Shard, Slot};

impl Slot {
    fn unresolved(&self, now: Timestamp, params: &Params) -> u16 {
        let waits = &self.trading.desk.waits;
        let alive = self.state.health().is_up(Layer::TerminalAlive);
        let count = if alive || !self.state.health().is_up(Layer::GatewayAlive) {
            waits.unknown.len()
        } else {
            let under_way = |sent_at: &Timestamp| sent_at.after(params.timeout.execute_within) > now;
            self.trading.last_sends().filter(under_way).count()
        };
        u16::try_from(count).unwrap_or(u16::MAX)
    }
}

impl Trading {
    /// When the orders left whose outcome is not known.
    fn last_sends(&self) -> impl Iterator<Item = Timestamp> {
        let unresolved = self.desk.waits.unknown.iter().chain(&self.desk.waits.sending);
        unresolved.filter_map(|magic| self.desk.trades.get(magic)).map(|held| held.sent_at)
    }

    /// When fewer sends may be under way than the instance machine was told, if that is a matter of time.
    pub(super) fn next_resolution(&self, now: Timestamp, params: &Params) -> Option<Timestamp> {
        if self.told_unresolved.is_none_or(|told| told == 0) {
            return None;
        }
        let ends = self.last_sends().map(|sent_at| sent_at.after(params.timeout.execute_within));
        ends.filter(|at| *at > now).min()
    }
}

impl Shard {
    /// Lets the instance machines know what changed in this turn, in its batch.
    pub(super) fn tell_unresolved(&mut self, now: Timestamp) {
        for at in 0..self.batch.touched.len() {
            let index = self.batch.touched[at];
            let slot = &mut self.slots[index as usize];
            let count = slot.unresolved(now, &self.shared.params);
            if slot.trading.told_unresolved.replace(count) != Some(count) {
                self.step(index, &Event::UnresolvedSends(count), "", now);
            }
        }
    }
}
