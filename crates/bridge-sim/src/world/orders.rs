//! Trade requests of a terminal at its trade server, under the faults that stand.

use warden_bridge::{Order, OrderAction, Outcome, SendId, TradeReply};
use warden_domain::{AccountMode, Facts, Filling, Magic, Span, StopMode, TradeMode, retcode::Retcode};

use super::{Event, World, admission::TIMED_OUT, reports::NO_TERMINAL, sends::CALL_LOST};
use crate::{
    account::Account,
    engine::{Desk, Execution, Lots, Position, Terms},
    fault::FaultKind,
    ledger::Reason,
    terminal::Terminal,
};

const NO_CONNECTION: Retcode = Retcode::of(10_031);
const CLIENT_DISABLES_AT: Retcode = Retcode::of(10_027);
const SERVER_DISABLES_AT: Retcode = Retcode::of(10_026);
const TRADE_DISABLED: Retcode = Retcode::of(10_017);
const TIMEOUT: Retcode = Retcode::of(10_012);

impl World {
    /// `order_send`.
    pub(super) fn order(&mut self, at: usize, order: &Order) -> (Outcome, Facts) {
        if !self.terminals[at].alive {
            return self.failed(at, NO_TERMINAL);
        }
        if let Err(retcode) = may_send(&self.terminals[at]) {
            return self.refused(at, retcode);
        }
        if self.strikes(at, FaultKind::LostRequest) {
            return self.failed(at, TIMED_OUT);
        }
        let delayed = |kind| if let FaultKind::DelayedExecution(by) = kind { Some(by) } else { None };
        if let Some(by) = self.terminals[at].spend(delayed) {
            let arrives = Event::OrderArrives(self.account_at(at), Box::new(order.clone()));
            self.queue.push(self.now.after(by), arrives);
            return self.answered(at, TIMEOUT, TradeReply::default());
        }
        if let (OrderAction::Deal(side), true) = (order.action, self.suffers(at, FaultKind::Lookalike)) {
            self.strikes(at, FaultKind::Lookalike);
            self.twin(at, side, order);
        }
        let execution = self.carry_out(at, order);
        self.answer_to(at, execution)
    }

    /// How the call ends for the gateway, whatever the trade server did.
    fn answer_to(&mut self, at: usize, execution: Execution) -> (Outcome, Facts) {
        if self.strikes(at, FaultKind::CrashAfterOrder) {
            self.terminal_dies(at);
            return self.failed(at, CALL_LOST);
        }
        if self.strikes(at, FaultKind::LostResult) {
            return self.failed(at, TIMED_OUT);
        }
        let other = |kind| if let FaultKind::ExecutedAs(number) = kind { Some(number) } else { None };
        if let Some(number) = self.terminals[at].spend(other) {
            return self.answered(at, Retcode::of(number), TradeReply::default());
        }
        self.answered(at, execution.retcode, execution.reply)
    }

    fn answered(&self, at: usize, retcode: Retcode, reply: TradeReply) -> (Outcome, Facts) {
        let (retcode, ticket) = (Some(retcode.number()), reply.order != 0);
        (Outcome::Trade(reply), Facts { retcode, ticket, ..self.observed(at) })
    }

    pub(super) fn refused(&self, at: usize, retcode: Retcode) -> (Outcome, Facts) {
        (Outcome::Failed, Facts { retcode: Some(retcode.number()), ..self.observed(at) })
    }

    /// A trade request that was under way comes to the trade server after all.
    pub(super) fn order_arrives(&mut self, account: usize, order: &Order) {
        self.carry_out(account, order);
        self.report_changes(account);
    }

    fn carry_out(&mut self, at: usize, order: &Order) -> Execution {
        let terms = self.terms(at);
        self.at_desk(at, terms, |desk| desk.execute(order))
    }

    /// Closes what the installation has open, trade by trade; the first refusal is told. What a person, another program or
    /// another installation opened stays (TRD-8).
    pub(super) fn close_trades(&mut self, at: usize, mode: StopMode, installation: u16) -> (Outcome, Facts) {
        if !self.terminals[at].alive {
            return self.failed(at, NO_TERMINAL);
        }
        let mut refused = None;
        for request in self.closing(at, mode, installation) {
            let retcode = match may_send(&self.terminals[at]) {
                Err(retcode) => retcode,
                Ok(()) => self.carry_out(at, &request).retcode,
            };
            refused = refused.or((retcode != Retcode::DONE).then_some(retcode));
        }
        match refused {
            None => (Outcome::Done, self.observed(at)),
            Some(retcode) => self.refused(at, retcode),
        }
    }

    /// The requests that close what the installation has open, as the gateway makes them by itself.
    fn closing(&self, at: usize, mode: StopMode, installation: u16) -> Vec<Order> {
        let ours = |magic| Magic::from_number(magic).is_ok_and(|magic| magic.parts().0 == installation);
        let account = &self.accounts[self.account_at(at)];
        let close = |position: &Position| {
            let spec = self.market.spec(position.symbol);
            let part: Lots = match account.mode {
                AccountMode::Hedging => position.volume,
                // Others may have a part in it: ours is what our deals came to.
                AccountMode::Netting => account.history.part_of(position, ours),
            };
            let action = OrderAction::Close { position: position.ticket };
            let filling = spec.filling.first();
            (!part.is_none()).then(|| Order {
                filling,
                volume: part.lots(),
                ..request(position.magic, action)
            })
        };
        let is_ours = |position: &&Position| ours(position.magic) || account.mode == AccountMode::Netting;
        let positions = account.positions.iter().filter(is_ours).filter_map(close);
        let orders = account.orders.iter().filter(|o| ours(o.origin.magic));
        let orders = orders.map(|o| request(o.origin.magic, OrderAction::Cancel { order: o.ticket }));
        match mode {
            StopMode::Close => positions.chain(orders).collect(),
            StopMode::CancelPending => orders.collect(),
            StopMode::Preserve => Vec::new(),
        }
    }

