use std::{collections::BTreeMap, path::Path};

use warden_domain::{Epoch, FailureReason, IncidentKind, Magic, Rule, Status, Timestamp, Version};
use warden_policy::{
    Command, Effect, Instance, Notice, Step, StoreAction, decode_step,
    trade::{TradeRow, decode_trade_row},
};
use warden_store::{Journal as _, Row};
use warden_store_duckdb::{Config, DuckJournal};

use crate::must;

/// What supervisors left in their journal, proven against its hash chain.
#[derive(Debug)]
pub struct Story {
    rows: Vec<Told>,
    trades: Vec<TradeTold>,
}

/// One command that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// When.
    pub at: Timestamp,
    /// The rule that asked for it.
    pub rule: Rule,
    /// What.
    pub command: Command,
}

/// One row and the step in it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The row.
    pub row: Row,
    /// Its step.
    pub step: Step,
}

/// One row of a trade, and what it says.
#[derive(Clone, Debug)]
pub struct TradeTold {
    /// The row.
    pub row: Row,
    /// What it says.
    pub said: TradeRow,
}

impl Story {
    /// Reads the journal of a folder that no process has open.
    ///
    /// # Panics
    /// When the chain does not hold, a row cannot be read, a number of the journal is missing, or the versions of an
    /// instance do not follow each other.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let runtime = must(
            tokio::runtime::Builder::new_current_thread().enable_all().build(),
            "start a runtime for the journal",
        );
        let rows = runtime.block_on(async {
            let journal = must(DuckJournal::open(Config::new(folder)), "open the journal");
            let head = must(journal.verify().await, "prove the journal");
            let rows = must(journal.read(0, u32::MAX).await, "read the journal");
            must(journal.close().await, "close the journal");
            assert_eq!(
                rows.last().map_or(0, |row| row.seq),
                head.seq,
                "the newest row is not the proven one"
            );
            rows
        });
        is_whole(&rows);
        let mut story = Self { rows: Vec::new(), trades: Vec::new() };
        for row in rows {
            if row.trade.is_some() {
                let said = must(decode_trade_row(&row.payload), "decode a row of a trade");
                story.trades.push(TradeTold { row, said });
            } else {
                let step = must(decode_step(&row.payload), "decode a step");
                story.rows.push(Told { row, step });
            }
        }
        story
    }

    /// The rows of every trade of an instance by its tag, each trade's oldest first.
    #[must_use]
    pub fn trades(&self, instance: &str) -> BTreeMap<u64, Vec<&TradeTold>> {
        let mut trades: BTreeMap<u64, Vec<&TradeTold>> = BTreeMap::new();
        for told in self.trades.iter().filter(|told| told.row.instance.as_str() == instance) {
            trades.entry(told.magic().number()).or_default().push(told);
        }
        trades
    }

    /// The rows of an instance, oldest first.
    pub fn of<'a>(&'a self, instance: &str) -> impl DoubleEndedIterator<Item = &'a Told> + use<'a> {
        let instance = instance.to_owned();
        self.rows.iter().filter(move |told| told.row.instance.as_str() == instance)
    }

    /// The newest row of an instance.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn last(&self, instance: &str) -> &Told {
        self.of(instance).next_back().unwrap_or_else(|| panic!("nothing was journalled of {instance}"))
    }

    /// Whether anything was journalled of an instance.
    #[must_use]
    pub fn knows(&self, instance: &str) -> bool {
        self.of(instance).next().is_some()
    }

    /// Every status with its reason that an instance came to, in order, repetitions left out.
    #[must_use]
    pub fn path(&self, instance: &str) -> Vec<(Status, FailureReason)> {
        let mut path: Vec<(Status, FailureReason)> = self
            .of(instance)
            .map(|told| (told.step.state.status(), told.step.state.last_failure_reason()))
            .collect();
        path.dedup();
        path
    }

    /// The commands given for an instance, in order.
    #[must_use]
    pub fn commands(&self, instance: &str) -> Vec<Given> {
        let of_row = |told: &Told| {
            let at = told.row.at;
            let given = |(rule, effect): &(Rule, Effect)| match *effect {
                Effect::Command { command, .. } => Some(Given { at, rule: *rule, command }),
                Effect::Notify(_) | Effect::Store(_) => None,
            };
            told.step.effects.list().iter().filter_map(given).collect::<Vec<_>>()
        };
        self.of(instance).flat_map(of_row).collect()
    }

    /// When commands were given that this rule asked for, in order.
    #[must_use]
    pub fn given_by(&self, instance: &str, rule: Rule, command: Command) -> Vec<Timestamp> {
        let given = self.commands(instance).into_iter();
        given.filter(|given| given.rule == rule && given.command == command).map(|given| given.at).collect()
    }

    /// When people were told this, in order.
    #[must_use]
    pub fn notices(&self, instance: &str, notice: Notice) -> Vec<Timestamp> {
        self.effects(instance, |effect| effect == Effect::Notify(notice))
    }

    /// When this was asked of a store, in order.
    #[must_use]
    pub fn actions(&self, instance: &str, action: StoreAction) -> Vec<Timestamp> {
        self.effects(instance, |effect| effect == Effect::Store(action))
    }

    fn effects(&self, instance: &str, like: impl Fn(Effect) -> bool) -> Vec<Timestamp> {
        let of_row = |told: &Told| {
            let count = told.step.effects.list().iter().filter(|(_, effect)| like(*effect)).count();
            std::iter::repeat_n(told.row.at, count)
        };
        self.of(instance).flat_map(of_row).collect()
    }

    /// How long each attempt of an incident was made to wait when it was planned, in milliseconds, in order.
    #[must_use]
    pub fn waits(&self, instance: &str, kind: IncidentKind) -> Vec<u64> {
        let mut known = None;
        let mut waits = Vec::new();
        for (at, state) in self.states(instance) {
            let next = state.incidents().find(|(found, ..)| *found == kind).and_then(|(.., next)| next);
            if let Some(next) = next.filter(|next| known != Some(*next)) {
                waits.push(next.since(at).as_millis());
            }
            known = next;
        }
        waits
    }

    /// The rules that decided for an instance, in order, repetitions left out.
    #[must_use]
    pub fn rules(&self, instance: &str) -> Vec<Rule> {
        let mut rules: Vec<Rule> =
            self.of(instance).filter_map(|told| Rule::from_text(&told.row.rule)).collect();
        rules.dedup();
        rules
    }

    /// Every state of an instance, oldest first, each with the moment it began.
    pub fn states<'a>(
        &'a self,
        instance: &str,
    ) -> impl DoubleEndedIterator<Item = (Timestamp, &'a Instance)> + use<'a> {
        self.of(instance).map(|told| (told.row.at, &told.step.state))
    }
}

impl TradeTold {
    /// The trade's tag.
    ///
    /// # Panics
    /// Never: a story holds rows with a mark only.
    #[must_use]
    pub fn magic(&self) -> Magic {
        self.row.trade.as_ref().expect("a row of a trade has its mark").magic
    }
}

/// Nothing is missing, and the versions of an instance, and of each of its trades, follow each other.
fn is_whole(rows: &[Row]) {
    let mut versions: BTreeMap<(&str, Option<Magic>), (Version, Epoch)> = BTreeMap::new();
    for (place, row) in (1..).zip(rows) {
        assert_eq!(row.seq, place, "a row is missing");
        // A journal that was begun anew goes on with the version that Redis had.
        let before = Version(row.version.0.saturating_sub(1));
        let whose = (row.instance.as_str(), row.trade.as_ref().map(|mark| mark.magic));
        let last = versions.insert(whose, (row.version, row.epoch));
        let (version, epoch) = last.unwrap_or((before, row.epoch));
        assert_eq!(row.version, version.next(), "{whose:?}: the versions do not follow each other");
        assert!(row.epoch >= epoch, "{whose:?}: the epoch fell");
    }
}
