//! TRD-7, NET-1, NET-3: five hundred rounds, each a signal and a fault on its way; three witnesses agree at the end.
//!
//! A round is one signal for one account, struck by the fault of its wave while it is under way. Waves do not wait for
//! the proofs of those before: what is unknown holds its lane, and the next ones trade another symbol.

mod judge;
mod strike;

use std::time::{Duration, Instant};

use warden_testkit::poll_until;
use warden_tests::{Plan, Signal, World, keys};

use self::{judge::Judge, strike::Strike};

const ACCOUNTS: usize = 10;
const ROUNDS: usize = 500;
const SYMBOLS: [&str; 3] = ["EURUSD", "USDJPY", "GBPUSD"];
/// Longer than the slowest proof.
const PROVEN: Duration = Duration::from_secs(120);

/// One signal and the fault that struck it.
#[derive(Clone, Debug)]
pub(super) struct Round {
    instance: String,
    key: String,
    strike: Strike,
    /// How it was given: by the stream, or at the command line.
    by_stream: bool,
    /// The signal whose position it is to close.
    of: Option<String>,
}

/// The world, and what it was given.
struct Course {
    world: World,
    /// Signals that were accepted.
    rounds: Vec<Round>,
    /// The wave that is under way.
    wave: Vec<Round>,
    /// Keys of signals that were refused, as the gate was not open: nothing of them may ever be seen.
    refused: Vec<String>,
    /// Faults that were begun.
    begun: usize,
    /// Rounds whose order was seen under way when the fault struck.
    under_way: usize,
}

#[test]
fn trd_7_net_1_net_3_five_hundred_rounds_of_faults_send_nothing_twice_and_forget_nothing() {
    let began = Instant::now();
    let mut course = Course::begin();
    let by_hand = judge::by_hand(&course.world);
    for wave in 0..ROUNDS / ACCOUNTS {
        course.wave(wave);
    }
    course.heal();
    let Course { world, rounds, refused, begun, under_way, .. } = course;
    assert_eq!(rounds.len(), ROUNDS);
    assert!(under_way >= ROUNDS / 10, "faults strike orders on their way: {under_way}");
    let found = Judge::hear(world, &rounds, &by_hand);
    println!(
        "{{\"rounds\": {ROUNDS}, \"faults\": {begun}, \"under_way\": {under_way}, \"refused_and_given_again\": {}, \
         \"seconds\": {}, {found}}}",
        refused.len(),
        began.elapsed().as_secs()
    );
}

impl Course {
    fn begin() -> Self {
        let world = World::trading(Plan::trading(ACCOUNTS).gateways(5));
        for at in (1..=ACCOUNTS).step_by(4) {
            world.fault(&format!("acct-{at}"), "hand_opens");
            world.fault(&format!("acct-{at}"), "program_opens");
        }
        Self {
            world,
            rounds: Vec::with_capacity(ROUNDS),
            wave: Vec::new(),
            refused: Vec::new(),
            begun: 0,
            under_way: 0,
        }
    }

    /// One signal for every account, and one fault for all of them.
    fn wave(&mut self, number: usize) {
        let began = Instant::now();
        self.trade_freely();
        let strike = Strike::of(number);
        strike.prepare(&self.world, number);
        let wave: Vec<Round> = (0..ACCOUNTS).map(|account| self.round(number, account, strike)).collect();
        self.begun += 1;
        self.wave.clone_from(&wave);
        let seen = strike.strike(&mut self.world, &wave);
        self.under_way += seen;
        for (account, round) in wave.into_iter().enumerate() {
            self.accepted(number, account, round);
        }
        println!("wave {number}: {strike:?}, {seen} under way, {} ms", began.elapsed().as_millis());
    }

    /// Waits until a signal is accepted. One that met a gate that was not open is refused for good, as it is told; its
    /// round is played with another signal.
    fn accepted(&mut self, wave: usize, account: usize, mut round: Round) {
        loop {
            let what = format!("{} is accepted ({:?})", round.key, round.strike);
            let refused = self.wait(&what, |world| {
                if !round.by_stream || world.tag(&round.instance, &round.key).is_some() || ends(world, &round)
                {
                    return Some(None);
                }
                refusal(&world.report(&round.key)).map(Some)
            });
            let Some(code) = refused else {
                return self.rounds.push(round);
            };
            println!("{} is refused: {code}", round.key);
            self.refused.push(round.key);
            self.trade_freely();
            round = self.round(wave, account, round.strike);
        }
    }

