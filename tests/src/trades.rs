//! Signals that are given to a world, and what becomes of them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::Value;
use warden_domain::Gate;
use warden_policy::Phase;
use warden_testkit::{Finished, Reply};

use crate::{LedgerLine, Plan, Signal, World, keys, must, succeeded};

/// What Redis shows of a trade: the fields of its hash.
pub type Shown = BTreeMap<String, String>;

/// Every probe has a key of its own.
static PROBES: AtomicU64 = AtomicU64::new(0);

/// The stream of signals.
const STREAM: &str = "trade_signals";

impl World {
    /// Writes a signal to the stream; its entry.
    pub fn give(&self, signal: &Signal) -> String {
        let mut words = vec!["XADD", STREAM, "*"];
        words.extend(signal.words());
        must(self.redis.cli(&words), "write a signal to the stream")
    }

    /// Gives a signal at the command line, and does not wait for its end.
    pub fn say(&self, signal: &Signal) -> Finished {
        self.cli_with("warden.toml", &["signal", "-", "--no-wait", "--json"], &signal.json())
    }

    /// The answer of a question at the command line that prints JSON.
    ///
    /// # Panics
    /// When the question is refused.
    #[must_use]
    pub fn ask(&self, words: &[&str]) -> Value {
        let finished = self.cli(&[words, &["--json"]].concat());
        succeeded(&finished);
        must(serde_json::from_str(&finished.stdout.join("\n")), "read an answer")
    }

    /// The report of a signal; `Null` while nothing is known of it.
    #[must_use]
    pub fn report(&self, key: &str) -> Value {
        let finished = self.cli(&["report", key, "--json"]);
        serde_json::from_str(&finished.stdout.join("\n")).unwrap_or(Value::Null)
    }

    /// The tag that stands under a signal's key in Redis.
    #[must_use]
    pub fn tag(&self, instance: &str, key: &str) -> Option<u64> {
        match self.redis.command(&["GET", &format!("order_key:{instance}:{key}")]).ok()? {
            Reply::Bulk(Some(tag)) => tag.parse().ok(),
            Reply::Bulk(None) | Reply::Simple(_) | Reply::Error(_) | Reply::Integer(_) | Reply::Array(_) => {
                None
            }
        }
    }

    /// What Redis shows of a trade; nothing when there is none, or no Redis.
    #[must_use]
    pub fn shown(&self, instance: &str, tag: u64) -> Option<Shown> {
        let reply = self.redis.command(&["HGETALL", &format!("order_state:{instance}:{tag}")]).ok()?;
        let Reply::Array(Some(words)) = reply else { return None };
        let shown: Shown =
            words.chunks(2).filter_map(|pair| Some((pair.first()?.text(), pair.get(1)?.text()))).collect();
        (!shown.is_empty()).then_some(shown)
    }

    /// What Redis shows of the trade that a signal asked for.
    #[must_use]
    pub fn trade(&self, instance: &str, key: &str) -> Option<Shown> {
        self.shown(instance, self.tag(instance, key)?)
    }

    /// The state that Redis shows of the trade that a signal asked for.
    #[must_use]
    pub fn trade_state(&self, instance: &str, key: &str) -> Option<String> {
        self.trade(instance, key)?.remove("state")
    }

    /// Waits until the trade that a signal asked for is in this state.
    pub fn wait_for_trade(&self, instance: &str, key: &str, state: &str) -> Shown {
        self.wait(&format!("{instance}: {key} is {state}"), || {
            self.trade(instance, key).filter(|shown| shown.get("state").is_some_and(|it| it == state))
        })
    }

    /// The tags that Redis shows as open, in their order.
    #[must_use]
    pub fn open_tags(&self, instance: &str) -> Vec<u64> {
        let found = must(
            self.redis.cli(&["SMEMBERS", &format!("order_state:{instance}:open")]),
            "list the open trades",
        );
        let mut tags: Vec<u64> = found.lines().filter_map(|tag| tag.parse().ok()).collect();
        tags.sort_unstable();
        tags
    }

