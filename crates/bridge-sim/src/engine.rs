//! The trade server's order engine: from a trade request to a retcode, positions, orders and deals.

mod book;
mod check;
mod close;
mod code;
mod history;
mod market;
mod pending;
mod protect;
mod quote;
mod trigger;
mod types;

pub(crate) use code::Refused;
pub(crate) use history::{Dealt, Ended, History};
pub use quote::Market;
pub(crate) use types::{Lots, PendingKind, PendingOrder, Position, Stops, Terms, sign};

use types::Origin;
use warden_bridge::{DealEntry, Order, OrderAction, TradeReply};
use warden_domain::{Side, Span, Timestamp, retcode::Retcode};

use crate::{
    account::{Account, AccountState},
    ledger::{EntryKind, Ledger, LedgerEntry, Reason},
};

/// One account at the trade server's desk, with all it takes to execute a request.
pub(crate) struct Desk<'a> {
    pub(crate) account: &'a mut Account,
    /// The next ticket of the trade server.
    pub(crate) tickets: &'a mut u64,
    pub(crate) market: &'a Market,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) now: Timestamp,
    /// Since the world began, for the prices.
    pub(crate) elapsed: Span,
    /// Under which conditions.
    pub(crate) terms: Terms,
}

/// How a request ended at the trade server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Execution {
    pub(crate) retcode: Retcode,
    pub(crate) reply: TradeReply,
}

impl Desk<'_> {
    /// Executes a trade request; every refusal is a retcode.
    pub(crate) fn execute(&mut self, order: &Order) -> Execution {
        let result = self.admitted().and_then(|()| match order.action {
            OrderAction::Deal(side) => self.market(order, side),
            OrderAction::Place(side, pending) => self.pending(order, side, pending),
            OrderAction::Protect { position } => self.protect(order, position),
            OrderAction::Modify { order: ticket } => self.modify(order, ticket),
            OrderAction::Cancel { order: ticket } => self.cancel(order, ticket),
            OrderAction::Close { position } => self.close(order, position),
        });
        match result {
            Ok(execution) => execution,
            Err(Refused(retcode)) => Execution { retcode, reply: TradeReply::default() },
        }
    }

    /// Whether the account may trade at all under the present terms.
    fn admitted(&self) -> Result<(), Refused> {
        let stands = match self.account.state {
            AccountState::Enabled => Ok(()),
            AccountState::Disabled | AccountState::Closed => Err(Refused(code::TRADE_DISABLED)),
        };
        match self.terms.refuse {
            Some(retcode) => stands.and(Err(Refused(retcode))),
            None => stands,
        }
    }

    /// Whose doing a request is; `asked` is what it opens.
    fn origin(&self, order: &Order, asked: Lots) -> Origin {
        let send = (self.terms.by == Reason::Client && order.send.attempt > 0).then_some(order.send);
        let magic = if self.terms.untagged { 0 } else { order.send.magic };
        Origin { magic, send, asked, repeated: false }
    }

    fn ticket(&mut self) -> u64 {
        *self.tickets += 1;
        *self.tickets
    }

    fn record(&mut self, kind: EntryKind, reason: Reason, fill: &Fill, numbers: Numbers) {
        let spec = self.market.spec(fill.symbol);
        self.ledger.add(LedgerEntry {
            time: self.now,
            kind,
            server: self.account.server_name.clone(),
            login: self.account.login,
            magic: fill.origin.magic,
            ticket: numbers.deal,
            order: numbers.order,
            position: numbers.position,
            symbol: spec.name.clone(),
            side: fill.side,
            entry: numbers.entry,
            volume: fill.volume.lots(),
            price: spec.price(fill.price),
            reason,
            send: fill.origin.send,
            asked: fill.origin.asked.lots(),
            repeated: fill.origin.repeated,
        });
    }
}

/// What is bought or sold.
#[derive(Clone, Copy, Debug)]
struct Fill {
    symbol: usize,
    side: Side,
    volume: Lots,
    /// In points.
    price: i64,
    origin: Origin,
    stops: Stops,
}

/// The tickets of a line, and what a deal did to its position.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    deal: u64,
    order: u64,
    position: u64,
    entry: Option<DealEntry>,
}
