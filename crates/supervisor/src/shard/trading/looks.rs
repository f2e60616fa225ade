//! Looks at the broker: one reading under way for an instance at most, shared by everybody who asked.
//!
//! A reading counts from the moment at which it was handed over, by our clock: whatever happened before is in it. Two
//! equal ones make the terminal synchronised; only then does it prove anything. Before that, it says at least what the
//! gateway's inbox knows. For a single trade, what concerns it is to be equal twice: other symbols of the account may be
//! traded meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use warden_bridge::{
    Command, CommandId, Envelope, OpenOrder, OpenPosition, Outcome, SendId, Snapshot, SnapshotQuery,
};
use warden_domain::{Magic, Span, Timestamp};
use warden_policy::{
    Params, Phase,
    trade::{Query, SnapshotId, Synchroniser, TradeEvent, Wait},
};

use super::{
    Trading,
    alike::{digest, digest_for},
    findings::{Asked, findings},
};
use crate::shard::{Shard, Slot};

/// The looks of one instance.
#[derive(Debug)]
pub(super) struct Looks {
    /// Who waits for an answer, in the order asked.
    wanted: BTreeMap<Magic, Wanted>,
    /// Trades that wait for what a reading says of the order or position they name.
    named: BTreeSet<Magic>,
    under_way: Option<UnderWay>,
    sync: Synchroniser,
    /// The newest synchronised reading.
    seen: Option<Seen>,
    /// The terminal was synchronised since it was connected last (SES-1).
    compared: bool,
    /// When the last reading began.
    began_at: Timestamp,
    /// The next reading begins then, if anybody waits for it.
    next_at: Timestamp,
    /// The next reading that nobody asked for.
    regular_at: Timestamp,
    asked: u64,
}

/// Somebody's question.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    query: Query,
    /// Who asked first is answered first.
    turn: u64,
    /// Of what concerns this trade.
    sync: Synchroniser,
}

/// A reading that was handed over.
#[derive(Debug)]
struct UnderWay {
    number: u64,
    began_at: Timestamp,
    gives_up_at: Timestamp,
    asked: Vec<Asked>,
}

/// What a synchronised reading saw open.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) id: SnapshotId,
    pub(super) orders: Vec<OpenOrder>,
    pub(super) positions: Vec<OpenPosition>,
}

impl Default for Looks {
    fn default() -> Self {
        let long_ago = Timestamp::from_millis(0);
        Self {
            wanted: BTreeMap::new(),
            named: BTreeSet::new(),
            under_way: None,
            sync: Synchroniser::default(),
            seen: None,
            compared: false,
            began_at: long_ago,
            next_at: long_ago,
            regular_at: long_ago,
            asked: 0,
        }
    }
}

impl Looks {
    /// The newest synchronised reading.
    pub(super) const fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// Whether a synchronised reading was compared with what is stored since the terminal was connected.
    pub(super) const fn compared(&self) -> bool {
        self.compared
    }

    /// A question; a newer one of the same trade takes its place.
    pub(super) fn want(&mut self, query: Query) {
        self.asked += 1;
        let known = self.wanted.get(&query.magic);
        let turn = known.map_or(self.asked, |known| known.turn);
        let sync = known.map_or_else(Synchroniser::default, |known| known.sync);
        self.wanted.insert(query.magic, Wanted { query, turn, sync });
        // A reading counts only where it began after what it is to prove.
        self.next_at = self.next_at.max(query.after.after(Span::from_millis(1)));
    }

    /// Whether somebody waits for an answer.
    pub(super) fn is_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Whether a trade waits for what it names.
    pub(super) fn name(&mut self, magic: Magic, waits: bool) {
        if waits {
            self.named.insert(magic);
        } else {
            self.named.remove(&magic);
        }
    }

    pub(super) fn unwanted(&mut self, magic: Magic) {
        self.wanted.remove(&magic);
    }

    /// A reading that nobody asked for is due now.
    pub(super) fn soon(&mut self, now: Timestamp) {
        self.regular_at = self.regular_at.min(now);
    }

    /// What was read, or is being read, says nothing any more.
    pub(super) fn lost(&mut self) {
        self.under_way = None;
        self.compared = false;
        self.unsynchronised();
    }

    fn unsynchronised(&mut self) {
        self.sync.lost();
        self.wanted.values_mut().for_each(|wanted| wanted.sync.lost());
    }

