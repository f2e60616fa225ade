//! Who waits for what: an index over the trades of one instance, kept by the difference of each step.

use std::collections::{BTreeMap, BTreeSet};

use warden_domain::{Alert, Magic, Price, Quote, Side, Timestamp, TradeState};
use warden_policy::trade::{Trade, TradePhase, Wait};

use super::Trading;

/// The trades of one instance, by what they wait for.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// Every trade whose next step at the broker waits.
    pub(super) waiting: BTreeMap<Magic, Wait>,
    /// An order is on its way.
    pub(super) sending: BTreeSet<Magic>,
    /// What became of it is being found out, or a person decides.
    pub(super) unknown: BTreeSet<Magic>,
    /// A look is under way for any purpose.
    pub(super) resolving: BTreeSet<Magic>,
    /// Something of them is at the broker, as far as is known.
    pub(super) at_broker: BTreeSet<Magic>,
}

/// How a trade stands in the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    wait: Option<Wait>,
    sending: bool,
    unknown: bool,
    resolving: bool,
    at_broker: bool,
    deadline: Option<Timestamp>,
    levels: Option<Crossings>,
    alert: Option<Alert>,
    /// `None` before its first step.
    state: Option<TradeState>,
    suspect: bool,
    pub(super) ended: bool,
}

/// The prices at which the trade server should end a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crossings {
    side: Side,
    stop: Option<Price>,
    take: Option<Price>,
}

impl Noted {
    fn of(trade: &Trade) -> Self {
        let unresolved = trade.is_unresolved();
        let sending = matches!(trade.phase(), TradePhase::Sending(_));
        let holdings = trade.holdings();
        Self {
            wait: match trade.phase() {
                TradePhase::Waiting(_, wait) => Some(wait),
                TradePhase::Sending(_)
                | TradePhase::Resolving(..)
                | TradePhase::Suspect(..)
                | TradePhase::Resting
                | TradePhase::Holding
                | TradePhase::Ended(..) => None,
            },
            sending,
            unknown: unresolved && !sending,
            resolving: matches!(trade.phase(), TradePhase::Resolving(..)),
            at_broker: trade.end().is_none()
                && (holdings.order.is_some() || holdings.filled > holdings.closed),
            deadline: trade.next_deadline(),
            levels: Crossings::of(trade),
            alert: trade.alert(),
            state: Some(trade.state()),
            suspect: matches!(trade.phase(), TradePhase::Suspect(..)),
            ended: trade.end().is_some(),
        }
    }
}

impl Noted {
    /// Of a trade that has ended before it is taken in.
    pub(super) fn ended() -> Self {
        Self { ended: true, ..Self::default() }
    }

    /// What the fleet's figures count of it.
    pub(super) const fn figure(&self) -> Figure {
        Figure { state: self.state, suspect: self.suspect }
    }
}

/// What the fleet's figures count of a trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figure {
    /// Its state; `None` where there was none yet.
    pub(crate) state: Option<TradeState>,
    /// It waits for a person's word.
    pub(crate) suspect: bool,
}

impl Crossings {
    fn of(trade: &Trade) -> Option<Self> {
        if trade.phase() != TradePhase::Holding {
            return None;
        }
        let (side, protection) = (trade.intent().opening()?.side, trade.protection());
        let (stop, take) = (protection.stop_loss, protection.take_profit);
        (stop.is_some() || take.is_some()).then_some(Self { side, stop, take })
    }
}

/// Trades, by the price at which each is to be looked at.
type Level = BTreeSet<(Price, Magic)>;

/// The prices of one symbol at which a trade is to be looked at.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// The bid at or below this.
    bid_falls: Level,
    /// The bid at or above this.
    bid_rises: Level,
    /// The ask at or below this.
    ask_falls: Level,
    /// The ask at or above this.
    ask_rises: Level,
}

impl Levels {
    fn sets(&mut self, crossings: &Crossings) -> [(Option<Price>, &mut Level); 2] {
        match crossings.side {
            Side::Buy => [(crossings.stop, &mut self.bid_falls), (crossings.take, &mut self.bid_rises)],
            Side::Sell => [(crossings.stop, &mut self.ask_rises), (crossings.take, &mut self.ask_falls)],
        }
    }

