//! What a deal does to the positions: netting and hedging.

use super::{Desk, Fill, Numbers, types::Position};
use crate::{
    account::AccountMode,
    ledger::{EntryKind, Reason},
};

impl Desk<'_> {
    /// Books a deal that opens: a position of its own on hedging, into the symbol's one on netting.
    pub(super) fn book(&mut self, fill: &Fill, order: u64, reason: Reason) -> Numbers {
        let standing = match self.account.mode {
            AccountMode::Hedging => None,
            AccountMode::Netting => self.account.positions.iter().position(|p| p.symbol == fill.symbol),
        };
        let position = match standing {
            None => self.open(fill, order),
            Some(at) => self.net(fill, at, order),
        };
        let numbers = Numbers { deal: self.ticket(), order, position };
        self.record(EntryKind::Deal, reason, fill, numbers);
        numbers
    }

    /// Books a deal that closes `fill.volume` of the position it came from.
    pub(super) fn book_close(&mut self, fill: &Fill, position: u64, reason: Reason) -> Numbers {
        let order = self.ticket();
        if let Some(at) = self.account.positions.iter().position(|p| p.ticket == position) {
            self.reduce(fill, at);
        }
        let numbers = Numbers { deal: self.ticket(), order, position };
        self.record(EntryKind::Deal, reason, fill, numbers);
        numbers
    }

    fn open(&mut self, fill: &Fill, ticket: u64) -> u64 {
        let Fill { symbol, side, volume, price, magic, stops } = *fill;
        self.account.positions.push(Position { ticket, magic, symbol, side, volume, price, stops });
        ticket
    }

    /// Nets a deal into a position: more of it, less of it, or turned round.
    fn net(&mut self, fill: &Fill, at: usize, order: u64) -> u64 {
        let standing = self.account.positions[at];
        if standing.side == fill.side {
            let volume = standing.volume.plus(fill.volume);
            let weighted =
                standing.price as f64 * standing.volume.lots() + fill.price as f64 * fill.volume.lots();
            let position = &mut self.account.positions[at];
            position.price = (weighted / volume.lots()).round() as i64;
            position.volume = volume;
            if fill.stops.is_set() {
                position.stops = fill.stops;
            }
            return standing.ticket;
        }
        let rest = fill.volume.without(standing.volume);
        self.reduce(fill, at);
        if rest.is_none() { standing.ticket } else { self.open(&Fill { volume: rest, ..*fill }, order) }
    }

    /// Takes the deal's volume, at most all, out of a position and books what was won.
    fn reduce(&mut self, fill: &Fill, at: usize) {
        let position = self.account.positions[at];
        let closed = fill.volume.min(position.volume);
        let won = position.side.sign() * (fill.price - position.price);
        self.account.balance += self.market.spec(position.symbol).money(won, closed.lots());
        let left = position.volume.without(closed);
        if left.is_none() {
            self.account.positions.remove(at);
        } else {
            self.account.positions[at].volume = left;
        }
    }
}