    /// Every account trades something else in every wave; every fourth signal closes what one before it opened, and every
    /// seventh waits at the broker.
    fn round(&self, wave: usize, account: usize, strike: Strike) -> Round {
        let instance = format!("acct-{}", account + 1);
        let key = format!("w{wave}-a{}-{}", account + 1, self.refused.len());
        let turn = wave + account;
        let symbol = SYMBOLS[wave % SYMBOLS.len()];
        // One direction for each symbol, so that what is open on a netting account adds up.
        let side = if symbol == "USDJPY" { "SELL" } else { "BUY" };
        let lots = format!("0.0{}", 1 + turn % 3);
        let of = self.to_close(turn, &instance);
        let signal = match &of {
            Some(of) => Signal::close(&key, of),
            None if turn % 7 == 3 && side == "BUY" => {
                Signal::open(&key, symbol, side, &lots).with("kind", "LIMIT").with("price", "0.50000")
            }
            None => Signal::open(&key, symbol, side, &lots),
        };
        let signal = signal.to(&instance).with("valid_for", "10m");
        let by_stream = !strike.needs_the_command_line() && turn % 10 != 9;
        if by_stream {
            self.world.give(&signal);
        } else {
            let told = self.world.say(&signal);
            let report: serde_json::Value = serde_json::from_str(&told.stdout.join("\n")).unwrap_or_default();
            let line = &report["lines"][0];
            assert!(line.is_object() && refusal(&report).is_none(), "{key} is accepted: {told:?}");
        }
        Round { instance, key, strike, by_stream, of }
    }

    /// The key of the oldest position of this account that no signal closes yet.
    fn to_close(&self, turn: usize, instance: &str) -> Option<String> {
        if turn % 4 != 2 {
            return None;
        }
        let own = self.rounds.iter().filter(|round| round.instance == instance);
        own.map(|round| round.key.clone()).find(|key| {
            self.world.trade(instance, key).is_some_and(|shown| {
                shown["goal"] == "OPEN" && shown["state"] == "FILLED" && shown["kind"] == "MARKET"
            })
        })
    }

    fn trade_freely(&self) {
        for name in self.world.plan().instances() {
            self.wait(&format!("{name} trades"), |world| world.trades_freely(name).then_some(()));
        }
        self.wait("every symbol is known", |world| {
            let probe = Signal::open(&format!("probe-{}", probe_number()), "EURUSD", "BUY", "5000");
            let told = world.say(&probe.to_group(Plan::GROUP)).stdout.join("\n");
            (told.matches("\"above_maximum\"").count() >= ACCOUNTS).then_some(())
        });
    }

    /// Everything works again; waits until nothing is unknown, or under way.
    fn heal(&self) {
        self.world.control("clear");
        self.trade_freely();
        self.wait("the stream is read to its end", |world| (world.unacknowledged() == Some(0)).then_some(()));
        self.wait("every trade is proven", |world| {
            let listed = world.ask(&["trades"]);
            listed["trades"].as_array()?.iter().all(is_at_rest).then_some(())
        });
        self.wait("Redis shows everything", |world| {
            let unshown = |name: &str| keys::snapshot(&world.redis, name).is_none();
            (!world.plan().instances().any(unshown)).then_some(())
        });
    }

    /// What the stream says, the reports of the newest signals, and the lives of what is not at rest, for a test that failed.
    fn under_way_still(&self) -> String {
        let mut told = format!("unacknowledged: {:?}\n", self.world.unacknowledged());
        for round in &self.wave {
            told.push_str(&format!("{} {:?}: {}\n", round.key, round.of, self.world.report(&round.key)));
        }
        let listed = self.world.ask(&["trades"]);
        for trade in listed["trades"].as_array().into_iter().flatten().filter(|trade| !is_at_rest(trade)) {
            let (instance, tag) = (trade["instance"].as_str().unwrap_or_default(), trade["tag"].to_string());
            told.push_str(&self.world.cli(&["why", instance, "--trade", &tag]).stdout.join("\n"));
            told.push('\n');
        }
        told
    }

    fn wait<T>(&self, what: &str, look: impl Fn(&World) -> Option<T>) -> T {
        poll_until(PROVEN, what, || look(&self.world))
            .unwrap_or_else(|fault| panic!("{fault}\n{}{}", self.under_way_still(), self.world.standing()))
    }
}

/// Whether a trade is at the broker as it should be.
fn is_at_rest(trade: &serde_json::Value) -> bool {
    let state = trade["state"].as_str().unwrap_or_default();
    state == "PLACED" || state == "FILLED"
}

/// The code by which an account's only line says that it takes no part.
fn refusal(report: &serde_json::Value) -> Option<String> {
    report["lines"][0]["code"].as_str().map(str::to_owned)
}

/// Whether what it is to close is being closed, or is closed: what is on its way is called back without a trade of its own.
fn ends(world: &World, round: &Round) -> bool {
    let state = round.of.as_ref().and_then(|of| world.trade_state(&round.instance, of));
    state.is_some_and(|state| ["CANCELLING", "CANCELLED", "CLOSED"].contains(&state.as_str()))
}

/// Probes have keys of their own.
fn probe_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
