//! Closing positions.

use warden_bridge::{Order, TradeReply};

use super::{Desk, Execution, Fill, Refused, check, code, types::Lots};
use crate::{ledger::Reason, symbol::TradeMode};

impl Desk<'_> {
    /// Closes a position by an opposite deal; a volume of 0 closes it as a whole.
    pub(super) fn close(&mut self, order: &Order, ticket: u64) -> Result<Execution, Refused> {
        let position = self.position(ticket)?;
        let spec = self.market.spec(position.symbol);
        if spec.trade_mode == TradeMode::Disabled {
            return Err(Refused(code::TRADE_DISABLED));
        }
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
        check::deviation(spec, order, market)?;
        let volume = self.fillable(spec, wanted)?;
        let price = market + side.sign() * self.terms.slippage;
        let magic = if order.magic == 0 { position.magic } else { order.magic };
        let fill = Fill { symbol: position.symbol, side, volume, price, magic, stops: position.stops };
        Ok(self.closed(&fill, ticket, volume < wanted))
    }

    fn closed(&mut self, fill: &Fill, position: u64, partial: bool) -> Execution {
        let numbers = self.book_close(fill, position, Reason::Client);
        let price = self.market.spec(fill.symbol).price(fill.price);
        let reply =
            TradeReply { deal: numbers.deal, order: numbers.order, volume: Lots::lots(fill.volume), price };
        Execution { retcode: if partial { code::DONE_PARTIAL } else { code::DONE }, reply }
    }

    fn oldest(&self, symbol: usize) -> Option<u64> {
        self.account.positions.iter().filter(|p| p.symbol == symbol).map(|p| p.ticket).min()
    }
}
