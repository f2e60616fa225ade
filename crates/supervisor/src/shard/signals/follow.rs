//! Trades that signals touch without a trade of their own: withdrawn before they were open, or moved.

use rustc_hash::FxHashMap;
use warden_distribution::Outcome;
use warden_domain::{ClientTradeId, Magic, Price, Timestamp};
use warden_policy::trade::Trade;

use super::Shard;

/// What is followed, by slot and tag; both go with the trade.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The parts of signals that end a trade which was not open yet: it closes itself what it has, or will have.
    ends: FxHashMap<(u32, Magic), Vec<(ClientTradeId, u32)>>,
    /// The prices that resting orders were moved to.
    resting_at: FxHashMap<(u32, Magic), Price>,
}

impl Followed {
    pub(super) fn end(&mut self, index: u32, magic: Magic, key: ClientTradeId, part: u32) {
        self.ends.entry((index, magic)).or_default().push((key, part));
    }

    pub(super) fn moved(&mut self, index: u32, magic: Magic, price: Price) {
        self.resting_at.insert((index, magic), price);
    }

    /// The price of its order, where it was moved.
    pub(super) fn resting_at(&self, index: u32, magic: Magic) -> Option<Price> {
        self.resting_at.get(&(index, magic)).copied()
    }
}

impl Shard {
    /// Where the trade has ended, so have the parts that wait for it.
    pub(super) fn follow_trade(&mut self, index: u32, magic: Magic, trade: &Trade, now: Timestamp) {
        if trade.end().is_none() {
            return;
        }
        self.signals.followed.resting_at.remove(&(index, magic));
        for (key, part) in self.signals.followed.ends.remove(&(index, magic)).unwrap_or_default() {
            self.fold(index, &key, part, Outcome::Done, now);
        }
    }
}
