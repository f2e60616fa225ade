use std::collections::{BTreeMap, BTreeSet};

use warden_bridge::SendId;
use warden_bridge_sim::{EntryKind, LedgerEntry, Reason};
use warden_domain::{Side, Timestamp};

/// The broker's ledger, read line by line: what each send made, and what is open.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Lines that were read.
    pub(crate) read: usize,
    accounts: BTreeMap<u64, Account>,
}

/// One account, in units of a hundred-millionth of a lot.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// What each intent made, by its tag.
    pub(crate) made: BTreeMap<u64, Made>,
    /// What is open of each position, by its identifier; below zero when it is sold.
    pub(crate) positions: BTreeMap<u64, Open>,
    /// Pending orders, by their tickets.
    pub(crate) orders: BTreeMap<u64, u64>,
    /// Something was there before the world began.
    pub(crate) found: bool,
    /// Symbols in which others dealt too, or in which nothing says whose a deal is.
    pub(crate) mixed: BTreeSet<String>,
    /// The position that the last line concerned, as it was before.
    before: Option<(u64, Open)>,
    /// The intent of the pending order that the last line concerned: zero when it is of others.
    placed_by: Option<u64>,
}

/// A position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) symbol: String,
    /// Of the deal that opened it.
    pub(crate) magic: u64,
    /// The intent whose send opened it, whatever the broker remembers of its tag.
    pub(crate) intent: u64,
    /// The broker made it once more by itself, and forgot the tag: nothing says whose it is, so it is nobody's (TRD-8).
    pub(crate) nameless: bool,
    pub(crate) volume: i64,
    /// What our sends bought to open in it, and did not sell back.
    pub(crate) bought: i64,
    /// What our sends sold to open in it, and did not buy back.
    pub(crate) sold: i64,
    /// Our sends dealt in it.
    pub(crate) has_ours: bool,
    /// Since when it is there; before the world began without it.
    pub(crate) since: Option<Timestamp>,
    /// Since when it is larger than what is ours of it.
    pub(crate) shared_since: Option<Timestamp>,
}

impl Open {
    /// A deal in it, below zero when it is sold.
    fn take_in(&mut self, entry: &LedgerEntry, signed: i64) {
        self.volume += signed;
        // A stop is carried out by the gateway itself, without a send (ACC-7).
        if entry.send.is_some() || entry.reason == Reason::Client {
            let opens = entry.asked > 0.0;
            self.has_ours = true;
            match (entry.side, opens) {
                (Side::Buy, true) => self.bought += signed,
                (Side::Sell, true) => self.sold -= signed,
                (Side::Buy, false) => self.sold -= signed,
                (Side::Sell, false) => self.bought += signed,
            }
        }
        let ours = if self.volume > 0 { self.bought } else { self.sold };
        self.shared_since = match self.shared_since {
            _ if self.volume.abs() <= ours => None,
            known @ Some(_) => known,
            None => Some(entry.time),
        };
    }
}

/// What the sends of one intent made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    /// Orders that each send made, the broker's own repetitions apart.
    pub(crate) orders: BTreeMap<u32, BTreeSet<u64>>,
    /// What its sends opened.
    pub(crate) opened: i64,
    /// The most that one of them asked for.
    pub(crate) asked: i64,
    /// Orders that the broker made once more by itself, of each send.
    pub(crate) repeated: BTreeSet<u64>,
    /// Those of them that carry its tag.
    pub(crate) repeated_by_tag: BTreeSet<u64>,
    /// What those opened.
    pub(crate) opened_by_repetition: i64,
    /// What of that carries no tag of the intent: nothing says that it is of the intent.
    pub(crate) nameless: i64,
    /// What of that its own sends opened.
    pub(crate) nameless_parts: i64,
    /// Positions that its deals made, or added to.
    pub(crate) positions: BTreeSet<u64>,
    /// Something that it made carries its tag: a look proves it, and nobody has to be asked.
    pub(crate) tagged: bool,
    /// Worst prices of what was opened, in hundred-millionths.
    pub(crate) lowest: i64,
    pub(crate) highest: i64,
}

/// In hundred-millionths.
pub(crate) fn units(value: f64) -> i64 {
    (value * 1e8).round() as i64
}

impl Books {
    pub(crate) fn account(&self, login: u64) -> Option<&Account> {
        self.accounts.get(&login)
    }

