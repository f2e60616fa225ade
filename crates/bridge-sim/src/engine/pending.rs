//! Pending orders: placing, changing and removing.

use warden_bridge::{Order, Pending, TradeReply};
use warden_domain::{Filling, Side};

use super::{
    Desk, Execution, Fill, Lots, Numbers, PendingKind, PendingOrder, Refused, Stops, check, code,
    types::Origin,
};
use crate::{ledger::EntryKind, symbol::SymbolSpec};

impl Desk<'_> {
    /// Places a pending order: a limit on the better side of the market, a stop on the worse one.
    pub(super) fn pending(
        &mut self,
        order: &Order,
        side: Side,
        pending: Pending,
    ) -> Result<Execution, Refused> {
        let (symbol, quote) = self.quoted(&order.symbol)?;
        let spec = self.market.spec(symbol);
        let volume = check::volume(spec, order.volume)?;
        match order.filling {
            // What of a pending order is not filled stays: every symbol takes that.
            None | Some(Filling::Return) => {}
            Some(Filling::FillOrKill | Filling::ImmediateOrCancel) => {
                check::filling(spec, order.filling)?;
            }
        }
        let (price, kind) = (check::price(spec, order.price)?, kind_of(spec, pending)?);
        check::pending_price(spec, side, kind, price, quote.price(side))?;
        let stops = Stops::of(order, spec);
        check::stops(spec, side, opens_at(kind, price), stops)?;
        let limit = self.account.limits.orders;
        if limit > 0 && self.account.orders.len() >= limit {
            return Err(Refused(code::LIMIT_ORDERS));
        }
        self.room_for(spec, symbol, volume)?;
        let origin = self.origin(order, volume);
        let fill = Fill { symbol, side, volume, price, origin, stops };
        let ticket = self.place(&fill, kind);
        if self.terms.twice {
            let origin = Origin { repeated: true, ..origin };
            self.place(&Fill { origin, ..fill }, kind);
        }
        let reply = TradeReply { deal: 0, order: ticket, volume: volume.lots(), price: 0.0 };
        Ok(Execution { retcode: code::PLACED, reply })
    }

    fn place(&mut self, fill: &Fill, kind: PendingKind) -> u64 {
        let ticket = self.ticket();
        let Fill { symbol, side, volume, price, origin, stops } = *fill;
        self.account.orders.push(PendingOrder {
            ticket,
            origin,
            symbol,
            side,
            kind,
            initial: volume,
            volume,
            price,
            stops,
            position: 0,
        });
        let numbers = Numbers { order: ticket, ..Numbers::default() };
        self.record(EntryKind::Placed, self.terms.by, fill, numbers);
        ticket
    }

    /// Changes price, stop loss and take profit of a pending order.
    pub(super) fn modify(&mut self, order: &Order, ticket: u64) -> Result<Execution, Refused> {
        let standing = self.order(ticket)?;
        let spec = self.market.spec(standing.symbol);
        let (price, stops) = (check::price(spec, order.price)?, Stops::of(order, spec));
        if (price, stops) == (standing.price, standing.stops) {
            return Err(Refused(code::NO_CHANGES));
        }
        let market = self.market.quote(standing.symbol, self.elapsed).price(standing.side);
        check::pending_price(spec, standing.side, standing.kind, price, market)?;
        check::stops(spec, standing.side, opens_at(standing.kind, price), stops)?;
        for other in self.account.orders.iter_mut().filter(|other| other.ticket == ticket) {
            (other.price, other.stops) = (price, stops);
        }
        let origin = Origin { magic: standing.origin.magic, ..self.origin(order, Lots::default()) };
        let fill = Fill { price, stops, origin, ..standing.fill() };
        let numbers = Numbers { order: ticket, ..Numbers::default() };
        self.record(EntryKind::Modified, self.terms.by, &fill, numbers);
        let reply = TradeReply { order: ticket, ..TradeReply::default() };
        Ok(Execution { retcode: code::DONE, reply })
    }

    /// Removes a pending order, or what is left of a market order, unless it is too close to the market.
    pub(super) fn cancel(&mut self, order: &Order, ticket: u64) -> Result<Execution, Refused> {
        let standing = self.order(ticket)?;
        let origin = Origin { magic: standing.origin.magic, ..self.origin(order, Lots::default()) };
        let fill = Fill { origin, ..standing.fill() };
        self.drop_order(&standing);
        let numbers = Numbers { order: ticket, ..Numbers::default() };
        self.record(EntryKind::Cancelled, self.terms.by, &fill, numbers);
        let reply = TradeReply { order: ticket, ..TradeReply::default() };
        Ok(Execution { retcode: code::DONE, reply })
    }

    /// An order is over; it goes from the open ones to the history.
    pub(super) fn drop_order(&mut self, order: &PendingOrder) {
        self.account.orders.retain(|other| other.ticket != order.ticket);
        self.ended(&order.fill(), order.ticket, order.initial, order.position);
    }
}

impl PendingOrder {
    /// What is not filled, at its own price.
    pub(super) fn fill(&self) -> Fill {
        let Self { symbol, side, volume, price, origin, stops, .. } = *self;
        Fill { symbol, side, volume, price, origin, stops }
    }
}

fn kind_of(spec: &SymbolSpec, pending: Pending) -> Result<PendingKind, Refused> {
    Ok(match pending {
        Pending::Limit => PendingKind::Limit,
        Pending::Stop => PendingKind::Stop,
        Pending::StopLimit { limit } => PendingKind::StopLimit(check::price(spec, limit)?),
    })
}

/// The price at which a position would open.
fn opens_at(kind: PendingKind, price: i64) -> i64 {
    match kind {
        PendingKind::Limit | PendingKind::Stop | PendingKind::Rest(_) => price,
        PendingKind::StopLimit(limit) => limit,
    }
}
