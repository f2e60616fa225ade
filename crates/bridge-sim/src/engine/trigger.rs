//! What prices do by themselves: pending orders, rests of market orders, stop losses, take profits.

use super::{Desk, Fill, Numbers, PendingKind, PendingOrder, Position, sign, types::Origin};
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
        if self.in_session(order.symbol).is_err() {
            return false;
        }
        let away = || sign(order.side) * (order.price - self.price(order));
        match order.kind {
            PendingKind::Limit => away() >= 0,
            PendingKind::Stop | PendingKind::StopLimit(_) => away() <= 0,
            PendingKind::Rest(from) => from.is_some_and(|from| from <= self.now),
        }
    }

    fn price(&self, order: &PendingOrder) -> i64 {
        self.market.quote(order.symbol, self.elapsed).price(order.side)
    }

    fn trigger(&mut self, order: &PendingOrder) {
        if let PendingKind::StopLimit(limit) = order.kind {
            for other in self.account.orders.iter_mut().filter(|other| other.ticket == order.ticket) {
                (other.kind, other.price) = (PendingKind::Limit, limit);
            }
            return;
        }
        let fill = Fill { price: self.price(order), ..order.fill() };
        // An order counts as volume of its own until it is gone.
        self.account.orders.retain(|other| other.ticket != order.ticket);
        let mut position = order.position;
        if self.may_open(order.symbol, order.side, order.volume).is_ok() {
            position = self.book(&fill, order.ticket, order.position, Reason::Trigger).position;
        } else {
            let numbers = Numbers { order: order.ticket, ..Numbers::default() };
            self.record(EntryKind::Cancelled, Reason::Trigger, &fill, numbers);
        }
        self.drop_order(&PendingOrder { position, ..*order });
    }

    fn stopped(&self, position: &Position) -> Option<Reason> {
        if !position.stops.is_set() || self.in_session(position.symbol).is_err() {
            return None;
        }
        let price = self.market.quote(position.symbol, self.elapsed).price(position.side.opposite());
        let beyond = |stop: i64, sign: i64| stop != 0 && sign * (price - stop) >= 0;
        if beyond(position.stops.loss, -sign(position.side)) {
            Some(Reason::StopLoss)
        } else if beyond(position.stops.profit, sign(position.side)) {
            Some(Reason::TakeProfit)
        } else {
            None
        }
    }

    fn closing(&self, position: &Position) -> Fill {
        let side = position.side.opposite();
        Fill {
            symbol: position.symbol,
            side,
            volume: position.volume,
            price: self.market.quote(position.symbol, self.elapsed).price(side),
            origin: Origin::of(position.magic),
            stops: position.stops,
        }
    }
}
