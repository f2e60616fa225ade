//! The trade server's order engine: from a trade request to a retcode, positions, orders and deals.

mod book;
mod check;
mod close;
mod code;
mod market;
mod pending;
mod protect;
mod quote;
mod trigger;
mod types;

pub(crate) use code::Refused;
pub use quote::Market;
pub use types::Side;
pub(crate) use types::{Lots, PendingOrder, Position, Stops, Terms};

use warden_bridge::{Order, OrderAction, TradeReply};
use warden_domain::{Span, Timestamp, retcode::Retcode};

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
            OrderAction::Buy => self.market(order, Side::Buy),
            OrderAction::Sell => self.market(order, Side::Sell),
            OrderAction::BuyPending => self.pending(order, Side::Buy),
            OrderAction::SellPending => self.pending(order, Side::Sell),
            OrderAction::Protect { position } => self.protect(order, position),
            OrderAction::Cancel { order } => self.cancel(order),
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
            magic: fill.magic,
            ticket: numbers.deal,
            order: numbers.order,
            position: numbers.position,
            symbol: spec.name.clone(),
            side: fill.side,
            volume: fill.volume.lots(),
            price: spec.price(fill.price),
            reason,
        });
    }
}

/// What is bought or sold.
#[derive(Clone, Copy, Debug)]
struct Fill {
    symbol: usize,
    side: Side,
    volume: types::Lots,
    /// In points.
    price: i64,
    magic: u64,
    stops: Stops,
}

/// The tickets of a deal.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    deal: u64,
    order: u64,
    position: u64,
}
