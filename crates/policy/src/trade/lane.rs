use std::collections::BTreeSet;

use warden_domain::Magic;

use super::Trade;

/// How urgently a trade waits for a lane: what reduces risk goes first, then in the order of the tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// It closes, cancels or protects.
    Reduces,
    /// It opens.
    Opens,
}

/// The lane of one instance and symbol: one order in flight at a time.
///
/// Derived from the trades, so it is not stored: after a restart, note every trade anew.
///
/// # Expected flow
/// [`is_free_for`](Self::is_free_for) goes into the context of a step; after the step [`note`](Self::note) takes the trade
/// in, and answers which trade is to be given a tick now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    holder: Option<Magic>,
    waiting: BTreeSet<(Urgency, Magic)>,
}

impl Lane {
    /// Whether the trade with this tag may send.
    #[must_use]
    pub fn is_free_for(&self, magic: Magic) -> bool {
        self.holder.is_none_or(|holder| holder == magic)
    }

    /// How many trades wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes in how a trade stands after a step; answers the trade whose turn it is now, if the lane is free.
    pub fn note(&mut self, trade: &Trade) -> Option<Magic> {
        let magic = trade.intent().magic;
        self.waiting.retain(|(_, waits)| *waits != magic);
        if trade.holds_lane() {
            self.holder = Some(magic);
        } else if self.holder == Some(magic) {
            self.holder = None;
        }
        if let Some(urgency) = trade.wants_lane() {
            self.waiting.insert((urgency, magic));
        }
        if self.holder.is_some() { None } else { self.waiting.first().map(|(_, next)| *next) }
    }
}
