//! What signals touch without a trade of their own, and where orders rest.

use rustc_hash::FxHashMap;
use warden_distribution::Outcome;
use warden_domain::{ClientTradeId, Magic, Price, Ticket, Timestamp};
use warden_policy::trade::{End, Goal, Trade};

use super::Shard;
use crate::shard::{
    slot::Slot,
    trading::{Known, Trading},
};

/// What is followed, by slot and tag; it goes with the trade.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The parts of signals that end a trade which was not open yet: it closes itself what it has, or will have.
    ends: FxHashMap<(u32, Magic), Vec<(ClientTradeId, u32)>>,
    /// Trades whose orders may rest elsewhere than these were placed at.
    rests: FxHashMap<(u32, Magic), Rests>,
}

/// Where an order rests, before a look says it.
#[derive(Clone, Copy, Debug)]
enum Rests {
    /// It was moved there, and the broker's answer came at this moment.
    Moved(Price, Timestamp),
    /// A restart left it behind: what moved it before is forgotten.
    Unknown,
}

impl Followed {
    pub(super) fn end(&mut self, index: u32, magic: Magic, key: ClientTradeId, part: u32) {
        self.ends.entry((index, magic)).or_default().push((key, part));
    }

    /// A restart left this trade behind, with an order.
    pub(super) fn left_behind(&mut self, index: u32, magic: Magic) {
        self.rests.insert((index, magic), Rests::Unknown);
    }

    /// Where the order of a trade rests, or will in a moment; `None` where it has none, or that is not known.
    pub(super) fn resting_at(&self, index: u32, slot: &Slot, known: &Known<'_>) -> Option<Price> {
        let order = known.trade.holdings().order?;
        if let Some(price) = moving_to(&slot.trading, order) {
            return Some(price);
        }
        let seen = slot.trading.seen_resting(order);
        match (self.rests.get(&(index, known.magic)), seen) {
            (Some(Rests::Moved(price, at)), seen) if seen.is_none_or(|(_, began)| began <= *at) => {
                Some(*price)
            }
            (_, Some((price, _))) => Some(price),
            (Some(Rests::Moved(..) | Rests::Unknown), None) => None,
            (None, None) => known.trade.intent().opening()?.price,
        }
    }
}

/// Where a trade that has not ended moves the order.
fn moving_to(trading: &Trading, order: Ticket) -> Option<Price> {
    let to = |known: Known<'_>| match known.trade.intent().goal {
        Goal::Move { order: moves, price, .. } if moves == order => Some(price),
        Goal::Open(_)
        | Goal::Protect { .. }
        | Goal::Move { .. }
        | Goal::Close { .. }
        | Goal::Cancel { .. } => None,
    };
    trading.trades().filter_map(to).last()
}

impl Shard {
    /// Where the trade has ended, so have the parts that wait for it.
    pub(super) fn follow_trade(&mut self, index: u32, magic: Magic, trade: &Trade, now: Timestamp) {
        let Some(end) = trade.end() else { return };
        if let (Goal::Move { order, price, .. }, End::Done | End::AlreadyTrue) = (trade.intent().goal, end) {
            let mut trades = self.slots[index as usize].trading.trades();
            if let Some(known) = trades.find(|known| known.trade.holdings().order == Some(order)) {
                self.signals.followed.rests.insert((index, known.magic), Rests::Moved(price, now));
            }
        }
        self.signals.followed.rests.remove(&(index, magic));
        for (key, part) in self.signals.followed.ends.remove(&(index, magic)).unwrap_or_default() {
            self.fold(index, &key, part, Outcome::Done, now);
        }
    }
}
