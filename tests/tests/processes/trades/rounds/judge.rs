//! The three witnesses: the trade servers' ledger, the journal, Redis.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::json;
use warden_domain::{Lots, Side};
use warden_policy::trade::{Goal, Trade, TradeEvent, TradePhase};
use warden_tests::{LedgerLine, Plan, Shown, Story, TradeTold, World};

use super::{Round, Strike};

/// What people and other programs have open, by instance: tickets of positions and orders.
pub(super) type ByHand = BTreeMap<String, BTreeSet<u64>>;

/// What is open at the brokers and not ours.
pub(super) fn by_hand(world: &World) -> ByHand {
    let ours = ours(&world.ledger());
    let open = |name: &str| {
        let not_ours = world.at_broker(name).into_iter().filter(|(magic, _)| !ours.contains(magic));
        not_ours.map(|(_, ticket)| ticket).collect()
    };
    world.plan().instances().map(|name| (name.to_owned(), open(name))).collect()
}

fn ours(ledger: &[LedgerLine]) -> BTreeSet<u64> {
    ledger.iter().filter_map(|line| line.send).map(|(magic, _)| magic).collect()
}

/// What the witnesses said.
#[derive(Debug, Default)]
pub(super) struct Judge {
    trades: usize,
    sends: usize,
    deals: usize,
    executed: usize,
    ends: BTreeMap<String, usize>,
    /// How many steps of trades each kind of event led to.
    events: BTreeMap<String, usize>,
    strikes: BTreeMap<Strike, usize>,
    by_stream: usize,
}

/// What Redis shows of one instance.
struct Seen {
    open: Vec<u64>,
    shown: BTreeMap<u64, Shown>,
}

impl Judge {
    /// Ends the world in order and hears everybody.
    pub(super) fn hear(mut world: World, rounds: &[Round], by_hand: &ByHand) -> Self {
        let now = self::by_hand(&world);
        for (name, before) in by_hand {
            assert!(before.is_subset(&now[name]), "{name}: what others had open was touched, TRD-8");
        }
        let audit: serde_json::Value =
            serde_json::from_str(&world.control("audit")).expect("the audit is JSON");
        for key in ["sends_twice", "overfilled"] {
            assert_eq!(audit[key], json!(0), "{key}: {audit}");
        }
        world.drain();
        world.end_simulator();
        let seen: BTreeMap<String, Seen> =
            world.plan().instances().map(|name| (name.to_owned(), Seen::of(&world, name))).collect();
        let (story, ledger) = (Story::read(&world.path("data/journal")), world.ledger());
        let mut judge = Self::default();
        for (name, seen) in &seen {
            judge.account(&story, &ledger, world.plan(), name, seen, rounds);
        }
        for round in rounds {
            *judge.strikes.entry(round.strike).or_default() += 1;
            judge.by_stream += usize::from(round.by_stream);
        }
        judge
    }

    fn account(
        &mut self,
        story: &Story,
        ledger: &[LedgerLine],
        plan: &Plan,
        name: &str,
        seen: &Seen,
        rounds: &[Round],
    ) {
        let own: Vec<&LedgerLine> = ledger.iter().filter(|line| line.login == plan.login(name)).collect();
        let trades = story.trades(name);
        is_forgotten_by_nobody(&trades, name, rounds);
        for line in &own {
            let Some((magic, attempt)) = line.send else { continue };
            let rows = trades.get(&magic).unwrap_or_else(|| panic!("{name}: no intent of {line:?}"));
            let sent = rows.last().map_or(0, |told| told.said.step.trade.attempt().0);
            assert!(attempt >= 1 && attempt <= u64::from(sent), "{name}: a send nobody journalled: {line:?}");
        }
        for (tag, rows) in &trades {
            self.trade(name, *tag, rows, &own);
        }
        if !plan.is_netting(name) {
            // On a netting account trades share a position: what each dealt was compared above.
            adds_up(&trades, &own, name);
        }
        agrees(&trades, seen, name);
    }

