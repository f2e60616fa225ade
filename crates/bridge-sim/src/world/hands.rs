//! What people and other programs do on an account.

use warden_bridge::{Order, OrderAction, Pending, SendId};
use warden_domain::Side;

use super::{World, orders::request};
use crate::{fault::FaultKind, ledger::Reason};

/// The `magic` of the other program.
const PROGRAM: u64 = 20_240;
/// So far from the market do people place orders, in points.
const AWAY: i64 = 500;

impl World {
    /// A person opens a position, at once.
    pub(super) fn hand_opens(&mut self, at: usize) {
        self.strikes(at, FaultKind::HandOpens);
        let order = self.opens(at, 0);
        self.by(at, Reason::Hand, &order);
    }

    /// Another program does, with a tag of its own.
    pub(super) fn program_opens(&mut self, at: usize) {
        self.strikes(at, FaultKind::ProgramOpens);
        let order = self.opens(at, PROGRAM);
        self.by(at, Reason::Program, &order);
    }

    /// A person places a pending order.
    pub(super) fn hand_places(&mut self, at: usize) {
        self.strikes(at, FaultKind::HandPlaces);
        let order = self.places(at);
        self.by(at, Reason::Hand, &order);
    }

    /// A person closes the oldest position that is not his own.
    pub(super) fn hand_closes(&mut self, at: usize) {
        self.strikes(at, FaultKind::HandCloses);
        if let Some(order) = self.closes(at) {
            self.by(at, Reason::Hand, &order);
        }
    }

    /// A person makes the same deal as a request.
    pub(super) fn twin(&mut self, at: usize, side: Side, order: &Order) {
        let twin = Order {
            send: SendId { magic: 0, attempt: 0 },
            action: OrderAction::Deal(side),
            comment: String::new(),
            ..order.clone()
        };
        let account = self.account_at(at);
        self.by(account, Reason::Hand, &twin);
    }

    fn by(&mut self, at: usize, by: Reason, order: &Order) {
        let terms = self.standing_terms(at, by);
        self.of_account(at, terms, |desk| desk.execute(order));
        self.report_changes(at);
    }

    fn opens(&mut self, at: usize, magic: u64) -> Order {
        let symbol = self.busiest(at);
        let side = if self.fate.below(2) == 0 { Side::Buy } else { Side::Sell };
        let spec = self.market.spec(symbol);
        Order {
            symbol: spec.name.clone(),
            volume: spec.volume_min.max(0.1),
            filling: spec.filling.first(),
            ..request(magic, OrderAction::Deal(side))
        }
    }

    fn places(&self, at: usize) -> Order {
        let symbol = self.busiest(at);
        let spec = self.market.spec(symbol);
        let quote = self.market.quote(symbol, self.now.since(self.start));
        Order {
            symbol: spec.name.clone(),
            volume: spec.volume_min.max(0.1),
            price: spec.price(quote.ask - AWAY),
            ..request(0, OrderAction::Place(Side::Buy, Pending::Limit))
        }
    }

    fn closes(&self, at: usize) -> Option<Order> {
        let position = self.accounts[at].positions.iter().find(|position| position.magic != 0)?;
        let filling = self.market.spec(position.symbol).filling.first();
        Some(Order { filling, ..request(0, OrderAction::Close { position: position.ticket }) })
    }

    /// The symbol of what came last; the first one where there is nothing.
    fn busiest(&self, at: usize) -> usize {
        let account = &self.accounts[at];
        let positions = account.positions.iter().map(|position| (position.ticket, position.symbol));
        let orders = account.orders.iter().map(|order| (order.ticket, order.symbol));
        positions.chain(orders).max().map_or(0, |(_, symbol)| symbol)
    }
}