    /// How long a key lives, in milliseconds; -1 when for ever, -2 when there is none.
    #[must_use]
    pub fn lives_for(&self, key: &str) -> i64 {
        match must(self.redis.command(&["PTTL", key]), "ask how long a key lives") {
            Reply::Integer(millis) => millis,
            other @ (Reply::Simple(_) | Reply::Error(_) | Reply::Bulk(_) | Reply::Array(_)) => {
                panic!("PTTL answers {other:?}")
            }
        }
    }

    /// Entries of the stream that its reader was given and did not acknowledge; nothing while there is no group.
    #[must_use]
    pub fn unacknowledged(&self) -> Option<i64> {
        match self.redis.command(&["XPENDING", STREAM, "test"]).ok()? {
            Reply::Array(Some(said)) => match said.first()? {
                Reply::Integer(count) => Some(*count),
                Reply::Bulk(_) | Reply::Simple(_) | Reply::Error(_) | Reply::Array(_) => None,
            },
            Reply::Bulk(_) | Reply::Simple(_) | Reply::Error(_) | Reply::Integer(_) | Reply::Array(_) => None,
        }
    }

    /// Whether an instance is connected and orders may leave.
    #[must_use]
    pub fn trades_freely(&self, instance: &str) -> bool {
        keys::snapshot(&self.redis, instance)
            .is_some_and(|(_, state)| state.phase() == Phase::Up && state.gate() == Gate::Open)
    }

    /// Waits until orders may leave everywhere.
    pub fn wait_until_all_trade(&self) {
        for name in self.plan().instances() {
            self.wait(&format!("{name} trades"), || self.trades_freely(name).then_some(()));
        }
    }

    /// Waits until these symbols of every instance are known: what is asked for is too much for every account, and is
    /// refused for that as soon as the symbol is known.
    pub fn wait_until_quoted(&self, symbols: &[&str]) {
        for symbol in symbols {
            self.wait(&format!("{symbol} is quoted"), || {
                let probe = Signal::open(
                    &format!("quoted-{symbol}-{}", PROBES.fetch_add(1, Ordering::Relaxed)),
                    symbol,
                    "BUY",
                    "5000",
                );
                let told = self.say(&probe.to_group(Plan::GROUP)).stdout.join("\n");
                let report: Value = serde_json::from_str(&told).ok()?;
                let lines = report["lines"].as_array()?;
                lines.iter().all(|line| line["code"] == "above_maximum").then_some(())
            });
        }
    }

    /// A world that trades all symbols.
    #[must_use]
    pub fn trading(plan: Plan) -> Self {
        let world = Self::connected(plan);
        world.wait_until_all_trade();
        world.wait_until_quoted(&["EURUSD", "USDJPY", "GBPUSD"]);
        world
    }

    /// What the trade servers did so far, as far as it is written.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerLine> {
        LedgerLine::read(&std::fs::read_to_string(self.path("ledger.jsonl")).unwrap_or_default())
    }

    /// What is open at the trade server: tag and ticket of every position and pending order.
    #[must_use]
    pub fn at_broker(&self, instance: &str) -> Vec<(u64, u64)> {
        let told = self.control("truth");
        let all: Value = must(serde_json::from_str(&told), "read the truth");
        let list = |key: &str| -> Vec<(u64, u64)> {
            must(serde_json::from_value(all[instance][key].clone()), "read what is open")
        };
        [list("positions"), list("orders")].concat()
    }

    /// How every trade of an instance stands that Redis shows, a line each.
    pub(crate) fn standing_of_trades(&self, instance: &str) -> String {
        let prefix = format!("order_state:{instance}:");
        let found = self.redis.cli(&["KEYS", &format!("{prefix}*")]).unwrap_or_default();
        let tags = found.lines().filter_map(|key| key.strip_prefix(&prefix)?.parse().ok());
        let line = |tag| {
            let shown = self.shown(instance, tag)?;
            let said = ["key", "goal", "symbol", "state", "reason", "attempt", "volume", "filled", "closed"]
                .map(|field| shown.get(field).map(String::as_str).unwrap_or("-"));
            Some(format!("  {tag}: {}\n", said.join(" ")))
        };
        tags.filter_map(line).collect()
    }
}
