//! Signals: planned for the shard's accounts, accepted in the same turn, answered when that is durable (TRD-4, TRD-7).
//!
//! Every shard is given every signal, so that a key means the same everywhere; each plans for its own instances with its
//! own book. What the plan wants becomes trades at once, and the answer waits for the commit of the turn.

mod accounts;
mod follow;
mod meters;
mod recovered;
mod reports;
mod requests;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use tracing::warn;
use warden_distribution::{
    AccountFacts, Book, Fanout, Intent, Line, Outcome, Params, Planned, Refusal, Report, Signal, Step,
    Symbol, Target, Verdict, Work,
};
use warden_domain::{ClientTradeId, InstanceId, Magic, Timestamp};
use warden_policy::trade::{End, TradeEvent};
use warden_store::SignalKey;

use self::{accounts::Account, follow::Followed, meters::Counted, reports::Reports};
pub(crate) use self::{
    recovered::Recovered,
    requests::{Arrived, Fate, Request, Told},
};
use super::{
    KnownTrade, Shard,
    trading::{Accept, NotAccepted},
};

/// What a shard knows of signals.
pub(crate) struct Signals {
    params: Arc<Params>,
    /// The signals' symbols that are watched from the start.
    symbols: Box<[Symbol]>,
    book: Book,
    /// By the index of the slot.
    accounts: Vec<Account>,
    /// The members of each group, by their index.
    groups: FxHashMap<Box<str>, Vec<u32>>,
    reports: Reports,
    /// Trades that signals changed or withdrew without a new trade, and orders that were moved.
    followed: Followed,
    counted: Counted,
}

impl Shard {
    /// Plans a signal and accepts what the plan wants; the report is told when this turn is durable.
    fn signal(&mut self, signal: &Arc<Signal>, strangers: &[InstanceId], now: Timestamp) -> Arrived {
        let digest = signal.digest();
        let (targets, absent) = self.targeted(signal, strangers);
        let known: Vec<_> = targets.iter().map(|index| self.known_of(*index, signal, now)).collect();
        let Self { slots, signals, .. } = self;
        let facts: Vec<AccountFacts<'_>> = targets
            .iter()
            .zip(&known)
            .map(|(index, known)| known.facts(&slots[*index as usize], &signals.accounts[*index as usize]))
            .collect();
        let planned = signals.book.plan(signal, &facts, now, &signals.params);
        drop(facts);
        let fate = Fate::of(&planned, !targets.is_empty());
        let report = match planned {
            Planned::New(fanout) => self.carry_out_plan(&fanout, digest, &absent, now),
            Planned::Known(fanout) => self.report_of(&fanout, &absent),
            Planned::Repeated(fanout) => {
                self.repeated(&SignalKey { id: signal.key.clone(), digest }, &targets, now);
                of_shard(&fanout, &absent)
            }
            Planned::Refused(fanout) => of_shard(&fanout, &absent),
        };
        Arrived { report, fate }
    }

    /// The slots of a signal's target that may take it, sorted, each once (TRD-4); and the lines of those who may not: what
    /// another supervisor has or may have taken, and whom nobody knows.
    fn targeted(&self, signal: &Signal, strangers: &[InstanceId]) -> (Vec<u32>, Vec<Line>) {
        let index_of = |instance: &InstanceId| self.index_of.get(instance).copied();
        let (mut targets, is_named): (Vec<u32>, bool) = match &signal.target {
            Target::Instance(instance) => (index_of(instance).into_iter().collect(), true),
            Target::List(list) => (list.iter().filter_map(index_of).collect(), true),
            Target::Group(group) => {
                (self.signals.groups.get(group.as_str()).cloned().unwrap_or_default(), false)
            }
        };
        let refused = |instance: &InstanceId, refusal| Line::refused(instance.clone(), refusal);
        let mut absent: Vec<Line> =
            strangers.iter().map(|stranger| refused(stranger, Refusal::NoSuchInstance)).collect();
        targets.retain(|index| {
            let slot = &self.slots[*index as usize];
            let takes = slot.takes_signals_of(signal.created_at);
            // Of a group each supervisor reports its own part.
            if !takes && (is_named || slot.is_ours()) {
                absent.push(refused(&slot.id, Refusal::Elsewhere));
            }
            takes
        });
        targets.sort_unstable();
        targets.dedup();
        (targets, absent)
    }

    fn carry_out_plan(&mut self, fanout: &Fanout, digest: u64, absent: &[Line], now: Timestamp) -> Report {
        let report = of_shard(fanout, absent);
        self.signals.reports.begin(report);
        let key = SignalKey { id: fanout.key.clone(), digest };
        for account in &fanout.accounts {
            let Verdict::Planned { budget, .. } = account.verdict else { continue };
            let Some(&index) = self.index_of.get(&account.instance) else { continue };
            self.signals.accounts[index as usize].budget = budget;
            for intent in fanout.intents_of(account) {
                self.carry_out_intent(index, intent, &key, fanout.expires_at, now);
            }
        }
        self.report_of(fanout, absent)
    }

