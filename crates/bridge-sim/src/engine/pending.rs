//! Pending orders: placing and removing.

use warden_bridge::{Order, TradeReply};

use super::{
    Desk, Execution, Fill, Numbers, Refused, Side, Stops, check, code,
    types::{PendingKind, PendingOrder},
};
use crate::ledger::{EntryKind, Reason};

impl Desk<'_> {
    /// Places a pending order: a limit on the better side of the market, a stop on the worse one.
    pub(super) fn pending(&mut self, order: &Order, side: Side) -> Result<Execution, Refused> {
        let (symbol, quote) = self.quoted(&order.symbol)?;
        let spec = self.market.spec(symbol);
        let volume = check::volume(spec, order.volume)?;
        if !order.price.is_finite() || order.price <= 0.0 {
            return Err(Refused(code::INVALID_PRICE));
        }
        let price = spec.points(order.price);
        let away = side.sign() * (price - quote.price(side));
        if away.abs() < spec.stops_level.max(1) {
            return Err(Refused(code::INVALID_PRICE));
        }
        let kind = if away < 0 { PendingKind::Limit } else { PendingKind::Stop };
        let stops = Stops::of(order, spec);
        check::stops(spec, side, price, stops)?;
        let limit = self.account.limits.orders;
        if limit > 0 && self.account.orders.len() >= limit {
            return Err(Refused(code::LIMIT_ORDERS));
        }
        self.room_for(spec, symbol, volume)?;
        let fill = Fill { symbol, side, volume, price, magic: order.magic, stops };
        let ticket = self.place(&fill, kind);
        if self.terms.twice {
            self.place(&fill, kind);
        }
        let reply = TradeReply { deal: 0, order: ticket, volume: volume.lots(), price: 0.0 };
        Ok(Execution { retcode: code::PLACED, reply })
    }

    fn place(&mut self, fill: &Fill, kind: PendingKind) -> u64 {
        let ticket = self.ticket();
        let Fill { symbol, side, volume, price, magic, stops } = *fill;
        self.account.orders.push(PendingOrder { ticket, magic, symbol, side, kind, volume, price, stops });
        self.record(EntryKind::Placed, Reason::Client, fill, Numbers { order: ticket, ..Numbers::default() });
        ticket
    }

    /// Removes a pending order, unless it is too close to the market.
    pub(super) fn cancel(&mut self, ticket: u64) -> Result<Execution, Refused> {
        let order = self.order(ticket)?;
        let quote = self.market.quote(order.symbol, self.elapsed);
        let away = (order.price - quote.price(order.side)).abs();
        if away <= self.market.spec(order.symbol).freeze_level {
            return Err(Refused(code::FROZEN));
        }
        self.account.orders.retain(|other| other.ticket != ticket);
        let PendingOrder { symbol, side, volume, price, magic, stops, .. } = order;
        let fill = Fill { symbol, side, volume, price, magic, stops };
        self.record(
            EntryKind::Cancelled,
            Reason::Client,
            &fill,
            Numbers { order: ticket, ..Numbers::default() },
        );
        let reply = TradeReply { order: ticket, ..TradeReply::default() };
        Ok(Execution { retcode: code::DONE, reply })
    }
}