    fn add(&mut self, crossings: &Crossings, magic: Magic) {
        for (price, set) in self.sets(crossings) {
            set.extend(price.map(|price| (price, magic)));
        }
    }

    fn remove(&mut self, crossings: &Crossings, magic: Magic) {
        for (price, set) in self.sets(crossings) {
            if let Some(price) = price {
                set.remove(&(price, magic));
            }
        }
    }

    /// The trades whose prices these are beyond; they are not named again before their next step.
    pub(super) fn crossed(&mut self, quote: Quote) -> Vec<Magic> {
        let mut crossed = Vec::new();
        for (set, price) in [(&mut self.bid_falls, quote.bid), (&mut self.ask_falls, quote.ask)] {
            while let Some(last) = set.last().copied().filter(|(level, _)| *level >= price) {
                set.remove(&last);
                crossed.push(last.1);
            }
        }
        for (set, price) in [(&mut self.bid_rises, quote.bid), (&mut self.ask_rises, quote.ask)] {
            while let Some(first) = set.first().copied().filter(|(level, _)| *level <= price) {
                set.remove(&first);
                crossed.push(first.1);
            }
        }
        crossed
    }
}

impl Trading {
    /// Takes in how a trade stands; answers the trade whose turn the lane is now.
    ///
    /// What it was and is, for the fleet's figures, is appended to `figures`.
    pub(super) fn note(&mut self, magic: Magic, figures: &mut Vec<(Figure, Figure)>) -> Option<Magic> {
        let desk = self.desk.known()?;
        let held = desk.trades.get_mut(&magic)?;
        let after = Noted::of(&held.trade);
        let before = std::mem::replace(&mut held.noted, after);
        if before.figure() != after.figure() {
            figures.push((before.figure(), after.figure()));
        }
        let waits = &mut desk.waits;
        match after.wait {
            Some(wait) => waits.waiting.insert(magic, wait),
            None => waits.waiting.remove(&magic),
        };
        place(&mut waits.sending, magic, before.sending, after.sending);
        place(&mut waits.unknown, magic, before.unknown, after.unknown);
        place(&mut waits.resolving, magic, before.resolving, after.resolving);
        place(&mut waits.at_broker, magic, before.at_broker, after.at_broker);
        if before.deadline != after.deadline {
            if let Some(at) = before.deadline {
                desk.deadlines.remove(&(at, magic));
            }
            desk.deadlines.extend(after.deadline.map(|at| (at, magic)));
        }
        desk.open -= usize::from(after.ended && !before.ended);
        desk.alerting.follow(before.alert, after.alert);
        let names = after.wait == Some(Wait::Snapshot) && held.trade.intent().goal.target().is_some();
        desk.looks.name(magic, names);
        if !(after.resolving || after.at_broker) {
            desk.looks.unwanted(magic);
        }
        let symbol = desk.symbols.get_mut(&held.symbol)?;
        symbol.note_waits(magic, before.wait, after.wait);
        if let Some(crossings) = before.levels {
            symbol.levels.get_or_insert_default().remove(&crossings, magic);
        }
        if let Some(crossings) = after.levels {
            symbol.levels.get_or_insert_default().add(&crossings, magic);
        }
        symbol.lane.note(&held.trade)
    }

    /// The deadline of a trade came up: it is not in the index any more.
    pub(super) fn due_before(&mut self, now: Timestamp) -> Option<Magic> {
        let (at, magic) = self.desk.deadlines.first().copied().filter(|(at, _)| *at <= now)?;
        self.desk.deadlines.remove(&(at, magic));
        // A step that leaves it as it is takes it in again.
        if let Some(held) = self.held_mut(magic) {
            held.noted.deadline = None;
        }
        Some(magic)
    }
}

fn place(set: &mut BTreeSet<Magic>, magic: Magic, before: bool, after: bool) {
    if before != after {
        if after {
            set.insert(magic);
        } else {
            set.remove(&magic);
        }
    }
}
