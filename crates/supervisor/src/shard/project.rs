//! The hot-state store: projecting states, and what becomes of it when it is lost (NET-3, REC-2, ACC-6).

use std::sync::atomic::Ordering;

use tracing::{info, warn};
use warden_domain::{IncidentKind, InstanceId, Timestamp, Version};
use warden_policy::{Event, StateEvent, StateStoreEvent, encode_state, network::StateStoreEffect};
use warden_store::{Cas, HotError, HotUpdate, Stored};

use super::{Shard, StoredAs};

/// States written in one call at most while a backlog is flushed.
const FLUSH: usize = 4_096;

impl Shard {
    /// Writes the states of these instances that the store still lacks.
    pub(super) async fn project(&mut self, indices: &[u32], now: Timestamp) {
        if self.store.next_deadline().is_none()
            && let Err(fault) = self.write(indices).await
        {
            self.store_failed(&fault, now);
        }
        for index in indices {
            self.count_backlog(*index);
            self.settle_later(*index);
        }
    }

    /// Writes what the store lacks of what was recovered: the process before this one ended between the two.
    pub(super) async fn catch_up(&mut self) {
        let lagging: Vec<u32> = self.ours().filter(|index| self.slots[*index as usize].lags()).collect();
        for part in lagging.chunks(FLUSH) {
            let now = self.now();
            self.project(part, now).await;
        }
        let ours: Vec<u32> = self.ours().collect();
        if self.store.next_deadline().is_none()
            && let Err(fault) = self.show_lacking(&ours).await
        {
            let now = self.now();
            self.store_failed(&fault, now);
        }
    }

    /// Keeps count of the instances whose hot state lags.
    pub(super) fn count_backlog(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        let lags = slot.lags();
        if lags != slot.backlogged {
            slot.backlogged = lags;
            if lags {
                self.shared.stats.hot_backlog.fetch_add(1, Ordering::Relaxed);
            } else {
                self.shared.stats.hot_backlog.fetch_sub(1, Ordering::Relaxed);
            }
            self.shared.meters.backlog.add(if lags { 1.0 } else { -1.0 });
        }
    }

    /// A state that is not settled, and that no open incident settles, is told of again: a reset has forgotten the
    /// incident, and without it nothing would ever be written.
    fn settle_later(&mut self, index: u32) {
        let slot = &self.slots[index as usize];
        let settling = |kind| slot.state.incident(kind).is_some();
        if slot.stored == StoredAs::Unsettled
            && !settling(IncidentKind::StateConflict)
            && !settling(IncidentKind::StateCorrupted)
            && !slot.state.hot_state_removed()
        {
            self.follow_up(index, Event::State(StateEvent::Conflict));
        }
    }

    pub(super) async fn write(&mut self, indices: &[u32]) -> Result<(), HotError> {
        let lagging = |shard: &Self, restored: bool| -> Vec<u32> {
            let lags = |index: &&u32| {
                let slot = &shard.slots[**index as usize];
                slot.lags() && (slot.stored == StoredAs::ToRestore) == restored
            };
            indices.iter().filter(lags).copied().collect()
        };
        let changed = lagging(self, false);
        if !changed.is_empty() {
            let updates: Vec<HotUpdate> = changed.iter().map(|index| self.update(*index)).collect();
            let answers = self.shared.hot.cas(&updates).await?;
            self.settle(&changed, &updates, &answers);
        }
        let old = lagging(self, true);
        if !old.is_empty() {
            let updates: Vec<HotUpdate> = old.iter().map(|index| self.update(*index)).collect();
            let answers = self.shared.hot.restore(&updates).await?;
            self.settle(&old, &updates, &answers);
        }
        Ok(())
    }

    fn update(&self, index: u32) -> HotUpdate {
        let slot = &self.slots[index as usize];
        let (expected, previous) = match slot.stored {
            StoredAs::Version(version, previous) => (version, previous),
            StoredAs::ToRestore | StoredAs::Unsettled | StoredAs::Fenced => (Version(0), None),
        };
        let mut state = Vec::with_capacity(192);
        encode_state(&slot.state, &mut state);
        HotUpdate {
            instance: slot.id.clone(),
            epoch: slot.epoch,
            expected,
            version: slot.version,
            op: slot.op,
            projection: slot.projection(),
            previous,
            state,
        }
    }

