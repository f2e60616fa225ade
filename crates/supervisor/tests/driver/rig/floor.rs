//! The trading floor behind a scripted terminal: orders, positions, deals and the gateway's inbox, kept exactly.
//!
//! What happens to each request is told beforehand; its ledger is what tests judge by.

use std::collections::{BTreeMap, VecDeque};

use warden_bridge::{
    Deal, DealEntry, Market, OpenOrder, OpenPosition, Order, OrderAction, Outcome, PastOrder, SendId,
    SendState, Snapshot, SnapshotQuery, SymbolNow, Tickets, TradeReply,
};
use warden_domain::{
    AccountMode, Facts, Filling, FillingModes, Lots, Points, Price, Quote, Session, Side, StopMode, TradeMode,
};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It is executed, and the answer says so.
    Executed,
    /// It is executed, and the answer is lost.
    Unheard,
    /// It never arrives.
    Lost,
    /// It arrives and waits in the gateway for ever.
    Stuck,
    /// It is refused with this code.
    Refused(u32),
    /// It is executed, and answered with this code.
    ExecutedAs(u32),
    /// So much of it is filled; the rest is cancelled.
    Part(f64),
    /// It is executed twice.
    Twice,
    /// It is executed, its tag is lost on the way, and so is the answer.
    Untagged,
    /// It is executed, its tag is lost on the way, and the answer names it.
    TagLost,
    /// It is not started.
    NotStarted,
    /// It is executed at so many points worse than the quote.
    Worse(i64),
}

/// One account at its trade server, and the gateway before it.
#[derive(Clone, Debug)]
pub(crate) struct Floor {
    pub(crate) mode: AccountMode,
    pub(crate) symbols: BTreeMap<String, SymbolNow>,
    pub(crate) balance: f64,
    pub(crate) orders: Vec<OpenOrder>,
    pub(crate) positions: Vec<OpenPosition>,
    pub(crate) past_orders: Vec<PastOrder>,
    pub(crate) deals: Vec<Deal>,
    pub(crate) inbox: BTreeMap<SendId, SendState>,
    /// How often each send was executed.
    pub(crate) executed: BTreeMap<SendId, u32>,
    /// What becomes of the next requests; of those that follow, [`Fate::Executed`].
    pub(crate) fates: VecDeque<Fate>,
    /// How many closes asked for more than there was.
    pub(crate) refused_closes: u32,
    /// Readings fail.
    pub(crate) blind: bool,
    pub(crate) watched: Vec<String>,
    next: u64,
}

impl Default for Floor {
    fn default() -> Self {
        let symbols = ["EURUSD", "GBPUSD"].map(|name| (name.to_owned(), symbol(name)));
        Self {
            mode: AccountMode::Hedging,
            symbols: symbols.into(),
            balance: 10_000.0,
            orders: Vec::new(),
            positions: Vec::new(),
            past_orders: Vec::new(),
            deals: Vec::new(),
            inbox: BTreeMap::new(),
            executed: BTreeMap::new(),
            fates: VecDeque::new(),
            refused_closes: 0,
            blind: false,
            watched: Vec::new(),
            next: 1_000,
        }
    }
}

pub(crate) fn lots(text: &str) -> Lots {
    text.parse().unwrap()
}

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn symbol(name: &str) -> SymbolNow {
    SymbolNow {
        name: name.to_owned(),
        point: price("0.00001"),
        tick: price("0.00001"),
        tick_value: 1.0,
        volume_step: lots("0.01"),
        volume_min: lots("0.01"),
        volume_max: lots("50"),
        stops_level: Points(0),
        freeze_level: Points(0),
        filling: FillingModes::of(&[Filling::FillOrKill]),
        trade_mode: TradeMode::Full,
        session: Session::Open,
        quote: Some(Quote { bid: price("1.09990"), ask: price("1.10000") }),
    }
}

impl Floor {
    pub(crate) fn market(&self) -> Market {
        let watched = self.watched.iter().filter_map(|name| self.symbols.get(name)).cloned();
        Market { mode: self.mode, balance: self.balance, equity: self.balance, symbols: watched.collect() }
    }

    pub(crate) fn quote(&mut self, symbol: &str, bid: &str, ask: &str) {
        let symbol = self.symbols.get_mut(symbol).unwrap();
        symbol.quote = Some(Quote { bid: price(bid), ask: price(ask) });
    }

