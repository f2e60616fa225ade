//! What a terminal shows of its account: open orders, positions, history.

use std::collections::HashSet;

use warden_bridge::{DealEntry, OpenOrder, OpenPosition, Outcome, Snapshot, SnapshotQuery, Tickets};
use warden_domain::{Facts, Price, Timestamp};

use super::{World, reports::NO_TERMINAL, sends::CALL_LOST};
use crate::{
    engine::{Dealt, Ended, PendingOrder, Position, Stops},
    fault::FaultKind,
    symbol::SymbolSpec,
    terminal::{Memory, Shown},
};

impl World {
    /// Everything that was asked for, or nothing.
    pub(super) fn snapshot(&mut self, at: usize, query: &SnapshotQuery) -> (Outcome, Facts) {
        if !self.terminals[at].alive {
            return self.failed(at, NO_TERMINAL);
        }
        if self.strikes(at, FaultKind::QueryFails) {
            return self.failed(at, CALL_LOST);
        }
        let snapshot = Box::new(self.read(at, query));
        (Outcome::Snapshot(snapshot), self.observed(at))
    }

    fn read(&self, at: usize, query: &SnapshotQuery) -> Snapshot {
        let terminal = &self.terminals[at];
        let worker = &terminal.worker;
        let inbox = Snapshot {
            connected: terminal.connected,
            sends: query.sends.iter().map(|send| worker.sends.state(*send, worker.waits(*send))).collect(),
            waiting: worker.orders(),
            ..Snapshot::default()
        };
        let Some(session) = terminal.session else { return inbox };
        let account = &self.accounts[session];
        let shown = self.shown(at, session);
        let from =
            self.now.as_millis().saturating_sub(i64::try_from(query.back.as_millis()).unwrap_or(i64::MAX));
        let past = Past::of(shown, query, Timestamp::from_millis(from), self.now);
        Snapshot {
            login: account.login.number(),
            server: account.server_name.as_str().to_owned(),
            orders: shown.orders.iter().map(|order| self.open_order(order)).collect(),
            positions: shown.positions.iter().map(|position| self.open_position(position)).collect(),
            past_orders: past.orders.iter().map(|order| order.told(&self.market)).collect(),
            deals: past.deals.iter().map(|deal| deal.told(&self.market)).collect(),
            newest: past.newest,
            ..inbox
        }
    }

    /// What a terminal shows of the account that is logged in.
    pub(super) fn shown(&self, at: usize, account: usize) -> Shown<'_> {
        let memory = self.terminals[at].memory.as_ref();
        let stands = |memory: &&Memory| memory.until.is_none_or(|until| self.now < until);
        Shown::of(&self.accounts[account], memory.filter(stands))
    }

    /// The connection is about to be lost: the terminal remembers what it shows.
    pub(super) fn remember(&mut self, at: usize) {
        let Some(session) = self.terminals[at].session.filter(|_| self.terminals[at].connected) else {
            return;
        };
        let now = self.now;
        match &mut self.terminals[at].memory {
            Some(memory) if memory.until.is_some_and(|until| now < until) => memory.until = None,
            Some(_) | None => self.terminals[at].memory = Some(Memory::of(&self.accounts[session])),
        }
    }

    /// The terminal is let in: it forgets what it remembers, unless a fault keeps it from that for a while.
    pub(super) fn refresh(&mut self, at: usize, account: usize) {
        let stale = |kind| if let FaultKind::StaleMemory(span) = kind { Some(span) } else { None };
        let stale = self.terminals[at].spend(stale);
        let memory = self.terminals[at].memory.take();
        self.terminals[at].memory = stale.map(|span| {
            let memory = memory.unwrap_or_else(|| Memory::of(&self.accounts[account]));
            memory.shown_until(self.now.after(span))
        });
    }

    fn open_order(&self, order: &PendingOrder) -> OpenOrder {
        let spec = self.market.spec(order.symbol);
        let (stop_loss, take_profit) = told(spec, order.stops);
        OpenOrder {
            ticket: order.ticket,
            magic: order.origin.magic,
            symbol: spec.name.clone(),
            side: order.side,
            volume: order.volume.told(),
            price: spec.told(order.price),
            stop_loss,
            take_profit,
        }
    }

    fn open_position(&self, position: &Position) -> OpenPosition {
        let spec = self.market.spec(position.symbol);
        let (stop_loss, take_profit) = told(spec, position.stops);
        OpenPosition {
            ticket: position.ticket,
            magic: position.magic,
            symbol: spec.name.clone(),
            side: position.side,
            volume: position.volume.told(),
            price: spec.told(position.price),
            stop_loss,
            take_profit,
        }
    }
}

fn told(spec: &SymbolSpec, stops: Stops) -> (Option<Price>, Option<Price>) {
    let price = |points| (points != 0).then(|| spec.told(points));
    (price(stops.loss), price(stops.profit))
}

/// The part of a history that was asked for.
struct Past<'a> {
    orders: Vec<&'a Ended>,
    deals: Vec<&'a Dealt>,
    newest: Tickets,
}

impl<'a> Past<'a> {
    fn of(shown: Shown<'a>, query: &SnapshotQuery, from: Timestamp, now: Timestamp) -> Self {
        let first_order = shown.ended.partition_point(|order| order.time < from);
        let first_deal = shown.deals.partition_point(|deal| deal.time < from);
        let ended = || shown.ended[first_order..].iter().filter(|order| order.shown <= now);
        let dealt = || shown.deals[first_deal..].iter().filter(|deal| deal.shown <= now);

        let asked = |magic: u64, ticket: u64| query.tags.contains(&magic) || ticket > query.newer_than;
        let opens = |deal: &&Dealt| deal.entry != DealEntry::Out && query.tags.contains(&deal.magic);
        let opened: HashSet<u64> = dealt().filter(opens).map(|deal| deal.position).collect();
        let closes = |deal: &Dealt| deal.entry != DealEntry::In && opened.contains(&deal.position);

        let before_orders = first_order.checked_sub(1).map_or(0, |at| shown.ended[at].newest);
        let before = first_deal.checked_sub(1).map(|at| shown.deals[at].newest).unwrap_or_default();
        let open = shown.orders.iter().map(|order| order.ticket);
        let positions = shown.positions.iter().map(|position| position.ticket);
        let newest = Tickets {
            order: ended()
                .map(|order| order.ticket)
                .chain(open)
                .fold(before.order.max(before_orders), u64::max),
            deal: dealt().map(|deal| deal.ticket).fold(before.deal, u64::max),
            position: dealt().map(|deal| deal.position).chain(positions).fold(before.position, u64::max),
        };
        Self {
            orders: ended().filter(|order| asked(order.magic, order.ticket)).collect(),
            deals: dealt().filter(|deal| asked(deal.magic, deal.ticket) || closes(deal)).collect(),
            newest,
        }
    }
}