    fn settle(&mut self, indices: &[u32], updates: &[HotUpdate], answers: &[Cas]) {
        for ((index, update), answer) in indices.iter().zip(updates).zip(answers) {
            let slot = &mut self.slots[*index as usize];
            match *answer {
                Cas::Applied | Cas::AlreadyApplied => {
                    slot.stored = StoredAs::Version(update.version, Some(update.projection));
                    self.shared.stats.hot_writes.fetch_add(1, Ordering::Relaxed);
                }
                Cas::Behind { stored } => {
                    warn!(instance = %slot.id, ?stored, ours = %slot.version, "hot state lost writes; restoring it");
                    slot.stored = StoredAs::ToRestore;
                }
                Cas::Ahead { stored } => {
                    warn!(instance = %slot.id, %stored, ours = %slot.version, rule = "REC-2", "stored state moved under us");
                    slot.stored = StoredAs::Unsettled;
                    self.follow_up(*index, Event::State(StateEvent::Conflict));
                }
                Cas::Corrupt => {
                    warn!(instance = %slot.id, rule = "ACC-6", "stored state is unreadable");
                    slot.stored = StoredAs::Unsettled;
                    self.follow_up(*index, Event::State(StateEvent::Corrupted));
                }
                Cas::Fenced { .. } => self.let_go(*index),
            }
        }
    }

    pub(super) fn follow_up(&mut self, index: u32, event: Event) {
        self.follow_ups.push_back((index, event, String::new()));
    }

    /// ACC-6: writes the whole state over what is unreadable.
    pub(super) async fn rebuild(&mut self, index: u32, now: Timestamp) {
        self.slots[index as usize].stored = StoredAs::ToRestore;
        if self.store.next_deadline().is_some() {
            // The return of the store is what writes it.
            return;
        }
        if let Err(fault) = self.write(&[index]).await {
            return self.store_failed(&fault, now);
        }
        self.count_backlog(index);
        let slot = &self.slots[index as usize];
        let written = matches!(slot.stored, StoredAs::Version(version, _) if version == slot.version);
        let event = if written { StateEvent::Written } else { StateEvent::RebuildFailed };
        self.follow_up(index, Event::State(event));
    }

    /// REC-2: locks the state, reads it again and writes ours on top of what is there.
    pub(super) async fn retry_write(&mut self, index: u32, now: Timestamp) {
        if self.store.next_deadline().is_some() {
            // It is made when the store is back.
            return;
        }
        let ids = [self.slots[index as usize].id.clone()];
        match self.locked_write(index, &ids).await {
            Ok(event) => self.follow_up(index, Event::State(event)),
            Err(fault) => self.store_failed(&fault, now),
        }
    }

    async fn locked_write(&mut self, index: u32, ids: &[InstanceId; 1]) -> Result<StateEvent, HotError> {
        let (hot, owner) = (&self.shared.hot, &self.shared.options.owner);
        let locked = hot.lock_login(ids, owner, self.shared.params.login.lock_ttl).await?;
        if locked != [true] {
            return Ok(StateEvent::Conflict);
        }
        let event = self.write_on_top(index, ids).await?;
        // An attempt that is under way holds the same lock, and goes on holding it.
        if !self.slots[index as usize].locked {
            self.shared.hot.unlock_login(ids, &self.shared.options.owner).await?;
        }
        Ok(event)
    }

    async fn write_on_top(&mut self, index: u32, ids: &[InstanceId; 1]) -> Result<StateEvent, HotError> {
        let (snapshot, projection) = match self.shared.hot.load(ids).await?.pop() {
            Some(Stored::State(snapshot, projection)) => (snapshot, projection),
            Some(Stored::Nothing) | None => {
                self.slots[index as usize].stored = StoredAs::ToRestore;
                return Ok(StateEvent::Written);
            }
            Some(Stored::Corrupt(_)) => return Ok(StateEvent::Corrupted),
        };
        let slot = &mut self.slots[index as usize];
        slot.stored = StoredAs::Version(snapshot.version, Some(projection));
        slot.version = Version(slot.version.0.max(snapshot.version.0)).next();
        slot.op = self.next_op;
        self.next_op = self.next_op.next();
        let updates = [self.update(index)];
        let answers = self.shared.hot.cas(&updates).await?;
        let event = match answers.first() {
            Some(Cas::Applied | Cas::AlreadyApplied) => {
                self.slots[index as usize].stored =
                    StoredAs::Version(updates[0].version, Some(updates[0].projection));
                StateEvent::Written
            }
            Some(Cas::Fenced { .. }) => {
                self.let_go(index);
                StateEvent::Conflict
            }
            Some(Cas::Behind { .. } | Cas::Ahead { .. } | Cas::Corrupt) | None => {
                self.slots[index as usize].stored = StoredAs::Unsettled;
                StateEvent::Conflict
            }
        };
        Ok(event)
    }

