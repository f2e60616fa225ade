//! Deals at the market.

use warden_bridge::{Order, TradeReply};

use super::{Desk, Execution, Fill, Refused, Side, Stops, check, code, types::Lots};
use crate::{
    ledger::Reason,
    symbol::{Filling, SymbolSpec},
};

impl Desk<'_> {
    /// Buys or sells at the market.
    pub(super) fn market(&mut self, order: &Order, side: Side) -> Result<Execution, Refused> {
        let (symbol, quote) = self.quoted(&order.symbol)?;
        let spec = self.market.spec(symbol);
        let volume = check::volume(spec, order.volume)?;
        check::deviation(spec, order, quote.price(side))?;
        let stops = Stops::of(order, spec);
        check::stops(spec, side, quote.price(side), stops)?;
        self.may_open(symbol, side, volume)?;
        let filled = self.fillable(spec, volume)?;
        let price = quote.price(side) + side.sign() * self.terms.slippage;
        let fill = Fill { symbol, side, volume: filled, price, magic: order.magic, stops };
        Ok(self.dealt(&fill, filled < volume))
    }

    /// Makes the deal, twice where a fault wants it, and words the answer.
    fn dealt(&mut self, fill: &Fill, partial: bool) -> Execution {
        let order = self.ticket();
        let numbers = self.book(fill, order, Reason::Client);
        if self.terms.twice {
            let again = self.ticket();
            self.book(fill, again, Reason::Client);
        }
        let price = self.market.spec(fill.symbol).price(fill.price);
        let reply = TradeReply { deal: numbers.deal, order, volume: fill.volume.lots(), price };
        if self.terms.placed {
            // Sent on to the market: the deal follows, the answer knows only the order.
            let reply = TradeReply { deal: 0, order, volume: fill.volume.lots(), price: 0.0 };
            return Execution { retcode: code::PLACED, reply };
        }
        Execution { retcode: if partial { code::DONE_PARTIAL } else { code::DONE }, reply }
    }

    /// What of the volume can be filled now.
    pub(super) fn fillable(&self, spec: &SymbolSpec, volume: Lots) -> Result<Lots, Refused> {
        let Some(percent) = self.terms.fill else { return Ok(volume) };
        let step = Lots::read(spec.volume_step).map_or(1, |step| step.0.max(1));
        let part = volume.0 / 100 * u64::from(percent.min(100));
        let filled = Lots(part - part % step);
        let partial = filled < volume;
        match spec.filling {
            Filling::FillOrKill if partial => Err(Refused(code::REJECT)),
            Filling::FillOrKill | Filling::ImmediateOrCancel if filled.is_none() => {
                Err(Refused(code::REJECT))
            }
            Filling::FillOrKill | Filling::ImmediateOrCancel => Ok(filled),
        }
    }
}
