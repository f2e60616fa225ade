//! Trades that signals touch without a trade of their own: withdrawn before they were open, or moved.

use rustc_hash::FxHashMap;
use warden_distribution::{Outcome, Step, Work};
use warden_domain::{Magic, Price, Timestamp};
use warden_policy::trade::{Trade, TradePhase};
use warden_store::SignalKey;

use super::{Accept, Shard, Signals, blocked};

/// What is followed, by slot and tag; both go with the trade.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The ends that wait for what becomes of a trade on its way.
    ends: FxHashMap<(u32, Magic), Vec<Ending>>,
    /// Those whose trade was filled: it is closed in the next turn.
    closes: Vec<(u32, Magic, Ending)>,
    /// The prices that resting orders were moved to.
    resting_at: FxHashMap<(u32, Magic), Price>,
}

/// A part of a signal that ends a trade which was not open yet.
#[derive(Clone, Debug)]
struct Ending {
    key: SignalKey,
    part: u32,
    expires_at: Timestamp,
}

impl Followed {
    pub(super) fn end(&mut self, index: u32, magic: Magic, key: SignalKey, part: u32, expires_at: Timestamp) {
        self.ends.entry((index, magic)).or_default().push(Ending { key, part, expires_at });
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
    /// Ends that wait for this trade: it has ended, or it was filled before it could be withdrawn and is to be closed.
    pub(super) fn follow_trade(&mut self, index: u32, magic: Magic, trade: &Trade, now: Timestamp) {
        let ended = trade.end().is_some();
        if ended {
            self.signals.followed.resting_at.remove(&(index, magic));
        }
        if self.signals.followed.ends.is_empty() || !(ended || trade.phase() == TradePhase::Holding) {
            return;
        }
        for ending in self.signals.followed.ends.remove(&(index, magic)).unwrap_or_default() {
            if ended {
                self.fold(index, &ending.key.id, ending.part, Outcome::Done, now);
            } else {
                self.signals.followed.closes.push((index, magic, ending));
            }
        }
    }

    /// Closes what was filled although a signal withdrew it.
    pub(in crate::shard) fn close_what_filled(&mut self, now: Timestamp) {
        for (index, magic, ending) in std::mem::take(&mut self.signals.followed.closes) {
            let Ending { key, part, expires_at } = ending;
            let Some(known) = self.slots[index as usize].trading.trade(magic) else {
                self.fold(index, &key.id, part, Outcome::Done, now);
                continue;
            };
            let (trade, symbol) = (*known.trade, known.symbol.to_owned());
            if trade.holdings().position.is_none() {
                // Its ticket is not known yet; the next look tells it.
                self.signals.followed.end(index, magic, key, part, expires_at);
                continue;
            }
            for step in (Work::End { trade: magic, lots: None }).steps(Some(&trade), None) {
                let Step::Accept(goal) = step else { continue };
                let accept = Accept { key: key.clone(), part, symbol: symbol.clone(), goal, expires_at };
                if let Err(refused) = self.accept(index, accept, now) {
                    self.fold(index, &key.id, part, blocked(refused), now);
                }
            }
        }
    }
}

impl Signals {
    /// Whether something is to be closed in the next turn.
    pub(in crate::shard) fn has_closes(&self) -> bool {
        !self.followed.closes.is_empty()
    }
}