    /// NET-3: the store did not answer.
    pub(super) fn store_failed(&mut self, fault: &HotError, now: Timestamp) {
        // The call may have taken its time; the wait begins when it failed.
        let failed_at = self.now().max(now);
        let event = match self.store.failed(failed_at, &self.shared.params) {
            StateStoreEffect::Nothing | StateStoreEffect::Back => return,
            StateStoreEffect::Lost(attempts) => StateStoreEvent::Lost { attempts },
            StateStoreEffect::Exhausted => StateStoreEvent::Exhausted,
        };
        warn!(%fault, rule = "NET-3", ?event, "the hot-state store does not answer; the journal goes on");
        self.tell_all(event);
    }

    fn tell_all(&mut self, event: StateStoreEvent) {
        let ours: Vec<u32> = self.ours().collect();
        for index in ours {
            self.follow_up(index, Event::StateStore(event));
        }
    }

    /// NET-3: tries the store again when it is time, and flushes the backlog when it answers.
    pub(super) async fn probe_store(&mut self, now: Timestamp) {
        if self.store.next_deadline().is_none_or(|at| at > now) {
            return;
        }
        match self.flush().await {
            Ok(written) => {
                if self.store.answered() == StateStoreEffect::Back {
                    info!(
                        written,
                        rule = "NET-3",
                        "the hot-state store answers again; the backlog is flushed"
                    );
                    self.tell_all(StateStoreEvent::Back);
                }
            }
            Err(fault) => self.store_failed(&fault, now),
        }
    }

    /// Writes everything the store lacks, in order; versions make it harmless to begin again.
    async fn flush(&mut self) -> Result<usize, HotError> {
        self.shared.hot.check().await?;
        let ours: Vec<u32> = self.ours().collect();
        for part in ours.chunks(FLUSH) {
            self.take_leases(part).await?;
        }
        // What was written before the store was lost may be gone: every state is compared, not only those that changed.
        for part in ours.chunks(FLUSH) {
            self.bring_up(part).await?;
        }
        self.settle_now(&ours).await?;
        Ok(ours.len())
    }

    /// Compares what the store holds of these instances, and writes what it lacks.
    pub(super) async fn bring_up(&mut self, indices: &[u32]) -> Result<(), HotError> {
        self.compare(indices).await?;
        self.write(indices).await?;
        for index in indices {
            self.slots[*index as usize].trading.show_all_again();
        }
        self.show_lacking(indices).await?;
        for index in indices {
            self.count_backlog(*index);
        }
        Ok(())
    }

    /// Goes on with what settles a state and was cut short by the loss of the store.
    async fn settle_now(&mut self, indices: &[u32]) -> Result<(), HotError> {
        for index in indices {
            let slot = &self.slots[*index as usize];
            let open = |kind| slot.state.incident(kind).is_some();
            let cut_short = open(IncidentKind::StateConflict)
                && slot.state.timers().due_at(warden_policy::Timer::Conflict).is_none();
            let event = if slot.stored == StoredAs::Unsettled && cut_short {
                let ids = [slot.id.clone()];
                self.locked_write(*index, &ids).await?
            } else if open(IncidentKind::StateCorrupted)
                && matches!(slot.stored, StoredAs::Version(version, _) if version == slot.version)
            {
                StateEvent::Written
            } else {
                continue;
            };
            self.follow_up(*index, Event::State(event));
        }
        Ok(())
    }

    /// Reads what the store holds of these instances and takes it as known.
    async fn compare(&mut self, indices: &[u32]) -> Result<(), HotError> {
        let ids: Vec<_> = indices.iter().map(|index| self.slots[*index as usize].id.clone()).collect();
        let found = self.shared.hot.load(&ids).await?;
        for (index, stored) in indices.iter().zip(found) {
            let slot = &mut self.slots[*index as usize];
            if !slot.is_ours() || slot.stored == StoredAs::Unsettled {
                continue;
            }
            slot.stored = match stored {
                Stored::State(snapshot, projection) if snapshot.version <= slot.version => {
                    StoredAs::Version(snapshot.version, Some(projection))
                }
                Stored::State(snapshot, _) => {
                    let (stored, ours) = (snapshot.version, slot.version);
                    warn!(instance = %slot.id, %stored, %ours, rule = "REC-2", "stored state is newer than ours");
                    self.follow_ups.push_back((*index, Event::State(StateEvent::Conflict), String::new()));
                    StoredAs::Unsettled
                }
                Stored::Nothing if slot.version == Version(0) => StoredAs::Version(Version(0), None),
                Stored::Nothing | Stored::Corrupt(_) => StoredAs::ToRestore,
            };
        }
        Ok(())
    }
}
