//! What an account's history keeps: ended orders and deals.

use warden_bridge::{Deal, DealEntry, PastOrder, Tickets};
use warden_domain::{Side, Timestamp};

use super::{Desk, Fill, Lots, Market, Numbers, Position};

/// Ended orders and deals of an account, in the order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) orders: Vec<Ended>,
    pub(crate) deals: Vec<Dealt>,
}

impl History {
    /// What of a position the deals with such a `magic` came to, and no more than it is.
    pub(crate) fn part_of(&self, position: &Position, ours: impl Fn(u64) -> bool) -> Lots {
        let deals = self.deals.iter().filter(|deal| deal.position == position.id && ours(deal.magic));
        let (with, against): (Vec<_>, Vec<_>) = deals.partition(|deal| deal.side == position.side);
        let total =
            |deals: Vec<&Dealt>| deals.iter().fold(Lots::default(), |sum, deal| sum.plus(deal.volume));
        total(with).without(total(against)).min(position.volume)
    }
}

/// An order that ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) ticket: u64,
    pub(crate) magic: u64,
    symbol: usize,
    side: Side,
    volume: Lots,
    position: u64,
    pub(crate) time: Timestamp,
    /// Terminals show it from this moment on.
    pub(crate) shown: Timestamp,
    /// The highest ticket up to here.
    pub(crate) newest: u64,
}

/// A deal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dealt {
    pub(crate) ticket: u64,
    order: u64,
    /// MQL5 `POSITION_IDENTIFIER`.
    pub(crate) position: u64,
    pub(crate) magic: u64,
    symbol: usize,
    side: Side,
    pub(crate) entry: DealEntry,
    volume: Lots,
    /// In points.
    price: i64,
    pub(crate) time: Timestamp,
    /// Terminals show it from this moment on.
    pub(crate) shown: Timestamp,
    /// The highest tickets up to here.
    pub(crate) newest: Tickets,
}

impl Ended {
    pub(crate) fn told(&self, market: &Market) -> PastOrder {
        PastOrder {
            ticket: self.ticket,
            magic: self.magic,
            symbol: market.spec(self.symbol).name.clone(),
            side: self.side,
            volume: self.volume.told(),
            position: self.position,
        }
    }
}

impl Dealt {
    pub(crate) fn told(&self, market: &Market) -> Deal {
        let spec = market.spec(self.symbol);
        Deal {
            ticket: self.ticket,
            order: self.order,
            position: self.position,
            magic: self.magic,
            symbol: spec.name.clone(),
            side: self.side,
            entry: self.entry,
            volume: self.volume.told(),
            price: spec.told(self.price),
        }
    }
}

impl Desk<'_> {
    /// A deal goes to the history.
    pub(super) fn dealt(&mut self, fill: &Fill, numbers: Numbers) {
        let Some(entry) = numbers.entry else { return };
        let before = self.account.history.deals.last().map(|deal| deal.newest).unwrap_or_default();
        let newest = Tickets {
            order: before.order.max(numbers.order),
            deal: before.deal.max(numbers.deal),
            position: before.position.max(numbers.position),
        };
        self.account.history.deals.push(Dealt {
            ticket: numbers.deal,
            order: numbers.order,
            position: numbers.position,
            magic: fill.origin.magic,
            symbol: fill.symbol,
            side: fill.side,
            entry,
            volume: fill.volume,
            price: fill.price,
            time: self.now,
            shown: self.now.after(self.terms.shown_after),
            newest,
        });
    }

    /// An order that asked for `volume` ended, and goes to the history.
    pub(super) fn ended(&mut self, fill: &Fill, ticket: u64, volume: Lots, position: u64) {
        let before = self.account.history.orders.last().map_or(0, |order| order.newest);
        self.account.history.orders.push(Ended {
            ticket,
            magic: fill.origin.magic,
            symbol: fill.symbol,
            side: fill.side,
            volume,
            position,
            time: self.now,
            shown: self.now.after(self.terms.shown_after),
            newest: before.max(ticket),
        });
    }
}
