//! A shard: a slab of instances, one wheel of deadlines, and the write path.
//!
//! What waits is taken as one batch: every event is stepped, all steps are committed in one journal transaction, all
//! states are written to the hot-state store in one round trip, then the effects are carried out. An idle shard answers
//! at once and a storm is cheap.

mod act;
mod admission;
mod project;
mod servers;
mod slot;
mod translate;
mod wishes;

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rustc_hash::FxHashMap;
use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::{error, warn};
use warden_bridge::{Inbound, Mt5Bridge};
use warden_domain::{IncidentKind, InstanceId, OpId, Rule, Timestamp};
use warden_policy::{
    Effect, Effects, Event, Params, Phase, Refused, Stepped, encode_step, network::StateStore, step,
};
use warden_store::{Accounts, HotError, HotState, Journal, JournalError, Record};

pub(crate) use self::{
    servers::{Server, Standing, cut_off_since},
    slot::{Slot, StoredAs},
};
use crate::{Clock, Decision, FleetError, Options, Ownership, Stats, View, Wheel, Wish, view};

/// What reaches a shard from within the supervisor.
pub(crate) enum Internal {
    /// Something happened to an instance.
    Event { index: u32, event: Event, detail: String },
    /// A person wishes something.
    Wish { instance: InstanceId, wish: Wish, answer: oneshot::Sender<Result<(), Refused>> },
    /// Somebody wants to see the instances.
    Views(oneshot::Sender<Vec<View>>),
    /// Finish and end.
    Drain,
}

/// The ports and settings that all shards share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) params: Arc<Params>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) hot: Arc<dyn HotState>,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) bridge: Arc<dyn Mt5Bridge>,
    pub(crate) ownership: Arc<Ownership>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) feed: broadcast::Sender<Decision>,
    pub(crate) options: Options,
}

/// The worker.
pub(crate) struct Shard {
    shared: Shared,
    slots: Vec<Slot>,
    index_of: FxHashMap<InstanceId, u32>,
    servers: Vec<Server>,
    wheel: Wheel,
    store: StateStore,
    renew_at: Timestamp,
    inbound: Option<mpsc::Receiver<Inbound>>,
    internal: mpsc::Receiver<Internal>,
    to_self: mpsc::Sender<Internal>,
    next_op: OpId,
    /// Events that follow from steps of this shard; taken before anything new.
    follow_ups: VecDeque<(u32, Event, String)>,
    draining: bool,
    batch: Batch,
    fx: Effects,
}

/// What one batch has decided and not yet carried out.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    dirty: Vec<u32>,
    effects: Vec<(u32, Rule, Effect)>,
    server_events: Vec<(u32, Event)>,
}

/// What a shard starts with.
pub(crate) struct Start {
    pub(crate) slots: Vec<Slot>,
    pub(crate) servers: Vec<Server>,
    pub(crate) store: StateStore,
    pub(crate) first_events: Vec<(u32, Event)>,
    pub(crate) inbound: mpsc::Receiver<Inbound>,
    pub(crate) internal: mpsc::Receiver<Internal>,
    pub(crate) to_self: mpsc::Sender<Internal>,
    pub(crate) first_op: OpId,
}

impl Shard {
    pub(crate) fn new(shared: Shared, start: Start) -> Self {
        let now = shared.clock.now();
        let index_of = start.slots.iter().zip(0..).map(|(slot, index)| (slot.id.clone(), index)).collect();
        let mut shard = Self {
            renew_at: now.after(shared.options.lease_renew),
            wheel: Wheel::new(now),
            index_of,
            slots: start.slots,
            servers: start.servers,
            store: start.store,
            inbound: Some(start.inbound),
            internal: start.internal,
            to_self: start.to_self,
            next_op: start.first_op,
            follow_ups: start
                .first_events
                .into_iter()
                .map(|(index, event)| (index, event, String::new()))
                .collect(),
            draining: false,
            batch: Batch::default(),
            fx: Effects::default(),
            shared,
        };
        for index in 0..shard.slots.len() {
            shard.rearm(u32::try_from(index).expect("a shard holds fewer than 2^32 instances"));
        }
        shard
    }

