//! Closing positions.

use warden_bridge::{Order, TradeReply};
use warden_domain::TradeMode;

use super::{Desk, Execution, Fill, Lots, Refused, check, code, sign};

impl Desk<'_> {
    /// Closes a position by an opposite deal; a volume of 0 closes it as a whole.
    pub(super) fn close(&mut self, order: &Order, ticket: u64) -> Result<Execution, Refused> {
        let position = self.position(ticket)?;
        let spec = self.market.spec(position.symbol);
        if self.mode(spec) == TradeMode::Disabled {
            return Err(Refused(code::TRADE_DISABLED));
        }
        self.in_session(position.symbol)?;
        let wanted = if order.volume == 0.0 { position.volume } else { check::volume(spec, order.volume)? };
        if wanted > position.volume {
            return Err(Refused(code::INVALID_CLOSE_VOLUME));
        }
        if self.account.limits.fifo_close && self.oldest(position.symbol) != Some(ticket) {
            return Err(Refused(code::FIFO_CLOSE));
        }
        if self.terms.no_quote {
            return Err(Refused(code::PRICE_OFF));
        }
        let side = position.side.opposite();
        let market = self.market.quote(position.symbol, self.elapsed).price(side);
        let filling = check::filling(spec, order.filling)?;
        check::deviation(spec, order, market)?;
        // What of a closing order is not filled is not kept: the position is there to be closed again.
        let filled = self.fillable(spec, wanted, filling)?;
        if filled.now.is_none() {
            return Err(Refused(code::REJECT));
        }
        let price = market + sign(side) * self.terms.slippage;
        let origin = self.origin(order, Lots::default());
        let fill =
            Fill { symbol: position.symbol, side, volume: filled.now, price, origin, stops: position.stops };
        Ok(self.closed(&fill, ticket, filled.is_partial()))
    }

    fn closed(&mut self, fill: &Fill, position: u64, partial: bool) -> Execution {
        let numbers = self.book_close(fill, position, self.terms.by);
        let price = self.market.spec(fill.symbol).price(fill.price);
        let reply =
            TradeReply { deal: numbers.deal, order: numbers.order, volume: Lots::lots(fill.volume), price };
        Execution { retcode: if partial { code::DONE_PARTIAL } else { code::DONE }, reply }
    }

    fn oldest(&self, symbol: usize) -> Option<u64> {
        self.account.positions.iter().filter(|p| p.symbol == symbol).map(|p| p.ticket).min()
    }
}
