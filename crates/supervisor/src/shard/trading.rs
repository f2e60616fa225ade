//! The trades of the shard's instances: the trade machine, driven.
//!
//! A trade lives here from its acceptance until its last row is durable and shown. Every step of it is taken in `step`,
//! becomes one journal row, and is carried out only then. What waits for something is indexed by what it
//! waits for: a quote, a gate, a lane or a deadline wakes those that heed it, and nobody else.
//!
//! Everything here follows from journal rows: after a restart `recover` makes it anew (REC-4).

mod accept;
mod act;
mod alerts;
mod alike;
mod compare;
mod context;
mod duplicate;
mod findings;
mod inbox;
mod kept;
mod lazy;
mod looks;
mod market;
mod order;
mod recover;
mod show;
mod step;
mod surroundings;
mod unresolved;
mod waits;
mod watch;
mod wheel;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use warden_domain::{Magic, Price, Ticket, Timestamp, Version};
use warden_policy::{
    Params,
    trade::{Attempt, Marks, Tally, Trade},
};
use warden_store::{SignalKey, TradeShown};

pub(crate) use self::{
    accept::{Accept, NotAccepted},
    inbox::Heard,
    market::{MarketNow, SymbolState},
    recover::TradeRows,
    waits::Figure,
};
use self::{
    alerts::Alerting,
    kept::Kept,
    lazy::{Empty, Lazy},
    looks::Looks,
    waits::Waits,
};
pub(super) use self::{inbox::is_for_trades, surroundings::Surroundings, wheel::of_trades};
use crate::TradeCounts;

/// The trades of one instance, and what is known for them.
///
/// An instance that never had a trade or a watched symbol holds this much and nothing else.
#[derive(Debug)]
pub(crate) struct Trading {
    /// Marks what is ours at the broker (TRD-8).
    installation: u16,
    /// The newest counter that was given out.
    counter: u64,
    /// How often trade rules were troubled.
    tally: Tally,
    market: Option<MarketNow>,
    /// The earliest moment in the shard's wheel.
    armed_at: Timestamp,
    /// The number of the next command.
    next_command: u64,
    /// The symbols that are to be watched changed, or the gateway forgot them.
    watch: Watch,
    /// Unresolved sends, as the instance machine was told; `None` when it was not told since the start.
    told_unresolved: Option<u16>,
    desk: Lazy<Desk>,
}

/// What only an instance with trades or watched symbols has.
#[derive(Debug, Default)]
struct Desk {
    /// Every trade that has not ended, and those whose last row is not yet told and shown.
    trades: BTreeMap<Magic, Box<Held>>,
    /// How many of them have not ended.
    open: usize,
    /// The symbols of the trades, and those that somebody wants to know.
    symbols: BTreeMap<Arc<str>, Box<SymbolState>>,
    /// What the trades wait for.
    waits: Waits,
    deadlines: BTreeSet<(Timestamp, Magic)>,
    /// The newest tickets that were seen at the broker; `None` before the first reading.
    marks: Option<Marks>,
    looks: Looks,
    /// The commands whose answers are taken, by the number on the wire.
    sends: BTreeMap<u64, (Magic, Attempt)>,
    /// The end of a command that the instance machine hears of later.
    kept: Option<Box<Kept>>,
    /// When the gateway is told again what to watch, where it does not answer.
    watch_again_at: Option<Timestamp>,
    /// The gateway has said how the market stands since the terminal is connected.
    market_is_told: bool,
    alerting: Alerting,
    /// Trades that the hot-state store lacks.
    unshown: BTreeSet<Magic>,
    /// Positions and orders of others, as the newest look saw them (TRD-8).
    externals: u32,
}

impl Empty for Desk {
    fn empty() -> &'static Self {
        static EMPTY: LazyLock<Desk> = LazyLock::new(Desk::default);
        &EMPTY
    }
}

/// Whether the gateway knows what to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// It was told with this command, and is told again where no end of that comes.
    Told(u64),
    /// It knows, or there is nothing to know.
    Known,
    /// It is to be told at the end of the turn.
    Due,
    /// Its queue was full: it is told again at this moment.
    Again(Timestamp),
    /// There is no gateway to tell.
    Nobody,
}

/// One trade.
#[derive(Debug)]
struct Held {
    trade: Trade,
    key: SignalKey,
    part: u32,
    symbol: Arc<str>,
    /// Of the newest step.
    version: Version,
    /// What the hot-state store holds of it, as far as is known.
    shown: Option<Box<TradeShown>>,
    /// Stepped in this batch.
    dirty: bool,
    /// A tick is on its way to it.
    ticking: bool,
    /// When it was stepped last.
    stepped_at: Timestamp,
    /// When its last order left, or was about to.
    sent_at: Timestamp,
    /// How it is indexed.
    noted: waits::Noted,
}