    fn ticket(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// What a request ends with; `None` when it is never heard of.
    pub(crate) fn take(&mut self, order: &Order) -> Option<(Outcome, Facts)> {
        if let Some(SendState::Answered { facts, reply }) = self.inbox.get(&order.send) {
            return Some((reply.map_or(Outcome::Failed, Outcome::Trade), *facts));
        }
        let fate = if self.is_too_large(order) {
            self.refused_closes += 1;
            Fate::Refused(10_038)
        } else {
            self.fates.pop_front().unwrap_or(Fate::Executed)
        };
        let (retcode, reply, heard) = match fate {
            Fate::Lost => return None,
            Fate::Stuck => {
                self.inbox.insert(order.send, SendState::InProgress);
                return None;
            }
            Fate::NotStarted => {
                self.inbox.insert(order.send, SendState::NotStarted);
                return Some((Outcome::NotStarted, Facts::default()));
            }
            Fate::Executed => (10_009, self.execute(order, None, 0), true),
            Fate::Unheard => (10_009, self.execute(order, None, 0), false),
            Fate::Worse(points) => (10_009, self.execute(order, None, points), true),
            Fate::TagLost => {
                let mut bare = order.clone();
                bare.send.magic = 0;
                (10_009, self.execute(&bare, None, 0), true)
            }
            Fate::Part(part) => (10_010, self.execute(order, Some(part), 0), true),
            Fate::Refused(code) => (code, TradeReply::default(), true),
            Fate::ExecutedAs(code) => {
                self.execute(order, None, 0);
                (code, TradeReply::default(), true)
            }
            Fate::Twice => {
                let first = self.execute(order, None, 0);
                self.execute(order, None, 0);
                (10_009, first, true)
            }
            Fate::Untagged => {
                let mut bare = order.clone();
                bare.send.magic = 0;
                let reply = self.execute(&bare, None, 0);
                self.inbox.remove(&bare.send);
                return (reply.order == 0).then_some((Outcome::Failed, Facts::default()));
            }
        };
        let facts = Facts { retcode: Some(retcode), ticket: reply.order > 0, ..Facts::default() };
        if heard {
            self.inbox.insert(order.send, SendState::Answered { facts, reply: Some(reply) });
            return Some((Outcome::Trade(reply), facts));
        }
        // The gateway died before it kept the answer.
        self.inbox.insert(order.send, SendState::Interrupted);
        None
    }

    /// A close of more than the position holds.
    fn is_too_large(&self, order: &Order) -> bool {
        let OrderAction::Close { position } = order.action else { return false };
        let open = self.positions.iter().find(|open| open.ticket == position);
        open.is_some_and(|open| Lots::from_f64(order.volume).unwrap() > open.volume)
    }

    fn execute(&mut self, order: &Order, part: Option<f64>, worse: i64) -> TradeReply {
        *self.executed.entry(order.send).or_default() += 1;
        let volume = Lots::from_f64(part.unwrap_or(order.volume)).unwrap();
        match order.action {
            OrderAction::Deal(side) => self.open(order, side, volume, worse),
            OrderAction::Place(side, _) => self.place(order, side, volume),
            OrderAction::Close { position } => self.close(order, position, volume),
            OrderAction::Cancel { order: ticket } => {
                let at = self.orders.iter().position(|open| open.ticket == ticket).unwrap();
                let open = self.orders.remove(at);
                self.past(open.ticket, open.magic, &open.symbol, open.side, open.volume, 0);
                TradeReply { order: ticket, ..TradeReply::default() }
            }
            OrderAction::Protect { position } => {
                let open = self.positions.iter_mut().find(|open| open.ticket == position).unwrap();
                (open.stop_loss, open.take_profit) = (level(order.stop_loss), level(order.take_profit));
                TradeReply::default()
            }
            OrderAction::Modify { order: ticket } => {
                let open = self.orders.iter_mut().find(|open| open.ticket == ticket).unwrap();
                open.price = Price::from_f64(order.price).unwrap();
                (open.stop_loss, open.take_profit) = (level(order.stop_loss), level(order.take_profit));
                TradeReply { order: ticket, ..TradeReply::default() }
            }
        }
    }

    fn open(&mut self, order: &Order, side: Side, volume: Lots, worse: i64) -> TradeReply {
        let quote = self.symbols[&order.symbol].quote.unwrap();
        let points = Points(if side == Side::Buy { worse } else { -worse });
        let at = quote.of(side).plus_points(points, price("0.00001")).unwrap();
        let ticket = self.ticket();
        let shared = self.positions.iter().position(|open| open.symbol == order.symbol);
        let position = match (self.mode, shared) {
            (AccountMode::Netting, Some(at)) => self.join(at, side, volume),
            (AccountMode::Netting | AccountMode::Hedging, _) => {
                self.positions.push(OpenPosition {
                    ticket,
                    magic: order.send.magic,
                    symbol: order.symbol.clone(),
                    side,
                    volume,
                    price: at,
                    stop_loss: level(order.stop_loss),
                    take_profit: level(order.take_profit),
                });
                ticket
            }
        };
        let asked = Lots::from_f64(order.volume).unwrap();
        self.past(ticket, order.send.magic, &order.symbol, side, asked, position);
        let deal =
            self.deal(ticket, position, order.send.magic, &order.symbol, side, DealEntry::In, volume, at);
        TradeReply { deal, order: ticket, volume: volume.to_f64(), price: at.to_f64() }
    }

    fn join(&mut self, at: usize, side: Side, volume: Lots) -> u64 {
        let open = &mut self.positions[at];
        if open.side == side {
            open.volume = open.volume.plus(volume).unwrap();
            return open.ticket;
        }
        let left = open.volume.minus(volume).unwrap();
        assert!(left >= Lots::ZERO, "no test turns a position");
        open.volume = left;
        let ticket = open.ticket;
        if left == Lots::ZERO {
            self.positions.remove(at);
        }
        ticket
    }

    fn place(&mut self, order: &Order, side: Side, volume: Lots) -> TradeReply {
        let ticket = self.ticket();
        self.orders.push(OpenOrder {
            ticket,
            magic: order.send.magic,
            symbol: order.symbol.clone(),
            side,
            volume,
            price: Price::from_f64(order.price).unwrap(),
            stop_loss: level(order.stop_loss),
            take_profit: level(order.take_profit),
        });
        TradeReply { order: ticket, ..TradeReply::default() }
    }

    fn close(&mut self, order: &Order, position: u64, volume: Lots) -> TradeReply {
        let at = self.positions.iter().position(|open| open.ticket == position).unwrap();
        let (side, symbol) = (self.positions[at].side.opposite(), self.positions[at].symbol.clone());
        self.join(at, side, volume);
        let (ticket, at) = (self.ticket(), self.symbols[&symbol].quote.unwrap().of(side));
        self.past(ticket, order.send.magic, &symbol, side, volume, position);
        let deal = self.deal(ticket, position, order.send.magic, &symbol, side, DealEntry::Out, volume, at);
        self.balance += 1.0;
        TradeReply { deal, order: ticket, volume: volume.to_f64(), price: at.to_f64() }
    }

    /// A person, or the trade server itself, closes a position.
    pub(crate) fn closed_by_hand(&mut self, position: u64) {
        let at = self.positions.iter().position(|open| open.ticket == position).unwrap();
        let open = self.positions.remove(at);
        let (ticket, side) = (self.ticket(), open.side.opposite());
        self.deal(ticket, position, 0, &open.symbol, side, DealEntry::Out, open.volume, open.price);
        self.balance -= 5.0;
    }

    /// What a gateway does before a stop: it deals with what carries the installation's tag.
    pub(crate) fn close_all(&mut self, mode: StopMode, installation: u16) {
        let ours = |magic: u64| magic >> 38 == u64::from(installation);
        self.orders.retain(|open| !ours(open.magic));
        while mode == StopMode::Close
            && let Some(open) = self.positions.iter().find(|open| ours(open.magic))
        {
            self.closed_by_hand(open.ticket);
        }
    }

    /// A person opens a position.
    pub(crate) fn opened_by_hand(&mut self, symbol: &str, side: Side, volume: &str) -> u64 {
        self.opened_by(0, symbol, side, volume)
    }

    /// Somebody else opens a position: another program, or a person, whose `magic` is 0.
    pub(crate) fn opened_by(&mut self, magic: u64, symbol: &str, side: Side, volume: &str) -> u64 {
        let ticket = self.ticket();
        let at = self.symbols[symbol].quote.unwrap().of(side);
        self.positions.push(OpenPosition {
            ticket,
            magic,
            symbol: symbol.to_owned(),
            side,
            volume: lots(volume),
            price: at,
            stop_loss: None,
            take_profit: None,
        });
        self.past(ticket, magic, symbol, side, lots(volume), ticket);
        self.deal(ticket, ticket, magic, symbol, side, DealEntry::In, lots(volume), at);
        ticket
    }

    /// A resting order is filled.
    pub(crate) fn trigger(&mut self, ticket: u64) {
        let at = self.orders.iter().position(|open| open.ticket == ticket).unwrap();
        let OpenOrder { magic, symbol, side, volume, price, stop_loss, take_profit, .. } =
            self.orders.remove(at);
        let shared = self.positions.iter().position(|open| open.symbol == symbol);
        let position = match (self.mode, shared) {
            (AccountMode::Netting, Some(at)) => self.join(at, side, volume),
            (AccountMode::Netting | AccountMode::Hedging, _) => {
                let symbol = symbol.clone();
                let open =
                    OpenPosition { ticket, magic, symbol, side, volume, price, stop_loss, take_profit };
                self.positions.push(open);
                ticket
            }
        };
        self.past(ticket, magic, &symbol, side, volume, position);
        self.deal(ticket, position, magic, &symbol, side, DealEntry::In, volume, price);
    }

    fn past(&mut self, ticket: u64, magic: u64, symbol: &str, side: Side, volume: Lots, position: u64) {
        let symbol = symbol.to_owned();
        self.past_orders.push(PastOrder { ticket, magic, symbol, side, volume, position });
    }

    #[expect(clippy::too_many_arguments, reason = "a deal has so many sides")]
    fn deal(
        &mut self,
        order: u64,
        position: u64,
        magic: u64,
        symbol: &str,
        side: Side,
        entry: DealEntry,
        volume: Lots,
        price: Price,
    ) -> u64 {
        let (ticket, symbol) = (self.ticket(), symbol.to_owned());
        self.deals.push(Deal { ticket, order, position, magic, symbol, side, entry, volume, price });
        ticket
    }

    pub(crate) fn snapshot(&self, query: &SnapshotQuery, login: u64, server: &str) -> Outcome {
        if self.blind {
            return Outcome::Failed;
        }
        let asked = |magic: u64, ticket: u64| query.tags.contains(&magic) || ticket > query.newer_than;
        let opened: Vec<u64> = self
            .deals
            .iter()
            .filter(|deal| query.tags.contains(&deal.magic) && deal.entry == DealEntry::In)
            .map(|deal| deal.position)
            .collect();
        let closes = |deal: &Deal| deal.entry != DealEntry::In && opened.contains(&deal.position);
        let deals = self.deals.iter().filter(|deal| asked(deal.magic, deal.ticket) || closes(deal));
        let past = self.past_orders.iter().filter(|order| asked(order.magic, order.ticket));
        let newest = |tickets: &mut dyn Iterator<Item = u64>| tickets.max().unwrap_or(0);
        let state = |send: &SendId| self.inbox.get(send).copied().unwrap_or(SendState::Unseen);
        let waiting = self.inbox.values().filter(|state| **state == SendState::InProgress).count();
        Outcome::Snapshot(Box::new(Snapshot {
            login,
            server: server.to_owned(),
            connected: true,
            orders: self.orders.clone(),
            positions: self.positions.clone(),
            past_orders: past.cloned().collect(),
            deals: deals.cloned().collect(),
            newest: Tickets {
                order: newest(
                    &mut self
                        .past_orders
                        .iter()
                        .map(|o| o.ticket)
                        .chain(self.orders.iter().map(|o| o.ticket)),
                ),
                deal: newest(&mut self.deals.iter().map(|deal| deal.ticket)),
                position: newest(&mut self.deals.iter().map(|deal| deal.position)),
            },
            sends: query.sends.iter().map(state).collect(),
            waiting: u32::try_from(waiting).unwrap(),
        }))
    }
}

fn level(price: f64) -> Option<Price> {
    (price > 0.0).then(|| Price::from_f64(price).unwrap())
}