    /// A position that was there before the world began, with so many units; below zero when it is sold.
    pub(crate) fn found(&mut self, login: u64, position: u64, volume: i64) {
        let account = self.accounts.entry(login).or_default();
        account.found = true;
        account.positions.insert(position, Open { volume, ..Open::default() });
    }

    /// Takes a line in.
    pub(crate) fn take_in(&mut self, entry: &LedgerEntry) {
        self.read += 1;
        let account = self.accounts.entry(entry.login.number()).or_default();
        account.take_in(entry);
    }
}

impl Account {
    /// A position, as it was before the last line that was read.
    pub(crate) fn before(&self, position: u64) -> Option<&Open> {
        self.before.as_ref().filter(|(known, _)| *known == position).map(|(_, open)| open)
    }

    /// The intent of the pending order of the last line that was read; zero when it is of others.
    pub(crate) fn placed_by(&self) -> Option<u64> {
        self.placed_by
    }

    fn take_in(&mut self, entry: &LedgerEntry) {
        self.before = self.positions.get(&entry.position).map(|open| (entry.position, open.clone()));
        self.placed_by = self.orders.get(&entry.order).copied();
        let of_others = entry.send.is_none() && entry.reason != Reason::Client;
        if entry.kind == EntryKind::Deal && (of_others || is_nameless(entry)) {
            self.mixed.insert(entry.symbol.clone());
        }
        if let Some(send) = entry.send {
            self.made.entry(send.magic).or_default().take_in(send, entry);
        }
        match entry.kind {
            EntryKind::Deal => self.deal(entry),
            EntryKind::Placed => {
                self.orders.insert(entry.order, entry.send.map_or(0, |send| send.magic));
            }
            EntryKind::Cancelled => {
                self.orders.remove(&entry.order);
            }
            EntryKind::Modified | EntryKind::Protected => {}
        }
    }

    fn deal(&mut self, entry: &LedgerEntry) {
        if entry.reason == Reason::Trigger {
            self.orders.remove(&entry.order);
        }
        let signed = match entry.side {
            Side::Buy => units(entry.volume),
            Side::Sell => -units(entry.volume),
        };
        let position = self.positions.entry(entry.position).or_insert_with(|| Open {
            symbol: entry.symbol.clone(),
            magic: entry.magic,
            intent: entry.send.map_or(0, |send| send.magic),
            nameless: is_nameless(entry),
            since: Some(entry.time),
            ..Open::default()
        });
        position.take_in(entry, signed);
        if position.volume == 0 {
            self.positions.remove(&entry.position);
        }
    }
}

/// The broker did not keep the tag of what it executed once more by itself, or in part: nothing says whose it is, unless an
/// answer named it.
fn is_nameless(entry: &LedgerEntry) -> bool {
    let unlike = entry.repeated || units(entry.volume) != units(entry.asked);
    unlike && entry.send.is_some_and(|send| send.magic != entry.magic)
}

impl Made {
    fn take_in(&mut self, send: SendId, entry: &LedgerEntry) {
        let makes = matches!(entry.kind, EntryKind::Deal | EntryKind::Placed);
        if !makes {
            return;
        }
        if entry.kind == EntryKind::Deal {
            self.positions.insert(entry.position);
        }
        self.tagged |= entry.magic == send.magic;
        if entry.repeated {
            self.repeated.insert(entry.order);
            if entry.magic == send.magic {
                self.repeated_by_tag.insert(entry.order);
            }
            if entry.kind == EntryKind::Deal && entry.asked > 0.0 {
                let volume = units(entry.volume);
                self.opened_by_repetition += volume;
                self.nameless += if is_nameless(entry) { volume } else { 0 };
            }
            return;
        }
        self.orders.entry(send.attempt).or_default().insert(entry.order);
        self.asked = self.asked.max(units(entry.asked));
        if entry.kind == EntryKind::Deal && entry.asked > 0.0 {
            self.opened += units(entry.volume);
            if is_nameless(entry) {
                self.nameless += units(entry.volume);
                self.nameless_parts += units(entry.volume);
            }
            let price = units(entry.price);
            self.lowest = if self.lowest == 0 { price } else { self.lowest.min(price) };
            self.highest = self.highest.max(price);
        }
    }
}
