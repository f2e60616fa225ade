//! What a deal does to the positions: netting and hedging.

use warden_bridge::DealEntry;
use warden_domain::AccountMode;

use super::{Desk, Fill, Numbers, Position, sign};
use crate::ledger::{EntryKind, Reason};

impl Desk<'_> {
    /// Books a deal of an order: a position of its own on hedging (`own` where a part of the order has opened it), into
    /// the symbol's one on netting.
    pub(super) fn book(&mut self, fill: &Fill, order: u64, own: u64, reason: Reason) -> Numbers {
        let standing = match self.account.mode {
            AccountMode::Hedging => self.account.positions.iter().position(|p| own != 0 && p.id == own),
            AccountMode::Netting => self.account.positions.iter().position(|p| p.symbol == fill.symbol),
        };
        let (position, entry) = match standing {
            None => (self.open(fill, order, order), DealEntry::In),
            Some(at) => self.net(fill, at, order),
        };
        self.booked(fill, Numbers { deal: 0, order, position, entry: Some(entry) }, reason)
    }

    /// Books a deal that closes `fill.volume` of the position with this ticket.
    pub(super) fn book_close(&mut self, fill: &Fill, position: u64, reason: Reason) -> Numbers {
        let order = self.ticket();
        let found = self.account.positions.iter().position(|p| p.ticket == position);
        let id = found.map_or(position, |at| self.account.positions[at].id);
        if let Some(at) = found {
            self.reduce(fill, at);
        }
        let entry = Some(DealEntry::Out);
        let numbers = self.booked(fill, Numbers { deal: 0, order, position: id, entry }, reason);
        self.ended(fill, order, fill.volume, id);
        numbers
    }

    fn booked(&mut self, fill: &Fill, numbers: Numbers, reason: Reason) -> Numbers {
        let numbers = Numbers { deal: self.ticket(), ..numbers };
        self.record(EntryKind::Deal, reason, fill, numbers);
        self.dealt(fill, numbers);
        numbers
    }

    fn open(&mut self, fill: &Fill, ticket: u64, id: u64) -> u64 {
        let Fill { symbol, side, volume, price, origin, stops } = *fill;
        let magic = origin.magic;
        self.account.positions.push(Position { ticket, id, magic, symbol, side, volume, price, stops });
        id
    }

    /// Nets a deal into a position: more of it, less of it, or turned round, which keeps its id and changes its ticket.
    fn net(&mut self, fill: &Fill, at: usize, order: u64) -> (u64, DealEntry) {
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
            return (standing.id, DealEntry::In);
        }
        let rest = fill.volume.without(standing.volume);
        self.reduce(fill, at);
        if rest.is_none() {
            return (standing.id, DealEntry::Out);
        }
        self.open(&Fill { volume: rest, ..*fill }, order, standing.id);
        (standing.id, DealEntry::InOut)
    }

    /// Takes the deal's volume, at most all, out of a position and books what was won.
    fn reduce(&mut self, fill: &Fill, at: usize) {
        let position = self.account.positions[at];
        let closed = fill.volume.min(position.volume);
        let won = sign(position.side) * (fill.price - position.price);
        self.account.balance += self.market.spec(position.symbol).money(won, closed.lots());
        let left = position.volume.without(closed);
        if left.is_none() {
            self.account.positions.remove(at);
        } else {
            self.account.positions[at].volume = left;
        }
    }
}
