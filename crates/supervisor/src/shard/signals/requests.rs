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
use crate::{
    shard::slot::Slot,
    signals::{DecideError, Scope, TradeView},
};

/// What is asked.
pub(crate) enum Request {
    /// Carry a signal out.
    Signal {
        /// What is wanted.
        signal: Arc<Signal>,
        /// Instances that it names and nobody knows, sorted: their lines are kept with the shard's own.
        strangers: Vec<InstanceId>,
        /// What became of it.
        answer: oneshot::Sender<Arrived>,
    },
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
    /// See [`Request::Halt`]; the slots that are meant.
    Halted(oneshot::Sender<(Vec<InstanceId>, Vec<InstanceId>)>, Vec<u32>),
    /// See [`Request::Decide`].
    Decided(oneshot::Sender<Result<(), DecideError>>, InstanceId, Result<(), DecideError>),
}

impl Shard {
    /// Does what is asked; what is to be told is told when this turn is durable.
    pub(in crate::shard) fn take_request(&mut self, request: Request, now: Timestamp) -> Told {
        match request {
            Request::Signal { signal, strangers, answer } => {
                let arrived = self.signal(&signal, &strangers, now);
                Told::Signal(answer, arrived)
            }
            Request::Report(key, answer) => Told::Report(answer, key),
            Request::Trades(instance, answer) => Told::Trades(answer, instance),
            Request::Halt { scope, halts, answer } => {
                let indices = self.halt(&scope, halts, now);
                Told::Halted(answer, indices)
            }
            Request::Decide { instance, trade, decision, answer } => {
                let decided = self.take_word(&instance, trade, decision, now);
                Told::Decided(answer, instance, decided)
            }
        }
    }

    /// Answers what was asked. Who asked may have gone away; what was done is done all the same. What was decided is void
    /// where the instance was let go of before it was done.
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
            Told::Halted(answer, indices) => {
                let meant = indices.into_iter().map(|index| &self.slots[index as usize]);
                let (done, elsewhere): (Vec<&Slot>, Vec<&Slot>) = meant.partition(|slot| slot.is_ours());
                let ids = |slots: Vec<&Slot>| slots.into_iter().map(|slot| slot.id.clone()).collect();
                let _ = answer.send((ids(done), ids(elsewhere)));
            }
            Told::Decided(answer, instance, decided) => {
                let index = self.index_of.get(&instance);
                let is_void = index.is_some_and(|index| !self.slots[*index as usize].is_ours());
                let _ = answer.send(if is_void { Err(DecideError::Elsewhere(instance)) } else { decided });
            }
        }
    }

    fn trade_views(&self, instance: Option<&InstanceId>) -> Vec<TradeView> {
        let slots = self.slots.iter().filter(|slot| slot.is_ours());
        let slots = slots.filter(|slot| instance.is_none_or(|instance| slot.id == *instance));
        slots.flat_map(|slot| slot.trading.trades().map(|known| TradeView::of(&slot.id, &known))).collect()
    }

    /// Halts instances, or lets them go on: all of them in this turn, and so in one commit. Answers which were meant.
    fn halt(&mut self, scope: &Scope, halts: bool, now: Timestamp) -> Vec<u32> {
        let indices: Vec<u32> = match scope {
            Scope::Instance(instance) => self.index_of.get(instance).copied().into_iter().collect(),
            Scope::Group(group) => self.signals.groups.get(group.as_str()).cloned().unwrap_or_default(),
            Scope::All => (0..).zip(&self.slots).map(|(index, _)| index).collect(),
        };
        let event = if halts { Event::Halt } else { Event::Unhalt };
        for index in &indices {
            self.step(*index, &event, "", now);
        }
        if !indices.is_empty() {
            warn!(%scope, halts, instances = indices.len(), rule = "TRD-7", "a person decides whether trading goes on");
        }
        indices
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