    /// Looks at the prices for every account that waits for them.
    pub(super) fn prices_move(&mut self) {
        self.ticking = false;
        let waiting: Vec<usize> = self.waiting.iter().copied().collect();
        for at in waiting {
            let terms = self.standing_terms(at, Reason::Trigger);
            if self.of_account(at, terms, |desk| desk.prices_moved()) {
                self.report_changes(at);
            }
        }
        self.watch_prices();
    }

    /// Plans the next look at the prices, where any account waits for them.
    fn watch_prices(&mut self) {
        if !self.ticking && !self.waiting.is_empty() {
            self.ticking = true;
            self.queue.push(self.now.after(self.settings.tick), Event::PricesMove);
        }
    }

    /// The account that a terminal trades on.
    pub(super) fn account_at(&self, at: usize) -> usize {
        self.terminals[at].session.unwrap_or(self.terminals[at].account)
    }

    fn at_desk<T>(&mut self, at: usize, terms: Terms, act: impl FnOnce(&mut Desk<'_>) -> T) -> T {
        self.of_account(self.account_at(at), terms, act)
    }

    /// Does something at the trade server's desk.
    pub(super) fn of_account<T>(
        &mut self,
        at: usize,
        terms: Terms,
        act: impl FnOnce(&mut Desk<'_>) -> T,
    ) -> T {
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
        let account: &mut Account = &mut self.accounts[at];
        account.state = stored;
        if account.waits_for_prices() {
            self.waiting.insert(at);
            self.watch_prices();
        } else {
            self.waiting.remove(&at);
        }
        done
    }

    pub(super) fn suffers(&self, at: usize, kind: FaultKind) -> bool {
        self.terminals[at].suffers(kind)
    }

    /// Whether a fault of this kind stands; it is used, once.
    pub(super) fn strikes(&mut self, at: usize, kind: FaultKind) -> bool {
        self.terminals[at].spend(|standing| (standing == kind).then_some(())).is_some()
    }

    /// The faults that stand, as the terms of what nobody requests.
    pub(super) fn standing_terms(&self, at: usize, by: Reason) -> Terms {
        let terminal = &self.terminals[at];
        if terminal.faults.is_empty() {
            return Terms::of(by);
        }
        Terms {
            misfire: terminal.suffers(FaultKind::SlTpMisfire),
            closed: terminal.suffers(FaultKind::SessionClosed),
            mode: terminal.suffers(FaultKind::CloseOnly).then_some(TradeMode::CloseOnly),
            shown_after: terminal.faults.iter().find_map(|fault| late(fault.kind)).unwrap_or_default(),
            ..Terms::of(by)
        }
    }

    /// The faults that stand, as the terms of one request; those that befall one call are used up.
    fn terms(&mut self, at: usize) -> Terms {
        let terms = self.standing_terms(at, Reason::Client);
        if self.terminals[at].faults.is_empty() {
            return terms;
        }
        self.terminals[at].spend(late);
        let (requote, changed) =
            (self.strikes(at, FaultKind::Requote), self.strikes(at, FaultKind::PriceChanged));
        let rejected = |kind| if let FaultKind::Reject(number) = kind { Some(number) } else { None };
        let rejected = self.terminals[at].spend(rejected).map(Retcode::of);
        let slippage = |kind| if let FaultKind::Slippage(by) = kind { Some(by) } else { None };
        let slippage = i64::from(self.terminals[at].spend(slippage).unwrap_or(0));
        let refuse = rejected
            .or(requote.then_some(Retcode::of(10_004)))
            .or(changed.then_some(Retcode::of(10_020)))
            .or_else(|| self.limited(at))
            .or_else(|| self.closed(at));
        let (fill, rest) = match self.part(at) {
            None => (None, None),
            Some((percent, fills)) => {
                let after = self.latency.span(self.settings.rest);
                (Some(percent), fills.then(|| self.now.after(after)))
            }
        };
        Terms {
            refuse,
            no_quote: self.strikes(at, FaultKind::NoQuotes),
            fill,
            rest,
            slippage,
            twice: self.strikes(at, FaultKind::DuplicateExecution),
            placed: self.strikes(at, FaultKind::Placed10008),
            untagged: self.strikes(at, FaultKind::TagLost),
            ..terms
        }
    }

    /// The part that is filled at once, in percent, and whether the rest ever is.
    fn part(&mut self, at: usize) -> Option<(u8, bool)> {
        let some = |kind| if let FaultKind::PartialFill(part) = kind { Some((part, true)) } else { None };
        let never =
            |kind| if let FaultKind::PartialFillForever(part) = kind { Some((part, false)) } else { None };
        let terminal = &mut self.terminals[at];
        terminal.spend(some).or_else(|| terminal.spend(never))
    }
}

fn late(kind: FaultKind) -> Option<Span> {
    if let FaultKind::LateHistory(by) = kind { Some(by) } else { None }
}

/// Whether the terminal lets a request out, and the server takes requests of programs.
pub(super) fn may_send(terminal: &Terminal) -> Result<(), Retcode> {
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

/// A request that no supervisor sent.
pub(super) fn request(magic: u64, action: OrderAction) -> Order {
    Order {
        action,
        send: SendId { magic, attempt: 0 },
        symbol: String::new(),
        volume: 0.0,
        price: 0.0,
        stop_loss: 0.0,
        take_profit: 0.0,
        deviation: 0,
        filling: None::<Filling>,
        comment: String::new(),
    }
}