    fn trade(&mut self, name: &str, tag: u64, rows: &[&TradeTold], ledger: &[&LedgerLine]) {
        let trade = &rows.last().expect("a trade has rows").said.step.trade;
        let deals: Vec<&&LedgerLine> = ledger.iter().filter(|line| line.is_deal_of(tag)).collect();
        let volume = total(deals.iter().map(|line| line.volume));
        let held = trade.holdings();
        let journalled = if trade.intent().opening().is_some() { held.filled } else { held.closed };
        let opened = deals.iter().filter(|line| line.asked > Lots::ZERO);
        let opened = total(opened.map(|line| line.volume));
        let said = if trade.intent().opening().is_some() { opened } else { volume };
        assert_eq!(
            said,
            journalled,
            "{name}: {tag} is {:?}; ledger and journal differ: {deals:?}",
            trade.state()
        );
        if let Some(opening) = trade.intent().opening() {
            assert!(opened <= opening.volume, "{name}: {tag} was executed more than once: {deals:?}");
        }
        assert!(is_proven(trade), "{name}: {tag} is {:?}", trade.phase());
        self.trades += 1;
        self.sends += trade.attempt().0 as usize;
        self.deals += deals.len();
        self.executed += usize::from(!deals.is_empty());
        let end =
            trade.end().map_or_else(|| trade.state().to_string(), |end| format!("{} {end}", trade.state()));
        *self.ends.entry(end).or_default() += 1;
        for told in rows {
            let unsynchronised =
                matches!(&told.said.step.event, TradeEvent::Found(found) if found.snapshot.is_none());
            let kind = if unsynchronised { "FOUND_UNSYNCHRONISED" } else { told.row.kind.as_str() };
            *self.events.entry(kind.to_owned()).or_default() += 1;
        }
    }
}

/// Every signal has its intent, and there is no other.
fn is_forgotten_by_nobody(trades: &BTreeMap<u64, Vec<&TradeTold>>, name: &str, rounds: &[Round]) {
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    for rows in trades.values() {
        let first = rows.first().expect("a trade has rows");
        let key = first.row.trade.as_ref().and_then(|mark| mark.key.as_ref());
        assert!(key.is_some_and(|key| key.id == first.said.key), "{name}: its first row has the key");
        *keys.entry(first.said.key.as_str()).or_default() += 1;
    }
    let mine: Vec<&Round> = rounds.iter().filter(|round| round.instance == name).collect();
    for Round { key, of, .. } in &mine {
        let count = keys.get(key.as_str()).copied().unwrap_or(0);
        // What was on its way is called back without a trade of the close's own.
        let closed = of.as_ref().is_some_and(|of| has_ended(trades, of));
        assert!(count == 1 || (count == 0 && closed), "{name}: {key} has {count} intents");
    }
    let given: BTreeSet<&str> = mine.iter().map(|round| round.key.as_str()).collect();
    let unknown: Vec<&&str> = keys.keys().filter(|key| !given.contains(**key)).collect();
    assert!(unknown.is_empty(), "{name}: intents that nobody asked for: {unknown:?}");
}

/// Whether the trade that a signal opened has ended.
fn has_ended(trades: &BTreeMap<u64, Vec<&TradeTold>>, key: &str) -> bool {
    let of_key = trades.values().filter_map(|rows| rows.last()).find(|told| told.said.key.as_str() == key);
    of_key.is_some_and(|told| told.said.step.trade.end().is_some())
}

/// Whether it ended, or is at the broker as it should.
fn is_proven(trade: &Trade) -> bool {
    match trade.phase() {
        TradePhase::Ended(..) | TradePhase::Resting | TradePhase::Holding => true,
        TradePhase::Waiting(..)
        | TradePhase::Sending(_)
        | TradePhase::Resolving(..)
        | TradePhase::Suspect(..) => false,
    }
}