    /// Whether what concerns this trade was read alike twice.
    fn alike_for(
        &mut self,
        magic: Magic,
        digest: u64,
        began_at: Timestamp,
        params: &Params,
    ) -> Option<SnapshotId> {
        self.wanted.get_mut(&magic)?.sync.read(digest, began_at, params)
    }

    /// When the driver is to look after it again; `regular` says whether also where nobody asks.
    fn next_wake(&self, regular: bool) -> Option<Timestamp> {
        if let Some(under_way) = &self.under_way {
            return Some(under_way.gives_up_at);
        }
        if !self.wanted.is_empty() || !self.named.is_empty() {
            return Some(self.next_at);
        }
        regular.then(|| self.regular_at.max(self.next_at))
    }
}

impl Trading {
    /// When the next reading is to begin, or the one under way to be given up: what is open is looked at regularly, and
    /// what stands at the broker already is to be known before the first order.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        let desk = &self.desk;
        let first = desk.marks.is_none() && !desk.symbols.is_empty();
        desk.looks.next_wake(first || !desk.waits.at_broker.is_empty())
    }

    /// Whether a reading is due.
    fn look_is_due(&self, now: Timestamp) -> bool {
        self.desk.looks.under_way.is_none() && self.next_look().is_some_and(|at| at <= now)
    }

    /// A reading that was not answered in time is given up.
    pub(super) fn look_is_overdue(&mut self, now: Timestamp, params: &Params) {
        if self.desk.looks.under_way.as_ref().is_some_and(|look| look.gives_up_at <= now) {
            self.look_failed(now, params);
        }
    }

    fn look_failed(&mut self, now: Timestamp, params: &Params) {
        self.desk.looks.under_way = None;
        self.desk.looks.unsynchronised();
        self.desk.looks.next_at = now.after(params.unknown.synchronised_after);
        self.desk.looks.regular_at = now.after(params.look.every);
    }

    /// What is asked for: those that have waited longest, as many as fit.
    fn questions(&self, params: &Params) -> (Vec<Asked>, SnapshotQuery) {
        let mut turns: Vec<(u64, Magic)> =
            self.desk.looks.wanted.iter().map(|(magic, wanted)| (wanted.turn, *magic)).collect();
        turns.sort_unstable();
        turns.truncate(SnapshotQuery::MOST);
        let mut query = SnapshotQuery { newer_than: u64::MAX, ..SnapshotQuery::default() };
        let mut asked = Vec::with_capacity(turns.len());
        for (_, magic) in turns {
            let (Some(wanted), Some(held)) =
                (self.desk.looks.wanted.get(&magic), self.desk.trades.get(&magic))
            else {
                continue;
            };
            let mut question = Asked::of(&wanted.query, &held.trade);
            query.tags.push(magic.number());
            if question.attempt.0 > 0 {
                question.inbox_at = Some(query.sends.len());
                query.sends.push(SendId { magic: magic.number(), attempt: question.attempt.0 });
            }
            if question.looks_alike.is_some() {
                query.newer_than = query.newer_than.min(question.marks.order.min(question.marks.deal));
            }
            if let Some(ticket) = held.trade.past_after() {
                query.newer_than = query.newer_than.min(ticket);
            }
            // The whole life of the trade is to be in it: a look that shows less than is known counts for nothing.
            let age = self.desk.looks.began_at.max(held.trade.intent().accepted_at);
            let age = age.since(held.trade.intent().accepted_at);
            let back = Span::from_millis(wanted.query.back.as_millis().saturating_add(age.as_millis()));
            query.back = query.back.max(back);
            asked.push(question);
        }
        query.back = query.back.max(params.unknown.search_back);
        (asked, query)
    }
}

impl Shard {
    /// Begins a reading where one is due and a gateway can take it.
    pub(super) fn begin_look(&mut self, index: u32, now: Timestamp) {
        let params = self.shared.params.clone();
        let slot = &mut self.slots[index as usize];
        if !slot.is_ours() || !slot.can_look() {
            return;
        }
        slot.trading.look_is_overdue(now, &params);
        if !slot.trading.look_is_due(now) {
            return;
        }
        slot.trading.desk.looks.began_at = now;
        let (asked, query) = slot.trading.questions(&params);
        let number = slot.trading.next_number();
        let gives_up_at = now.after(params.look.answer_within);
        let envelope = Envelope {
            instance: slot.id.clone(),
            epoch: slot.epoch,
            id: CommandId(number),
            deadline: gives_up_at,
            command: Command::Snapshot(query),
        };
        if self.shared.send(envelope) {
            let looks = &mut self.slots[index as usize].trading.desk.looks;
            looks.under_way = Some(UnderWay { number, began_at: now, gives_up_at, asked });
        } else {
            self.slots[index as usize].trading.look_failed(now, &params);
        }
    }