    /// Does what an intent says: accepts a trade, tells another one, or both.
    fn carry_out_intent(
        &mut self,
        index: u32,
        intent: &Intent,
        key: &SignalKey,
        expires_at: Timestamp,
        now: Timestamp,
    ) {
        let about = about(&intent.work);
        let trading = &self.slots[index as usize].trading;
        let trade = about.and_then(|magic| trading.trade(magic)).map(|known| *known.trade);
        let mut accepted = None;
        for step in intent.work.steps(trade.as_ref()) {
            match (step, about) {
                (Step::Accept(goal), _) => {
                    let accept = Accept {
                        key: key.clone(),
                        part: intent.part,
                        symbol: intent.symbol.as_str().to_owned(),
                        goal,
                        expires_at,
                    };
                    accepted = Some(self.accept(index, accept, now));
                }
                (Step::Give(event), Some(magic)) => self.give(index, magic, event, now),
                (Step::Give(_), None) => {}
            }
        }
        match (accepted, about) {
            (Some(Ok(_)), _) => {}
            (Some(Err(refused)), _) => self.fold(index, &key.id, intent.part, blocked(refused), now),
            (None, Some(magic)) => self.follow(index, magic, intent, key, now),
            (None, None) => {}
        }
    }

    /// What nothing was accepted for: a change is done with the telling, an end when the trade has ended.
    fn follow(&mut self, index: u32, magic: Magic, intent: &Intent, key: &SignalKey, now: Timestamp) {
        match intent.work {
            Work::Place(_) | Work::Change { .. } => {
                self.fold(index, &key.id, intent.part, Outcome::Done, now);
            }
            Work::End { .. } => {
                self.signals.followed.end(index, magic, key.id.clone(), intent.part);
                self.trade_told(index, magic);
            }
        }
    }

    /// TRD-4: another signal came with the key of these accounts' trades. It is stored with its own digest, so that it is
    /// known when it is delivered again.
    fn repeated(&mut self, key: &SignalKey, targets: &[u32], now: Timestamp) {
        warn!(key = %key.id, rule = "TRD-4", "another signal has the key of one that is known; it is refused");
        for index in targets {
            let trades = self.slots[*index as usize].trading.trades();
            let first = trades.filter(|known| known.key.id == key.id).map(|known| known.magic).next();
            match first {
                Some(magic) => {
                    self.repeating = Some(key.clone());
                    self.give(*index, magic, TradeEvent::Repeated, now);
                    self.repeating = None;
                }
                None => self.shared.notified(),
            }
        }
    }

    /// Takes in what is known of a part of a signal.
    fn fold(&mut self, index: u32, key: &ClientTradeId, part: u32, outcome: Outcome, now: Timestamp) {
        let instance = &self.slots[index as usize].id;
        let Signals { reports, counted, .. } = &mut self.signals;
        reports.fold(instance, key, part, outcome, now, counted);
    }

    /// A trade's step is durable: the report of its signal says so, and what followed it hears of it.
    pub(crate) fn trade_told(&mut self, index: u32, magic: Magic) {
        let now = self.now();
        let slot = &self.slots[index as usize];
        // A duplicate is no part of the signal whose key it has.
        let own = |known: &KnownTrade<'_>| known.trade.end() != Some(End::Duplicate);
        let Some(known) = slot.trading.trade(magic).filter(own) else { return };
        let outcome = Outcome::of(known.trade, slot.state.gate());
        let (key, part, trade) = (known.key.id.clone(), known.part, *known.trade);
        self.fold(index, &key, part, outcome, now);
        self.follow_trade(index, magic, &trade, now);
    }

    /// The report of a plan as it stands; that of a plan which is not kept is made anew.
    fn report_of(&self, fanout: &Fanout, absent: &[Line]) -> Report {
        self.signals.reports.of(&fanout.key).cloned().unwrap_or_else(|| of_shard(fanout, absent))
    }
}

/// The report of a plan without the accounts that a list names and the shard does not plan for; those that are absent have
/// their own lines.
fn of_shard(fanout: &Fanout, absent: &[Line]) -> Report {
    let mut report = Report::of(fanout);
    report.lines.retain(|line| line.outcome != Outcome::Blocked(Refusal::NoSuchInstance));
    for line in absent {
        report.add(line.clone());
    }
    report
}

/// The trade that a work is about.
const fn about(work: &Work) -> Option<Magic> {
    match work {
        Work::Place(_) => None,
        Work::Change { trade, .. } | Work::End { trade, .. } => Some(*trade),
    }
}

const fn blocked(refused: NotAccepted) -> Outcome {
    Outcome::Blocked(match refused {
        NotAccepted::Elsewhere => Refusal::Elsewhere,
        NotAccepted::Full(open) => Refusal::TooManyOpen(open),
        NotAccepted::NoTag => Refusal::NoTag,
    })
}