/// What is open of ours is the same for the journal as for the trade server, symbol by symbol.
fn adds_up(trades: &BTreeMap<u64, Vec<&TradeTold>>, ledger: &[&LedgerLine], name: &str) {
    let mut open: BTreeMap<&str, i64> = BTreeMap::new();
    for rows in trades.values() {
        let said = &rows.last().expect("a trade has rows").said;
        if let Goal::Open(opening) = said.step.trade.intent().goal {
            *open.entry(&said.symbol).or_default() += signed(opening.side, said.step.trade.holdings().open());
        }
    }
    let mut stands: BTreeMap<&str, i64> = BTreeMap::new();
    for line in ledger.iter().filter(|line| line.is_deal() && line.send.is_some()) {
        *stands.entry(&line.symbol).or_default() += signed(line.side, line.volume);
    }
    open.retain(|_, volume| *volume != 0);
    stands.retain(|_, volume| *volume != 0);
    assert_eq!(open, stands, "{name}: what is open of ours, by journal and by ledger");
}

/// Redis shows what the journal says.
fn agrees(trades: &BTreeMap<u64, Vec<&TradeTold>>, seen: &Seen, name: &str) {
    let open = |rows: &[&TradeTold]| rows.last().is_some_and(|told| told.said.step.trade.end().is_none());
    let wanted: Vec<u64> = trades.iter().filter(|(_, rows)| open(rows)).map(|(tag, _)| *tag).collect();
    assert_eq!(seen.open, wanted, "{name}: the index of open trades");
    for (tag, rows) in trades {
        let last = rows.last().expect("a trade has rows");
        let Some(shown) = seen.shown.get(tag) else {
            assert!(last.said.step.trade.end().is_some(), "{name}: Redis lacks the open trade {tag}");
            continue; // an empty Redis is not shown again what had ended
        };
        let trade = &last.said.step.trade;
        let held = trade.holdings();
        for (field, wanted) in [
            ("version", last.row.version.to_string()),
            ("state", trade.state().to_string()),
            ("key", last.said.key.to_string()),
            ("filled", held.filled.to_string()),
            ("closed", held.closed.to_string()),
            ("attempt", trade.attempt().0.to_string()),
        ] {
            assert_eq!(shown[field], wanted, "{name}: {field} of {tag}");
        }
    }
}

fn total(volumes: impl Iterator<Item = Lots>) -> Lots {
    volumes.fold(Lots::ZERO, |sum, volume| sum.plus(volume).expect("small volumes add up"))
}

fn signed(side: Side, volume: Lots) -> i64 {
    match side {
        Side::Buy => volume.units(),
        Side::Sell => -volume.units(),
    }
}

impl Seen {
    fn of(world: &World, name: &str) -> Self {
        let prefix = format!("order_state:{name}:");
        let found = world.redis.cli(&["KEYS", &format!("{prefix}*")]).expect("Redis answers");
        let tags = found.lines().filter_map(|key| key.strip_prefix(&prefix)?.parse().ok());
        let shown = tags.filter_map(|tag| Some((tag, world.shown(name, tag)?))).collect();
        Self { open: world.open_tags(name), shown }
    }
}

impl fmt::Display for Judge {
    /// As the inside of a JSON object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trades, sends, deals, executed, ends, events, strikes, by_stream } = self;
        let strikes: BTreeMap<String, usize> =
            strikes.iter().map(|(strike, count)| (format!("{strike:?}"), *count)).collect();
        write!(
            f,
            "\"by_stream\": {by_stream}, \"strikes\": {}, \"intents\": {trades}, \"orders_sent\": {sends}, \
             \"deals\": {deals}, \"executed\": {executed}, \"duplicates\": 0, \"ends\": {}, \"events\": {}",
            json!(strikes),
            json!(ends),
            json!(events)
        )
    }
}