    /// A reading ended; answers whether it was one that is waited for.
    pub(super) fn look_ended(&mut self, index: u32, number: u64, outcome: &Outcome, now: Timestamp) -> bool {
        let params = self.shared.params.clone();
        let slot = &mut self.slots[index as usize];
        let under_way = slot.trading.desk.known().map(|desk| &mut desk.looks.under_way);
        let look = under_way.and_then(|look| look.take_if(|look| look.number == number));
        let Some(look) = look else { return false };
        match outcome {
            Outcome::Snapshot(snapshot) if slot.is_read_by(snapshot) => {
                self.read(index, &look, snapshot, now, &params);
            }
            Outcome::Snapshot(_)
            | Outcome::Done
            | Outcome::Session(_)
            | Outcome::Trade(_)
            | Outcome::Failed
            | Outcome::NotStarted => slot.trading.look_failed(now, &params),
        }
        self.touch(index);
        true
    }

    fn read(&mut self, index: u32, look: &UnderWay, snapshot: &Snapshot, now: Timestamp, params: &Params) {
        let slot = &mut self.slots[index as usize];
        let confirmed = slot.state.phase() == Phase::Up;
        let trading = &mut slot.trading;
        let first = trading.desk.marks.is_none();
        trading.desk.marks.get_or_insert_default();
        trading.raise_marks(snapshot.newest.order, snapshot.newest.deal, snapshot.newest.position);
        let id = trading.desk.looks.sync.read(digest(snapshot), look.began_at, params);
        trading.desk.looks.next_at = look.began_at.after(params.unknown.synchronised_after).max(now);
        trading.desk.looks.regular_at = now.after(params.look.every);
        if id.is_none() && !confirmed {
            // The second of two equal readings is what a session is confirmed on.
            trading.desk.looks.regular_at = trading.desk.looks.next_at;
        }
        trading.compare(snapshot, id.is_some(), now, params);
        if let Some(id) = id {
            let (orders, positions) = (snapshot.orders.clone(), snapshot.positions.clone());
            trading.desk.looks.seen = Some(Seen { id, orders, positions });
            trading.desk.looks.compared = true;
        }
        for asked in &look.asked {
            let trading = &mut self.slots[index as usize].trading;
            let Some(held) = trading.desk.trades.get(&asked.magic) else { continue };
            let digest = digest_for(&held.symbol, asked.magic.number(), snapshot);
            let alike = trading.desk.looks.alike_for(asked.magic, digest, look.began_at, params);
            let id = id.or(alike);
            let Some(held) =
                trading.desk.trades.get(&asked.magic).filter(|held| !trading.is_between(held, snapshot))
            else {
                continue;
            };
            let found = findings(held, asked, snapshot, id, trading);
            let answered = |wanted: &Wanted| id.is_some_and(|id| id.0 > wanted.query.after);
            if trading.desk.looks.wanted.get(&asked.magic).is_some_and(answered) {
                trading.desk.looks.unwanted(asked.magic);
            }
            self.step_trade(index, asked.magic, &TradeEvent::Found(found), now);
        }
        if id.is_some() || first {
            self.wake_for_look(index);
        }
    }

    /// Trades that wait for what a look says: of what they name, or for the first one.
    fn wake_for_look(&mut self, index: u32) {
        let waiting = self.slots[index as usize].trading.desk.waits.waiting.iter();
        let concerned: Vec<Magic> =
            waiting.filter(|(_, wait)| **wait == Wait::Snapshot).map(|(magic, _)| *magic).collect();
        for magic in concerned {
            self.tick_later(index, magic);
        }
    }
}

impl Slot {
    /// Whether a reading can be made, and understood: netting and hedging accounts show the same differently.
    pub(super) fn can_look(&self) -> bool {
        self.is_reached() && self.trading.market.is_some()
    }

    /// Whether a reading is one of the expected account, with its connection.
    fn is_read_by(&self, snapshot: &Snapshot) -> bool {
        let login = self.login.is_some_and(|login| login.number() == snapshot.login);
        login && snapshot.connected && snapshot.server == self.server.as_str()
    }
}
