//! What prices do by themselves: pending orders, stop losses, take profits.

use super::{
    Desk, Fill, Side,
    types::{PendingKind, PendingOrder, Position},
};
use crate::ledger::{EntryKind, Reason};

impl Desk<'_> {
    /// Looks at the prices of this moment; answers whether anything executed.
    pub(crate) fn prices_moved(&mut self) -> bool {
        let due: Vec<PendingOrder> =
            self.account.orders.iter().filter(|order| self.reached(order)).copied().collect();
        for order in &due {
            self.trigger(order);
        }
        let hit: Vec<(Position, Reason)> = match self.terms.misfire {
            true => Vec::new(),
            false => self.account.positions.iter().filter_map(|p| Some((*p, self.stopped(p)?))).collect(),
        };
        for (position, reason) in &hit {
            let fill = self.closing(position);
            self.book_close(&fill, position.ticket, *reason);
        }
        !due.is_empty() || !hit.is_empty()
    }

    fn reached(&self, order: &PendingOrder) -> bool {
        let market = self.market.quote(order.symbol, self.elapsed).price(order.side);
        let away = order.side.sign() * (order.price - market);
        match order.kind {
            PendingKind::Limit => away >= 0,
            PendingKind::Stop => away <= 0,
        }
    }

    fn trigger(&mut self, order: &PendingOrder) {
        let market = self.market.quote(order.symbol, self.elapsed).price(order.side);
        let PendingOrder { ticket, magic, symbol, side, volume, stops, .. } = *order;
        self.account.orders.retain(|other| other.ticket != ticket);
        let fill = Fill { symbol, side, volume, price: market, magic, stops };
        if self.may_open(symbol, side, volume).is_ok() {
            self.book(&fill, ticket, Reason::Trigger);
        } else {
            let numbers = super::Numbers { order: ticket, ..super::Numbers::default() };
            self.record(EntryKind::Cancelled, Reason::Trigger, &fill, numbers);
        }
    }

    fn stopped(&self, position: &Position) -> Option<Reason> {
        let price = self.market.quote(position.symbol, self.elapsed).price(position.side.opposite());
        let beyond = |stop: i64, sign: i64| stop != 0 && sign * (price - stop) >= 0;
        if beyond(position.stops.loss, -position.side.sign()) {
            Some(Reason::StopLoss)
        } else if beyond(position.stops.profit, position.side.sign()) {
            Some(Reason::TakeProfit)
        } else {
            None
        }
    }

    fn closing(&self, position: &Position) -> Fill {
        let side: Side = position.side.opposite();
        Fill {
            symbol: position.symbol,
            side,
            volume: position.volume,
            price: self.market.quote(position.symbol, self.elapsed).price(side),
            magic: position.magic,
            stops: position.stops,
        }
    }
}
