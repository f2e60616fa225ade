//! Trade requests of a terminal, and what prices do to its account.

use warden_bridge::{Order, OrderAction, Outcome};
use warden_domain::{Facts, StopMode, retcode::Retcode};

use super::{Event, World, reports::NO_TERMINAL};
use crate::{
    account::Account,
    engine::{Desk, Terms},
    fault::FaultKind,
    terminal::Terminal,
};

const NO_CONNECTION: Retcode = Retcode::of(10_031);
const CLIENT_DISABLES_AT: Retcode = Retcode::of(10_027);
const SERVER_DISABLES_AT: Retcode = Retcode::of(10_026);
const TRADE_DISABLED: Retcode = Retcode::of(10_017);

impl World {
    /// `order_send`.
    pub(super) fn order(&mut self, at: usize, order: &Order) -> (Outcome, Facts) {
        if !self.terminals[at].alive {
            return self.failed(at, NO_TERMINAL);
        }
        if let Err(retcode) = may_send(&self.terminals[at]) {
            return (Outcome::Failed, Facts { retcode: Some(retcode.number()), ..self.observed(at) });
        }
        let terms = self.terms(at);
        let execution = self.at_desk(at, terms, |desk| desk.execute(order));
        self.watch_prices();
        let ticket = execution.reply.order != 0;
        let facts = Facts { retcode: Some(execution.retcode.number()), ticket, ..self.observed(at) };
        (Outcome::Trade(execution.reply), facts)
    }

    /// Closes what is open, trade by trade; the first refusal is told. What people opened by hand (`magic` 0) stays
    /// (TRD-8).
    pub(super) fn close_trades(&mut self, at: usize, mode: StopMode) -> (Outcome, Facts) {
        if !self.terminals[at].alive {
            return self.failed(at, NO_TERMINAL);
        }
        let account = self.account_of(at);
        let positions = account.positions.iter().filter(|p| p.magic != 0).map(|p| (p.magic, p.ticket));
        let orders = account.orders.iter().filter(|o| o.magic != 0).map(|o| (o.magic, o.ticket));
        let close = |(magic, position)| request(magic, OrderAction::Close { position });
        let cancel = |(magic, order)| request(magic, OrderAction::Cancel { order });
        let requests: Vec<Order> = match mode {
            StopMode::Close => positions.map(close).chain(orders.map(cancel)).collect(),
            StopMode::CancelPending => orders.map(cancel).collect(),
            StopMode::Preserve => Vec::new(),
        };
        let mut refused = None;
        for request in &requests {
            let retcode = match may_send(&self.terminals[at]) {
                Err(retcode) => retcode,
                Ok(()) => {
                    let terms = self.terms(at);
                    self.at_desk(at, terms, |desk| desk.execute(request)).retcode
                }
            };
            refused = refused.or((retcode != Retcode::DONE).then_some(retcode));
        }
        match refused {
            None => (Outcome::Done, self.observed(at)),
            Some(retcode) => {
                (Outcome::Failed, Facts { retcode: Some(retcode.number()), ..self.observed(at) })
            }
        }
    }

    /// Looks at the prices for every account that waits for them.
    pub(super) fn prices_move(&mut self) {
        self.ticking = false;
        for at in 0..self.terminals.len() {
            if self.accounts[at].waits_for_prices() {
                let misfire = self.terminals[at].suffers(FaultKind::SlTpMisfire);
                let terms = Terms { misfire, ..Terms::default() };
                if self.at_desk(at, terms, |desk| desk.prices_moved()) {
                    self.report_changes(at);
                }
            }
        }
        self.watch_prices();
    }

    /// Plans the next look at the prices, where any account waits for them.
    fn watch_prices(&mut self) {
        if !self.ticking && self.accounts.iter().any(Account::waits_for_prices) {
            self.ticking = true;
            self.queue.push(self.now.after(self.settings.tick), Event::PricesMove);
        }
    }

    fn account_of(&self, at: usize) -> &Account {
        &self.accounts[self.terminals[at].session.unwrap_or(self.terminals[at].account)]
    }

    fn at_desk<T>(&mut self, at: usize, terms: Terms, act: impl FnOnce(&mut Desk<'_>) -> T) -> T {
        let at = self.terminals[at].session.unwrap_or(self.terminals[at].account);
        let state = self.account_state(at);
        let account = &mut self.accounts[at];
        let stored = std::mem::replace(&mut account.state, state);
        let mut desk = Desk {
            tickets: &mut self.servers[account.server].tickets,
            account,
            market: &self.market,
            ledger: &mut self.ledger,
            now: self.now,
            elapsed: self.now.since(self.start),
            terms,
        };
        let done = act(&mut desk);
        self.accounts[at].state = stored;
        done
    }

    /// The faults that stand, as the terms of one request; those that befall one call are used up.
    fn terms(&mut self, at: usize) -> Terms {
        let terminal = &mut self.terminals[at];
        let mut has = |kind| terminal.spend(|standing| (standing == kind).then_some(())).is_some();
        let (requote, changed) = (has(FaultKind::Requote), has(FaultKind::PriceChanged));
        let (no_quote, twice) = (has(FaultKind::NoQuotes), has(FaultKind::DuplicateExecution));
        let placed = has(FaultKind::Placed10008);
        let rejected = terminal.spend(|kind| {
            if let FaultKind::Reject(retcode) = kind { Some(Retcode::of(retcode)) } else { None }
        });
        let fill =
            terminal.spend(|kind| if let FaultKind::PartialFill(part) = kind { Some(part) } else { None });
        let slippage =
            terminal.spend(|kind| if let FaultKind::Slippage(by) = kind { Some(by) } else { None });
        let refuse = rejected
            .or(requote.then_some(Retcode::of(10_004)))
            .or(changed.then_some(Retcode::of(10_020)))
            .or_else(|| self.limited(at))
            .or_else(|| self.closed(at));
        let slippage = i64::from(slippage.unwrap_or(0));
        Terms { refuse, no_quote, fill, slippage, twice, placed, misfire: false }
    }
}

/// Whether the terminal lets a request out, and the server takes requests of programs.
fn may_send(terminal: &Terminal) -> Result<(), Retcode> {
    if !terminal.connected || terminal.session.is_none() {
        Err(NO_CONNECTION)
    } else if terminal.suffers(FaultKind::AutotradingOff) {
        Err(CLIENT_DISABLES_AT)
    } else if terminal.suffers(FaultKind::PermissionsRevoked) {
        Err(SERVER_DISABLES_AT)
    } else if terminal.suffers(FaultKind::InvestorMode) {
        Err(TRADE_DISABLED)
    } else {
        Ok(())
    }
}

fn request(magic: u64, action: OrderAction) -> Order {
    Order {
        action,
        magic,
        symbol: String::new(),
        volume: 0.0,
        price: 0.0,
        stop_loss: 0.0,
        take_profit: 0.0,
        deviation: 0,
        comment: String::new(),
    }
}
