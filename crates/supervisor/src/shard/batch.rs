//! A batch: what was decided in one turn, made durable, carried out and told.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::{sync::oneshot, time::Instant};
use tracing::error;
use warden_domain::{InstanceId, Magic, Rule, Timestamp};
use warden_policy::{Effect, trade::TradeEffect};
use warden_store::{JournalError, Record};

use super::{Shard, Slot, signals::Told, trading::Figure, work::Work};
use crate::{Decision, FleetError, View, WishError, meters::Change};

/// What one batch has decided and not yet carried out.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    pub(super) dirty: Vec<u32>,
    pub(super) effects: Vec<(u32, Rule, Effect)>,
    /// The trades that were stepped.
    pub(super) trades: Vec<(u32, Magic)>,
    pub(super) trade_effects: Vec<(u32, Magic, Rule, TradeEffect)>,
    /// What the steps changed of the figures of trades.
    pub(super) figures: Vec<(Figure, Figure)>,
    /// The instances whose trades have something to be looked after at the end of the turn.
    pub(super) touched: Vec<u32>,
    /// The instances whose end the accounts store is to be told of.
    pub(super) endings: Vec<u32>,
    pub(super) changes: Vec<Change>,
    pub(super) decisions: Vec<(u32, Decision)>,
    pub(super) answers: Vec<Answer>,
    pub(super) events: u64,
}

/// What somebody is told when the batch is durable.
pub(super) enum Answer {
    Wish(oneshot::Sender<Result<(), WishError>>, InstanceId, Result<(), WishError>),
    Views(oneshot::Sender<Vec<View>>),
    Signals(Told),
}

impl Shard {
    /// Journal → hot state → act → tell; nothing of a batch is done before it is durable.
    pub(super) async fn carry_out(&mut self, now: Timestamp) -> Result<(), FleetError> {
        self.count_events();
        if !self.batch.records.is_empty() {
            self.commit().await?;
            let dirty = std::mem::take(&mut self.batch.dirty);
            for index in &dirty {
                self.slots[*index as usize].dirty = false;
            }
            self.project(&dirty, now).await;
            self.show_batch(now).await;
            self.unlock_logins(&dirty).await;
            for index in std::mem::take(&mut self.batch.endings) {
                if self.slots[index as usize].is_ours() {
                    self.begin_work(index, Work::Absorb);
                }
            }
            // Orders first: what a rule decides together with a stop, such as a flatten, leaves before its session ends.
            self.act_on_trades();
            let mut effects = std::mem::take(&mut self.batch.effects);
            for (index, rule, effect) in effects.drain(..) {
                self.act(index, rule, effect, now).await;
            }
            self.batch.effects = effects;
            self.tell_trades();
            self.batch.dirty = dirty;
            self.batch.dirty.clear();
        }
        self.settle_touched(now);
        self.tell_batch();
        Ok(())
    }

    fn count_events(&mut self) {
        let events = std::mem::take(&mut self.batch.events);
        if events > 0 {
            self.shared.stats.events.fetch_add(events, Ordering::Relaxed);
            self.shared.meters.events.add(events);
        }
    }

    /// Tells of the batch, now that it is durable and done.
    fn tell_batch(&mut self) {
        for change in self.batch.changes.drain(..) {
            let slot = &self.slots[change.index as usize];
            // What let go of an instance has taken it out of the figures already.
            if slot.is_ours() {
                self.shared.meters.follow(&slot.id, &change);
            }
        }
        for (index, decision) in self.batch.decisions.drain(..) {
            if self.slots[index as usize].is_ours() {
                // A feed that nobody reads any more is no fault.
                let _ = self.shared.feed.send(decision);
            }
        }
        for answer in std::mem::take(&mut self.batch.answers) {
            // Who asked may have gone away; the wish was carried out all the same.
            match answer {
                Answer::Wish(answer, instance, done) => {
                    let done = done.and_then(|()| self.still_ours(instance));
                    if done.is_err() {
                        self.shared.meters.refused_wishes.add(1);
                    }
                    let _ = answer.send(done);
                }
                Answer::Views(answer) => {
                    let _ = answer.send(self.views());
                }
                Answer::Signals(told) => self.tell_request(told),
            }
        }
    }

    /// A wish that was decided is void when the instance was let go of before it was done.
    fn still_ours(&self, instance: InstanceId) -> Result<(), WishError> {
        let slot = self.index_of.get(&instance).map(|index| &self.slots[*index as usize]);
        if slot.is_some_and(Slot::is_ours) { Ok(()) } else { Err(WishError::Elsewhere(instance)) }
    }

    fn views(&self) -> Vec<View> {
        let ours = self.slots.iter().filter(|slot| slot.is_ours());
        ours.map(|slot| View::of(&slot.id, slot.epoch, slot.version, &slot.state, slot.trading.counts()))
            .collect()
    }

    /// Gives the batch to the journal until it is durable.
    async fn commit(&mut self) -> Result<(), FleetError> {
        let records = std::mem::take(&mut self.batch.records);
        let rows = records.len() as u64;
        let (shared, began) = (&self.shared, Instant::now());
        shared.meters.journal_waits(rows);
        let mut wait = Duration::from_millis(50);
        loop {
            match shared.journal.append(records.clone()).await {
                Ok(_) => {
                    shared.stats.commits.fetch_add(1, Ordering::Relaxed);
                    shared.stats.transitions.fetch_add(rows, Ordering::Relaxed);
                    shared.meters.journal_took(rows, began.elapsed());
                    return Ok(());
                }
                Err(fault @ (JournalError::Closed | JournalError::Damaged(..))) => return Err(fault.into()),
                Err(fault) => {
                    shared.stats.commit_failures.fetch_add(1, Ordering::Relaxed);
                    error!(%fault, rows, "the journal did not take a batch; nothing of it is done before it does");
                    if shared.ending.load(Ordering::Acquire) {
                        return Err(fault.into());
                    }
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
            }
        }
    }
}