    /// Works until it is drained.
    ///
    /// # Errors
    /// When the journal closed under it: nothing can be decided durably any more.
    pub(crate) async fn run(mut self) -> Result<(), FleetError> {
        let (mut inbox, mut mail, mut due) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            if self.follow_ups.is_empty() {
                if self.draining {
                    return self.end().await;
                }
                self.wait(&mut inbox, &mut mail).await;
            }
            let now = self.now();
            self.keep_leases(now).await;
            self.probe_store(now).await;
            for message in mail.drain(..) {
                self.take_mail(message, now);
            }
            for message in inbox.drain(..) {
                self.take_inbound(message, now);
            }
            for _ in 0..self.shared.options.batch {
                let Some((index, event, detail)) = self.follow_ups.pop_front() else { break };
                self.step(index, &event, &detail, now);
            }
            self.wheel.take_due(now, self.shared.options.batch, &mut due);
            self.tick(&mut due, now).await;
            self.carry_out(now).await?;
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Waits for something to do, and takes what is there.
    async fn wait(&mut self, inbox: &mut Vec<Inbound>, mail: &mut Vec<Internal>) {
        let most = self.shared.options.batch;
        let sleep = tokio::time::sleep(self.until_next());
        let inbound = async {
            match &mut self.inbound {
                Some(inbound) => inbound.recv_many(inbox, most).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            taken = inbound => {
                if taken == 0 {
                    self.inbound = None;
                }
            }
            taken = self.internal.recv_many(mail, most) => debug_assert!(taken > 0, "the shard holds a sender itself"),
            () = sleep => {}
        }
        while mail.len() < most {
            let Ok(message) = self.internal.try_recv() else { break };
            mail.push(message);
        }
    }

    fn until_next(&self) -> Duration {
        let deadlines = [Some(self.renew_at), self.wheel.next(), self.store.next_deadline()];
        let first = deadlines.into_iter().flatten().min().unwrap_or(self.renew_at);
        self.shared.clock.until(first)
    }

    fn take_mail(&mut self, message: Internal, now: Timestamp) {
        match message {
            Internal::Event { index, event, detail } => self.step(index, &event, &detail, now),
            Internal::Wish { instance, wish, answer } => {
                let done = self.wish(&instance, wish, now);
                // Who asked may have gone away; the wish was carried out all the same.
                let _ = answer.send(done);
            }
            Internal::Views(answer) => {
                let views = self.slots.iter().filter(|slot| slot.is_ours());
                let _ = answer.send(
                    views.map(|slot| View::of(&slot.id, slot.epoch, slot.version, &slot.state)).collect(),
                );
            }
            Internal::Drain => self.draining = true,
        }
    }

    fn take_inbound(&mut self, inbound: Inbound, now: Timestamp) {
        let id = match &inbound {
            Inbound::Up { instance, .. } | Inbound::Down { instance } | Inbound::Report { instance, .. } => {
                instance
            }
            Inbound::Finished(finished) => &finished.instance,
        };
        let Some(&index) = self.index_of.get(id) else {
            self.shared.stats.strangers.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let (event, detail) = translate::event(inbound, &self.slots[index as usize]);
        self.step(index, &event, &detail, now);
    }

    /// Decides: the only place where a state changes.
    fn step(&mut self, index: u32, event: &Event, detail: &str, now: Timestamp) {
        let slot = &mut self.slots[index as usize];
        if !slot.is_ours() {
            return;
        }
        self.shared.stats.events.fetch_add(1, Ordering::Relaxed);
        let before = Before::of(slot);
        match step(&mut slot.state, event, now, &self.shared.params, &mut self.fx) {
            Stepped::Unchanged => {}
            Stepped::Changed => self.record(index, event, detail, before, now),
        }
        self.rearm(index);
    }

    /// Takes a decided step into the batch.
    fn record(&mut self, index: u32, event: &Event, detail: &str, before: Before, now: Timestamp) {
        let slot = &mut self.slots[index as usize];
        slot.version = slot.version.next();
        slot.op = self.next_op;
        self.next_op = self.next_op.next();
        let mut payload = Vec::with_capacity(256);
        encode_step(event, &self.fx, &slot.state, detail, &mut payload);
        self.batch.records.push(Record {
            instance: slot.id.clone(),
            epoch: slot.epoch,
            version: slot.version,
            op: slot.op,
            at: now,
            kind: event.kind(),
            rule: self.fx.rule().map_or("", Rule::as_str),
            payload,
        });
        if !std::mem::replace(&mut slot.dirty, true) {
            self.batch.dirty.push(index);
        }
        self.batch.effects.extend(self.fx.list().iter().map(|(rule, effect)| (index, *rule, *effect)));
        before.count(&slot.state, &self.shared.stats);
        let server = &mut self.servers[slot.server_index as usize];
        servers::follow(
            server,
            index,
            before.standing,
            &slot.state,
            now,
            &self.shared.params,
            &self.shared.stats,
            &mut self.batch.server_events,
        );
        let followed = self.batch.server_events.drain(..).map(|(index, event)| (index, event, String::new()));
        self.follow_ups.extend(followed);
        if self.shared.feed.receiver_count() > 0 {
            self.tell(index, event, detail, &before, now);
        }
    }

    fn tell(&self, index: u32, event: &Event, detail: &str, before: &Before, now: Timestamp) {
        let slot = &self.slots[index as usize];
        let decision = Decision {
            at: now,
            instance: slot.id.clone(),
            event: event.kind(),
            rule: self.fx.rule(),
            before: before.status,
            after: slot.state.status(),
            actions: self.fx.list().iter().map(|(_, effect)| view::action(*effect).to_owned()).collect(),
            detail: detail.to_owned(),
        };
        // A feed that nobody reads any more is no fault.
        let _ = self.shared.feed.send(decision);
    }

    /// Journal → hot state → act; nothing of a batch is done before it is durable.
    async fn carry_out(&mut self, now: Timestamp) -> Result<(), FleetError> {
        if self.batch.records.is_empty() {
            return Ok(());
        }
        self.commit().await?;
        let dirty = std::mem::take(&mut self.batch.dirty);
        for index in &dirty {
            self.slots[*index as usize].dirty = false;
        }
        self.project(&dirty, now).await;
        self.unlock_logins(&dirty).await;
        let mut effects = std::mem::take(&mut self.batch.effects);
        for (index, rule, effect) in effects.drain(..) {
            self.act(index, rule, effect, now).await;
        }
        self.batch.effects = effects;
        self.batch.dirty = dirty;
        self.batch.dirty.clear();
        Ok(())
    }

    /// Gives the batch to the journal until it is durable.
    async fn commit(&mut self) -> Result<(), FleetError> {
        let records = std::mem::take(&mut self.batch.records);
        let mut wait = Duration::from_millis(50);
        loop {
            match self.shared.journal.append(records.clone()).await {
                Ok(_) => {
                    self.shared.stats.commits.fetch_add(1, Ordering::Relaxed);
                    self.shared.stats.transitions.fetch_add(records.len() as u64, Ordering::Relaxed);
                    return Ok(());
                }
                Err(fault @ (JournalError::Closed | JournalError::Damaged(..))) => return Err(fault.into()),
                Err(fault) => {
                    self.shared.stats.commit_failures.fetch_add(1, Ordering::Relaxed);
                    error!(%fault, rows = records.len(), "the journal did not take a batch; nothing of it is done before it does");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
            }
        }
    }

    /// Sees to it that the wheel holds the instance's next deadline.
    fn rearm(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if let Some(next) = slot.state.next_deadline() {
            if next < slot.armed_at {
                slot.armed_at = next;
                self.wheel.insert(next, index);
            }
        }
    }

    async fn keep_leases(&mut self, now: Timestamp) {
        if now < self.renew_at {
            return;
        }
        let options = &self.shared.options;
        self.renew_at = now.after(options.lease_renew);
        let ours: Vec<u32> = self.ours().collect();
        let leases: Vec<_> = ours.iter().map(|index| self.lease(*index)).collect();
        match self.shared.hot.renew(&leases, &options.owner, options.lease_ttl).await {
            Ok(kept) => {
                let lost: Vec<u32> =
                    ours.into_iter().zip(kept).filter(|(_, kept)| !kept).map(|(index, _)| index).collect();
                // A lease that ran out is taken again, unless another supervisor has it.
                if let Err(fault) = self.take_leases(&lost).await {
                    self.store_failed(&fault, now);
                }
            }
            Err(fault) => self.store_failed(&fault, now),
        }
    }

    /// Takes leases, or keeps them; what another supervisor owns is let go of.
    pub(crate) async fn take_leases(&mut self, indices: &[u32]) -> Result<(), HotError> {
        let leases: Vec<_> = indices.iter().map(|index| self.lease(*index)).collect();
        let options = &self.shared.options;
        let taken = self.shared.hot.acquire(&leases, &options.owner, options.lease_ttl).await?;
        for (index, taken) in indices.iter().zip(taken) {
            if !taken {
                self.let_go(*index);
            }
        }
        Ok(())
    }

    fn ours(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.is_ours() && !slot.state.hot_state_removed())
            .map(|(index, _)| index)
    }

    fn lease(&self, index: u32) -> (InstanceId, warden_domain::Epoch) {
        let slot = &self.slots[index as usize];
        (slot.id.clone(), slot.epoch)
    }

    /// Another supervisor owns the instance: nothing more is decided or done for it here.
    fn let_go(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if slot.is_ours() {
            warn!(instance = %slot.id, epoch = %slot.epoch, "another supervisor owns the instance; letting go");
            slot.stored = StoredAs::Fenced;
            self.shared.ownership.let_go(&slot.id);
            self.shared.stats.fenced.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn end(&mut self) -> Result<(), FleetError> {
        let ours: Vec<u32> = self.ours().collect();
        let leases: Vec<_> = ours.iter().map(|index| self.lease(*index)).collect();
        if let Err(fault) = self.shared.hot.release(&leases, &self.shared.options.owner).await {
            warn!(%fault, "leases were not released; they run out by themselves");
        }
        Ok(())
    }
}

/// What of an instance is compared over a step.
struct Before {
    status: warden_domain::Status,
    standing: Standing,
    open: u16,
}

impl Before {
    fn of(slot: &Slot) -> Self {
        Self {
            status: slot.state.status(),
            standing: Standing::of(&slot.state),
            open: open_kinds(&slot.state),
        }
    }

    /// Counts the incidents that the step opened, and those that ended while the instance goes on.
    fn count(&self, after: &warden_policy::Instance, stats: &Stats) {
        let (before, now) = (self.open, open_kinds(after));
        if before == now {
            return;
        }
        let goes_on = !matches!(after.phase(), Phase::Stopped { .. });
        for kind in IncidentKind::ALL {
            let bit = 1_u16 << *kind as u8;
            if now & !before & bit != 0 {
                stats.incident_opened(*kind);
            }
            if before & !now & bit != 0 && goes_on {
                stats.incident_recovered(*kind);
            }
        }
    }
}

fn open_kinds(state: &warden_policy::Instance) -> u16 {
    let open = IncidentKind::ALL.iter().filter(|kind| state.incident(**kind).is_some());
    open.fold(0, |bits, kind| bits | 1 << *kind as u8)
}
