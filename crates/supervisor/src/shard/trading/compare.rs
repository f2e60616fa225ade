//! What is open at the broker against what is stored (SES-1, TRD-8): what differs is looked at again with the tag of its
//! trade; what is of others is counted and never touched.

use std::collections::BTreeMap;

use warden_bridge::{OpenPosition, SessionFacts, Snapshot};
use warden_domain::{AccountMode, Lots, Magic, Side, Ticket, Timestamp};
use warden_policy::{
    Params,
    trade::{Owner, Protection, Query, Trade},
};

use super::{Held, Trading};

impl Trading {
    /// Compares a reading with the trades: those that differ are asked about. What is of others is told of a synchronised
    /// one alone.
    pub(super) fn compare(&mut self, seen: &Snapshot, synchronised: bool, now: Timestamp, params: &Params) {
        let differing = self.differing(seen);
        for magic in differing {
            self.ask(magic, now, params);
        }
        if synchronised {
            self.count_others(seen);
        }
    }

    fn count_others(&mut self, seen: &Snapshot) {
        let magics = seen.orders.iter().map(|order| (order.magic, None));
        let magics = magics.chain(seen.positions.iter().map(|open| (open.magic, Some(&*open.symbol))));
        let (mut externals, mut unclaimed) = (0, 0);
        for (magic, symbol) in magics {
            match self.owner(magic) {
                Owner::Ours(_) => {}
                Owner::External => externals += 1,
                // One position collects all trades of its symbol, and keeps the tag of one of them.
                Owner::Unclaimed(_) if symbol.is_some_and(|symbol| self.collects(symbol)) => {}
                Owner::Unclaimed(_) => unclaimed += 1,
            }
        }
        let desk = &mut *self.desk;
        (desk.externals, desk.alerting.unclaimed) = (externals, unclaimed);
    }

    /// Netting: whether a trade of ours has a part in the position of this symbol.
    fn collects(&self, symbol: &str) -> bool {
        let holds = |magic| {
            self.desk
                .trades
                .get(magic)
                .is_some_and(|held| &*held.symbol == symbol && held.trade.holdings().open() > Lots::ZERO)
        };
        self.mode() == AccountMode::Netting && self.desk.waits.at_broker.iter().any(holds)
    }

    /// The trades that are not as the reading shows what is open.
    fn differing(&self, seen: &Snapshot) -> Vec<Magic> {
        let positions: BTreeMap<u64, &OpenPosition> =
            seen.positions.iter().map(|open| (open.ticket, open)).collect();
        let orders: BTreeMap<u64, u64> =
            seen.orders.iter().map(|order| (order.ticket, order.magic)).collect();
        let parts = self.parts();
        let differs = |magic: &&Magic| {
            let Some(held) = self.desk.trades.get(*magic) else { return false };
            let trade = &held.trade;
            let order = trade.holdings().order.map(Ticket::number);
            let placed = order.is_none_or(|order| orders.contains_key(&order));
            let stands = match self.mode() {
                AccountMode::Hedging => stands_alone(trade, &positions),
                AccountMode::Netting => {
                    let open = seen.positions.iter().find(|open| open.symbol == *held.symbol);
                    stands_shared(open, parts.get(&*held.symbol).copied().unwrap_or(0))
                }
            };
            !(placed && stands)
        };
        let tagged = seen.orders.iter().map(|order| (order.magic, order.ticket));
        let unknown = tagged.filter_map(|(magic, ticket)| self.unknown_order(magic, ticket));
        self.desk.waits.at_broker.iter().filter(differs).copied().chain(unknown).collect()
    }

    /// Netting: whether the reading may show what another trade's order did to the position, before that trade knows of it:
    /// then it says nothing of this one.
    pub(super) fn is_between(&self, held: &Held, seen: &Snapshot) -> bool {
        let magic = held.trade.intent().magic;
        let free = self.desk.symbols.get(&held.symbol).is_none_or(|symbol| symbol.lane.is_free_for(magic));
        if free || self.mode() == AccountMode::Hedging {
            return false;
        }
        let open = seen.positions.iter().find(|open| open.symbol == *held.symbol);
        !stands_shared(open, self.parts().get(&*held.symbol).copied().unwrap_or(0))
    }

