//! Changing stop loss and take profit of a position.

use warden_bridge::{Order, TradeReply};

use super::{Desk, Execution, Fill, Lots, Numbers, Position, Refused, Stops, check, code, types::Origin};
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
        self.in_session(position.symbol)?;
        let quote = self.market.quote(position.symbol, self.elapsed);
        check::stops(spec, position.side, quote.price(position.side.opposite()), stops)?;
        let origin = Origin { magic: position.magic, ..self.origin(order, Lots::default()) };
        self.set_stops(&position, stops, origin);
        Ok(Execution { retcode: code::DONE, reply: TradeReply::default() })
    }

    /// A person moves every stop loss and take profit that is set.
    pub(crate) fn stops_moved(&mut self, by: i64) {
        let set: Vec<Position> =
            self.account.positions.iter().filter(|p| p.stops.is_set()).copied().collect();
        for position in set {
            self.set_stops(&position, position.stops.lowered(by), Origin::of(position.magic));
        }
    }

    /// Every stop loss and take profit is gone.
    pub(crate) fn stops_vanish(&mut self) {
        for position in &mut self.account.positions {
            position.stops = Stops::default();
        }
    }

    fn set_stops(&mut self, position: &Position, stops: Stops, origin: Origin) {
        for standing in self.account.positions.iter_mut().filter(|p| p.ticket == position.ticket) {
            standing.stops = stops;
        }
        let Position { symbol, side, volume, price, .. } = *position;
        let fill = Fill { symbol, side, volume, price, origin, stops };
        let numbers = Numbers { position: position.id, ..Numbers::default() };
        let by: Reason = self.terms.by;
        self.record(EntryKind::Protected, by, &fill, numbers);
    }
}
