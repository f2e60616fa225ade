//! The way in: intents that were accepted, and events for the trades they became.

use std::sync::Arc;

use thiserror::Error;
use warden_domain::{Magic, Timestamp, Version};
use warden_policy::trade::{Goal, Intent, Trade, TradeEvent};
use warden_store::SignalKey;

use super::{Held, Trading, waits::Noted};
use crate::shard::Shard;

/// An intent of a signal, for one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accept {
    /// The signal.
    pub(crate) key: SignalKey,
    /// Counts the intents of the signal on this instance, from 1.
    pub(crate) part: u32,
    /// The broker's name of the symbol.
    pub(crate) symbol: String,
    /// What is wanted.
    pub(crate) goal: Goal,
    /// After this moment it is never sent (TRD-7).
    pub(crate) expires_at: Timestamp,
}

/// Why an intent was not accepted: nothing of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NotAccepted {
    /// Another supervisor looks after the instance.
    #[error("another supervisor looks after the instance; send the signal there")]
    Elsewhere,
    /// There are as many trades as may be.
    #[error("{0} trades of the instance have not ended; end some, or raise trade.limit.open")]
    Full(u32),
    /// Every tag was given out.
    #[error("the installation has no tag left; give it a new one")]
    NoTag,
}

impl Shard {
    /// Takes an intent in. Its first step is taken at once, so that its acceptance and its first send are one row; both
    /// are durable, and the order on its way, when this turn's batch is done.
    ///
    /// # Errors
    /// When the instance has no room for it, or is not ours.
    pub(crate) fn accept(
        &mut self,
        index: u32,
        accept: Accept,
        now: Timestamp,
    ) -> Result<Magic, NotAccepted> {
        let slot = &mut self.slots[index as usize];
        if !slot.is_ours() {
            return Err(NotAccepted::Elsewhere);
        }
        let Accept { key, part, symbol, goal, expires_at } = accept;
        let magic = slot.trading.admit(&goal, self.shared.params.limit.open)?;
        let symbol = slot.trading.enlist(&symbol);
        let trade = Trade::new(Intent { magic, goal, accepted_at: now, expires_at });
        slot.trading.insert(Held {
            trade,
            key,
            part,
            symbol,
            version: Version(0),
            shown: None,
            dirty: false,
            ticking: false,
            sent_at: Timestamp::from_millis(0),
            stepped_at: now,
            noted: Noted::default(),
        });
        self.first_step(index, magic, now);
        Ok(magic)
    }

    /// Gives a trade an event; one whose trade is not here any more says nothing.
    pub(crate) fn give(&mut self, index: u32, magic: Magic, event: TradeEvent, now: Timestamp) {
        self.step_trade(index, magic, &event, now);
    }
}

impl Trading {
    /// The tag of the next trade, if there is room for one.
    fn admit(&mut self, goal: &Goal, most: u32) -> Result<Magic, NotAccepted> {
        // As much again is kept for what ends or protects the trades there are.
        let room = match goal {
            Goal::Open(_) => most,
            Goal::Protect { .. } | Goal::Move { .. } | Goal::Close { .. } | Goal::Cancel { .. } => {
                most.saturating_mul(2)
            }
        };
        // What has ended and is not shown yet takes room too: a store that is lost for long bounds what is accepted.
        if self.desk.trades.len() >= room as usize {
            return Err(NotAccepted::Full(room));
        }
        self.next_tag()
    }

    pub(super) fn next_tag(&mut self) -> Result<Magic, NotAccepted> {
        let magic = Magic::new(self.installation, self.counter + 1).map_err(|_| NotAccepted::NoTag)?;
        self.counter += 1;
        Ok(magic)
    }

    /// Takes a trade in, and what it waits for.
    pub(super) fn insert(&mut self, held: Held) {
        let magic = held.trade.intent().magic;
        self.desk.open += usize::from(held.trade.end().is_none());
        if let Some(symbol) = self.desk.symbols.get_mut(&held.symbol) {
            symbol.trades += 1;
        }
        self.desk.trades.insert(magic, Box::new(held));
    }

    /// Lets a trade go that has ended, was told of and shown.
    pub(super) fn forget(&mut self, magic: Magic) {
        let Some(held) = self.desk.trades.remove(&magic) else { return };
        self.desk.sends.retain(|_, (of, _)| *of != magic);
        if let Some(symbol) = self.desk.symbols.get_mut(&held.symbol) {
            symbol.trades -= 1;
        }
    }

    /// The symbol's one name here; it is watched from now on.
    pub(super) fn enlist(&mut self, symbol: &str) -> Arc<str> {
        if let Some((name, _)) = self.desk.symbols.get_key_value(symbol) {
            return Arc::clone(name);
        }
        let name: Arc<str> = symbol.into();
        self.make_room();
        self.desk.symbols.insert(Arc::clone(&name), Box::default());
        self.watch_anew();
        name
    }
}