    /// Netting: what all trades of a symbol hold together, in units, sells negative.
    pub(super) fn parts(&self) -> BTreeMap<&str, i64> {
        let mut parts = BTreeMap::new();
        for held in self.desk.waits.at_broker.iter().filter_map(|magic| self.desk.trades.get(magic)) {
            let Some(opening) = held.trade.intent().opening() else { continue };
            let open = held.trade.holdings().open().units();
            *parts.entry(&*held.symbol).or_insert(0) += signed(opening.side, open);
        }
        parts
    }

    /// The trade whose tag an open order carries that it does not know of.
    fn unknown_order(&self, magic: u64, ticket: u64) -> Option<Magic> {
        let magic = Magic::from_number(magic).ok()?;
        let holdings = self.desk.trades.get(&magic)?.trade.holdings();
        let known = [holdings.order, holdings.extra_order].into_iter().flatten();
        (!known.map(Ticket::number).any(|known| known == ticket)).then_some(magic)
    }

    /// What an intent that ended did to the order or position it named is seen at once by the trade that holds it.
    pub(super) fn look_after_end(&mut self, magic: Magic, now: Timestamp, params: &Params) {
        let Some(held) = self.desk.trades.get(&magic).filter(|held| held.trade.end().is_some()) else {
            return;
        };
        let Some(target) = held.trade.intent().goal.target() else { return };
        let holds =
            |of: &Held| [of.trade.holdings().order, of.trade.holdings().position].contains(&Some(target));
        let mine = self.desk.waits.at_broker.iter().copied();
        let holders: Vec<Magic> =
            mine.filter(|magic| self.desk.trades.get(magic).is_some_and(|held| holds(held))).collect();
        for holder in holders {
            self.ask(holder, now, params);
        }
    }

    /// Asks how things stand with a trade.
    pub(super) fn ask(&mut self, magic: Magic, now: Timestamp, params: &Params) {
        let Some(held) = self.desk.trades.get(&magic) else { return };
        let holdings = held.trade.holdings();
        let query = Query {
            magic,
            attempt: held.trade.attempt(),
            marks: held.trade.marks(),
            back: params.unknown.search_back,
            after: now,
            also: holdings.position.or(holdings.order).or(held.trade.intent().goal.target()),
        };
        self.desk.looks.want(query);
    }

    /// SES-1: whether what is open was reconciled with what is stored. A send that was unresolved is being resolved, with
    /// its lane held; where a trade and the session differ, a synchronised reading settles it first.
    pub(in crate::shard) fn reconciles(
        &mut self,
        session: &SessionFacts,
        now: Timestamp,
        params: &Params,
    ) -> bool {
        if self.desk.looks.compared() {
            return true;
        }
        let mut differing = Vec::new();
        for magic in &self.desk.waits.at_broker {
            let Some(held) = self.desk.trades.get(magic) else { continue };
            let holdings = held.trade.holdings();
            let holds = |of: Option<Ticket>, all: &[(u64, u64)]| {
                of.is_none_or(|ticket| all.iter().any(|(_, open)| *open == ticket.number()))
            };
            let position = holdings.position.filter(|_| holdings.open() > Lots::ZERO);
            if !holds(holdings.order, &session.orders) || !holds(position, &session.positions) {
                differing.push(*magic);
            }
        }
        let tagged = session.orders.iter().filter_map(|(magic, ticket)| self.unknown_order(*magic, *ticket));
        differing.extend(tagged.filter(|magic| !self.desk.waits.resolving.contains(magic)));
        for magic in &differing {
            self.ask(*magic, now, params);
        }
        differing.is_empty()
    }
}

/// Hedging: the position is the trade's alone, and as large and as protected as the trade knows it.
fn stands_alone(trade: &Trade, positions: &BTreeMap<u64, &OpenPosition>) -> bool {
    let holdings = trade.holdings();
    if holdings.open() == Lots::ZERO {
        return true;
    }
    let Some(open) = holdings.position.and_then(|ticket| positions.get(&ticket.number())) else {
        return false;
    };
    let protection = Protection { stop_loss: open.stop_loss, take_profit: open.take_profit };
    open.volume == holdings.open() && protection == holdings.protection
}

/// Netting: the position is as large as all parts together.
fn stands_shared(open: Option<&OpenPosition>, parts: i64) -> bool {
    open.map_or(0, |open| signed(open.side, open.volume.units())) == parts
}

pub(super) const fn signed(side: Side, units: i64) -> i64 {
    match side {
        Side::Buy => units,
        Side::Sell => -units,
    }
}
