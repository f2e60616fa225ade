//! Deals at the market.

use warden_bridge::{Order, TradeReply};
use warden_domain::{Filling, Side};

use super::{
    Desk, Execution, Fill, Lots, Numbers, PendingKind, PendingOrder, Refused, Stops, check, code, sign,
    types::{Filled, Origin},
};
use crate::symbol::SymbolSpec;

impl Desk<'_> {
    /// Buys or sells at the market.
    pub(super) fn market(&mut self, order: &Order, side: Side) -> Result<Execution, Refused> {
        let (symbol, quote) = self.quoted(&order.symbol)?;
        let spec = self.market.spec(symbol);
        let volume = check::volume(spec, order.volume)?;
        let filling = check::filling(spec, order.filling)?;
        check::deviation(spec, order, quote.price(side))?;
        let stops = Stops::of(order, spec);
        check::stops(spec, side, quote.price(side), stops)?;
        self.may_open(symbol, side, volume)?;
        let filled = self.fillable(spec, volume, filling)?;
        let price = quote.price(side) + sign(side) * self.terms.slippage;
        let origin = self.origin(order, volume);
        let fill = Fill { symbol, side, volume: filled.now, price, origin, stops };
        let execution = self.make(&fill, filled);
        if self.terms.twice {
            let origin = Origin { repeated: true, ..origin };
            self.make(&Fill { origin, ..fill }, filled);
        }
        Ok(execution)
    }

    /// Makes the deal, keeps what is left of the order, and words the answer.
    fn make(&mut self, fill: &Fill, filled: Filled) -> Execution {
        let order = self.ticket();
        let numbers = match filled.now.is_none() {
            true => Numbers { order, ..Numbers::default() },
            false => self.book(fill, order, 0, self.terms.by),
        };
        if filled.rest.is_none() {
            self.ended(fill, order, filled.wanted, numbers.position);
        } else {
            self.keep(fill, filled, numbers);
        }
        let volume = fill.volume.lots();
        if self.terms.placed || filled.now.is_none() {
            // Sent on to the market: the deal follows, the answer knows only the order.
            let reply = TradeReply { deal: 0, order, volume, price: 0.0 };
            return Execution { retcode: code::PLACED, reply };
        }
        let price = self.market.spec(fill.symbol).price(fill.price);
        let reply = TradeReply { deal: numbers.deal, order, volume, price };
        Execution { retcode: if filled.is_partial() { code::DONE_PARTIAL } else { code::DONE }, reply }
    }

    fn keep(&mut self, fill: &Fill, filled: Filled, numbers: Numbers) {
        let Fill { symbol, side, price, origin, stops, .. } = *fill;
        self.account.orders.push(PendingOrder {
            ticket: numbers.order,
            origin,
            symbol,
            side,
            kind: PendingKind::Rest(self.terms.rest),
            initial: filled.wanted,
            volume: filled.rest,
            price,
            stops,
            position: numbers.position,
        });
    }

    /// What of the volume can be filled now.
    pub(super) fn fillable(
        &self,
        spec: &SymbolSpec,
        wanted: Lots,
        filling: Filling,
    ) -> Result<Filled, Refused> {
        let Some(percent) = self.terms.fill else { return Ok(Filled::of(wanted, wanted, filling)) };
        let step = Lots::read(spec.volume_step).map_or(1, |step| step.0.max(1));
        let part = wanted.0 / 100 * u64::from(percent.min(100));
        let now = Lots(part - part % step);
        match filling {
            Filling::FillOrKill if now < wanted => Err(Refused(code::REJECT)),
            Filling::ImmediateOrCancel if now.is_none() => Err(Refused(code::REJECT)),
            Filling::FillOrKill | Filling::ImmediateOrCancel | Filling::Return => {
                Ok(Filled::of(now, wanted, filling))
            }
        }
    }
}
