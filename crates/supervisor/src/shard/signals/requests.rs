//! What is asked of a shard about signals and trades, and what it tells when the turn is durable.

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::warn;
use warden_distribution::{Planned, Report, Signal};
use warden_domain::{ClientTradeId, InstanceId, Magic, Timestamp};
use warden_policy::{
    Event,
    trade::{Decision, TradeEvent, TradePhase},
};

use super::Shard;
use crate::signals::{DecideError, Scope, TradeView};

/// What is asked.
pub(crate) enum Request {
    /// Carry a signal out.
    Signal(Arc<Signal>, oneshot::Sender<Arrived>),
    /// What became of the signal with this key; `None` when the shard does not know.
    Report(ClientTradeId, oneshot::Sender<Option<Report>>),
    /// The trades that have not ended: of one instance, or of all.
    Trades(Option<InstanceId>, oneshot::Sender<Vec<TradeView>>),
    /// Halt trading, or let it go on.
    Halt {
        /// Whose.
        scope: Scope,
        /// Whether it is halted.
        halts: bool,
        /// The instances that are as asked for now, and those that another supervisor has.
        answer: oneshot::Sender<(Vec<InstanceId>, Vec<InstanceId>)>,
    },
    /// A person says what a lookalike is.
    Decide {
        /// Whose.
        instance: InstanceId,
        /// Of which trade.
        trade: Magic,
        /// What it is.
        decision: Decision,
        /// Whether that could be said.
        answer: oneshot::Sender<Result<(), DecideError>>,
    },
}

/// What became of a signal at a shard.
pub(crate) struct Arrived {
    /// Of the shard's own instances.
    pub(crate) report: Report,
    /// In one word.
    pub(crate) fate: Fate,
}

/// What became of a signal at a shard, in one word; the least of several shards' is that of the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// At least one account took it.
    Accepted,
    /// It was known: nothing was done.
    Known,
    /// No account took it.
    Refused,
    /// None of the shard's accounts is meant.
    Elsewhere,
}

/// What is told once the turn is durable.
pub(crate) enum Told {
    /// See [`Request::Signal`].
    Signal(oneshot::Sender<Arrived>, Arrived),
    /// See [`Request::Report`].
    Report(oneshot::Sender<Option<Report>>, ClientTradeId),
    /// See [`Request::Trades`].
    Trades(oneshot::Sender<Vec<TradeView>>, Option<InstanceId>),
    /// See [`Request::Halt`].
    Halted(oneshot::Sender<(Vec<InstanceId>, Vec<InstanceId>)>, Vec<InstanceId>, Vec<InstanceId>),
    /// See [`Request::Decide`].
    Decided(oneshot::Sender<Result<(), DecideError>>, Result<(), DecideError>),
}

impl Shard {
    /// Does what is asked; what is to be told is told when this turn is durable.
    pub(in crate::shard) fn take_request(&mut self, request: Request, now: Timestamp) -> Told {
        match request {
            Request::Signal(signal, answer) => {
                let arrived = self.signal(&signal, now);
                Told::Signal(answer, arrived)
            }
            Request::Report(key, answer) => Told::Report(answer, key),
            Request::Trades(instance, answer) => Told::Trades(answer, instance),
            Request::Halt { scope, halts, answer } => {
                let (done, elsewhere) = self.halt(&scope, halts, now);
                Told::Halted(answer, done, elsewhere)
            }
            Request::Decide { instance, trade, decision, answer } => {
                let decided = self.take_word(&instance, trade, decision, now);
                Told::Decided(answer, decided)
            }
        }
    }

    /// Answers what was asked. Who asked may have gone away; what was done is done all the same.
    pub(in crate::shard) fn tell_request(&self, told: Told) {
        match told {
            Told::Signal(answer, arrived) => {
                let _ = answer.send(arrived);
            }
            Told::Report(answer, key) => {
                let _ = answer.send(self.signals.reports.of(&key).cloned());
            }
            Told::Trades(answer, instance) => {
                let _ = answer.send(self.trade_views(instance.as_ref()));
            }
            Told::Halted(answer, done, elsewhere) => {
                let _ = answer.send((done, elsewhere));
            }
            Told::Decided(answer, decided) => {
                let _ = answer.send(decided);
            }
        }
    }

    fn trade_views(&self, instance: Option<&InstanceId>) -> Vec<TradeView> {
        let slots = self.slots.iter().filter(|slot| slot.is_ours());
        let slots = slots.filter(|slot| instance.is_none_or(|instance| slot.id == *instance));
        slots.flat_map(|slot| slot.trading.trades().map(|known| TradeView::of(&slot.id, &known))).collect()
    }

    /// Halts instances, or lets them go on: all of them in this turn, and so in one commit.
    fn halt(&mut self, scope: &Scope, halts: bool, now: Timestamp) -> (Vec<InstanceId>, Vec<InstanceId>) {
        let all = || (0..).zip(&self.slots).map(|(index, _)| index).collect();
        let indices: Vec<u32> = match scope {
            Scope::Instance(instance) => self.index_of.get(instance).copied().into_iter().collect(),
            Scope::Group(group) => self.signals.groups.get(group.as_str()).cloned().unwrap_or_default(),
            Scope::All => all(),
        };
        let (mut done, mut elsewhere) = (Vec::new(), Vec::new());
        let event = if halts { Event::Halt } else { Event::Unhalt };
        for index in indices {
            let slot = &self.slots[index as usize];
            let into = if slot.is_ours() { &mut done } else { &mut elsewhere };
            into.push(slot.id.clone());
            self.step(index, &event, "", now);
        }
        if !done.is_empty() {
            warn!(%scope, halts, instances = done.len(), rule = "TRD-7", "a person decides whether trading goes on");
        }
        (done, elsewhere)
    }

    fn take_word(
        &mut self,
        instance: &InstanceId,
        trade: Magic,
        decision: Decision,
        now: Timestamp,
    ) -> Result<(), DecideError> {
        let index = *self.index_of.get(instance).ok_or_else(|| DecideError::Unknown(instance.clone()))?;
        let slot = &self.slots[index as usize];
        if !slot.is_ours() {
            return Err(DecideError::Elsewhere(instance.clone()));
        }
        let known = slot.trading.trade(trade).ok_or(DecideError::NoTrade(trade))?;
        match known.trade.phase() {
            TradePhase::Suspect(..) => {}
            TradePhase::Waiting(..)
            | TradePhase::Sending(_)
            | TradePhase::Resolving(..)
            | TradePhase::Resting
            | TradePhase::Holding
            | TradePhase::Ended(..) => return Err(DecideError::NotSuspect(trade)),
        }
        self.give(index, trade, TradeEvent::Decide(decision), now);
        Ok(())
    }
}

impl Fate {
    /// Of a plan; `meant` says whether it is about an instance of the shard.
    pub(super) fn of(planned: &Planned, meant: bool) -> Self {
        match planned {
            _ if !meant => Self::Elsewhere,
            Planned::New(fanout) if fanout.intents.is_empty() => Self::Refused,
            Planned::New(_) => Self::Accepted,
            Planned::Known(_) => Self::Known,
            Planned::Repeated(_) | Planned::Refused(_) => Self::Refused,
        }
    }
}
