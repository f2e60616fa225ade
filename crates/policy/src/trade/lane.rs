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
        for urgency in [Urgency::Reduces, Urgency::Opens] {
            self.waiting.remove(&(urgency, magic));
        }
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

#[cfg(test)]
mod tests {
    use warden_domain::{Gate, Ticket, Timestamp};

    use super::*;
    use crate::{
        Params,
        trade::{FillingModes, Goal, Intent, Op, Resolving, TradeContext, TradePhase, Wait, state::Trade},
    };

    fn trade(counter: u64, phase: TradePhase) -> Trade {
        let (magic, now) = (Magic::new(1, counter).unwrap(), Timestamp::from_millis(0));
        let goal = Goal::Cancel { order: Ticket::of(7).unwrap() };
        let mut trade = Trade::new(Intent::new(magic, goal, now, None, &Params::default()));
        trade.phase = phase;
        trade
    }

    #[test]
    fn trd_7_one_order_is_in_flight_and_what_reduces_risk_goes_first() {
        let close = Op::Close { position: Ticket::of(7).unwrap(), volume: "0.1".parse().unwrap() };
        let enter = Op::Enter { volume: "0.1".parse().unwrap() };
        let mut lane = Lane::default();
        let flying = trade(1, TradePhase::Sending(enter));
        assert_eq!(lane.note(&flying), None);
        assert_eq!(lane.note(&trade(2, TradePhase::Waiting(enter, Wait::Lane))), None);
        assert_eq!(lane.note(&trade(3, TradePhase::Waiting(close, Wait::Lane))), None);
        assert!(!lane.is_free_for(trade(2, TradePhase::Holding).intent().magic));
        assert_eq!(lane.waiting(), 2);
        let unknown = Resolving::new(crate::trade::Purpose::Lost);
        assert_eq!(lane.note(&trade(1, TradePhase::Resolving(enter, unknown))), None, "unknown holds it");
        let third = trade(3, TradePhase::Holding).intent().magic;
        assert_eq!(lane.note(&trade(1, TradePhase::Holding)), Some(third));
        assert_eq!(lane.note(&trade(3, TradePhase::Sending(close))), None);
        let second = trade(2, TradePhase::Holding).intent().magic;
        assert_eq!(lane.note(&trade(3, TradePhase::Holding)), Some(second));
    }

    #[test]
    fn what_is_not_known_of_the_surroundings_permits_nothing() {
        let unknown = TradeContext::default();
        assert!(matches!(unknown.gate, Gate::Paused { .. }) && !unknown.connected && !unknown.lane_free);
        assert_eq!(FillingModes::default().first(), None);
    }
}