/// A trade, as others in the shard see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    /// Its tag.
    pub(crate) magic: Magic,
    /// The signal that asked for it.
    pub(crate) key: &'a SignalKey,
    /// Counts the intents of the signal on this instance, from 1.
    pub(crate) part: u32,
    /// The broker's name of its symbol.
    pub(crate) symbol: &'a str,
    /// How it stands.
    pub(crate) trade: &'a Trade,
}

impl Trading {
    /// Of an instance without trades; its counters begin at `now`, so that a journal that was replaced by an empty one
    /// never gives a tag out twice.
    pub(crate) fn new(installation: u16, now: Timestamp) -> Self {
        Self {
            installation,
            counter: first_counter(now),
            tally: Tally::default(),
            market: None,
            armed_at: Timestamp::MAX,
            next_command: FIRST_COMMAND,
            watch: Watch::Nobody,
            told_unresolved: None,
            desk: Lazy::default(),
        }
    }

    /// How the account and the watched symbols stand; `None` when its gateway has not said so yet.
    pub(crate) const fn market(&self) -> Option<&MarketNow> {
        self.market.as_ref()
    }

    /// The trades that have not ended, in the order of their tags.
    pub(crate) fn trades(&self) -> impl Iterator<Item = Known<'_>> {
        self.desk
            .trades
            .iter()
            .filter(|(_, held)| held.trade.end().is_none())
            .map(|(magic, held)| known(*magic, held))
    }

    /// The trade with this tag: one that has not ended, or that ended in this turn.
    pub(crate) fn trade(&self, magic: Magic) -> Option<Known<'_>> {
        self.desk.trades.get(&magic).map(|held| known(magic, held))
    }

    /// Sees to it that a reading of a trade is begun as soon as may be.
    pub(crate) fn look_at(&mut self, magic: Magic, now: Timestamp, params: &Params) {
        self.ask(magic, now, params);
    }

    /// Where the newest reading that counts saw an order rest, and when that reading began.
    pub(crate) fn seen_resting(&self, order: Ticket) -> Option<(Price, Timestamp)> {
        let seen = self.desk.looks.seen()?;
        let found = seen.orders.iter().find(|open| open.ticket == order.number())?;
        Some((found.price, seen.id.0))
    }

    /// A person has taken over: what troubled the trade rules is over.
    pub(crate) fn forget_troubles(&mut self) {
        self.tally = Tally::default();
    }

    fn held_mut(&mut self, magic: Magic) -> Option<&mut Held> {
        self.desk.known()?.trades.get_mut(&magic).map(Box::as_mut)
    }

    /// How many trades have not ended.
    pub(crate) fn open(&self) -> usize {
        self.desk.open
    }

    /// The figures that people see.
    pub(crate) fn counts(&self) -> TradeCounts {
        let count = |some: usize| u32::try_from(some).unwrap_or(u32::MAX);
        TradeCounts {
            open: count(self.desk.open),
            unknown: count(self.desk.waits.unknown.len()),
            externals: self.desk.externals,
        }
    }
}

fn known(magic: Magic, held: &Held) -> Known<'_> {
    Known { magic, key: &held.key, part: held.part, symbol: &held.symbol, trade: &held.trade }
}

/// Commands for trades have numbers of their own: they never meet those of the instance machine.
const FIRST_COMMAND: u64 = 1 << 63;

/// Ten milliseconds each: no instance is given so many trades for long, so that no later start repeats a counter.
fn first_counter(now: Timestamp) -> u64 {
    (u64::try_from(now.as_millis()).unwrap_or(0) / 10) & Magic::MAX_COUNTER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Slot;

    /// There is a slot for each of 100,000 instances: what is rarely needed belongs behind a pointer.
    #[test]
    fn an_instance_without_trades_takes_little_room() {
        assert!(size_of::<Trading>() <= 96, "{} bytes", size_of::<Trading>());
        assert!(size_of::<Slot>() <= 880, "{} bytes", size_of::<Slot>());
    }

    #[test]
    fn a_gateway_that_comes_and_goes_makes_no_desk() {
        let mut trading = Trading::new(1, Timestamp::from_millis(0));
        trading.gateway_came();
        trading.watch_after_reconnect();
        trading.show_all_again();
        let told = trading.next_number();
        assert!(!trading.watch_ended(told, true, Timestamp::from_millis(1)));
        trading.gateway_went();
        assert_eq!((trading.open(), trading.trades().count(), trading.counts().unknown), (0, 0, 0));
        assert!(trading.desk.known().is_none(), "reading takes no room");
        trading.enlist("EURUSD");
        assert!(trading.desk.known().is_some());
    }
}
