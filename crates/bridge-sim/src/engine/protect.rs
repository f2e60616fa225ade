//! Changing stop loss and take profit of a position.

use warden_bridge::{Order, TradeReply};

use super::{Desk, Execution, Fill, Numbers, Refused, Stops, check, code};
use crate::ledger::{EntryKind, Reason};

impl Desk<'_> {
    /// Sets stop loss and take profit of a position.
    pub(super) fn protect(&mut self, order: &Order, ticket: u64) -> Result<Execution, Refused> {
        let position = self.position(ticket)?;
        let spec = self.market.spec(position.symbol);
        let stops = Stops::of(order, spec);
        if stops == position.stops {
            return Err(Refused(code::NO_CHANGES));
        }
        let quote = self.market.quote(position.symbol, self.elapsed);
        check::stops(spec, position.side, quote.price(position.side.opposite()), stops)?;
        for standing in &mut self.account.positions {
            if standing.ticket == ticket {
                standing.stops = stops;
            }
        }
        let fill = Fill {
            symbol: position.symbol,
            side: position.side,
            volume: position.volume,
            price: position.price,
            magic: position.magic,
            stops,
        };
        self.record(
            EntryKind::Protected,
            Reason::Client,
            &fill,
            Numbers { position: ticket, ..Numbers::default() },
        );
        Ok(Execution { retcode: code::DONE, reply: TradeReply::default() })
    }
}
