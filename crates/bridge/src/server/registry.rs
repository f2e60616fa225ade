use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use warden_domain::InstanceId;

use super::slot::{SessionId, Slot};
use crate::{RefusalReason, session::Tally};

/// What the sessions and the way to the terminals have in common.
#[derive(Debug)]
pub(super) struct Registry {
    /// Every instance that was ever admitted: as many as the owner's configuration names.
    slots: RwLock<HashMap<InstanceId, Arc<Slot>>>,
    sessions: Mutex<BTreeMap<SessionId, Arc<View>>>,
    opened: AtomicU64,
    pub(super) unanswered: NonZeroUsize,
    pub(super) tallies: Tallies,
}

/// Frames that were refused, by either side.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    pub(super) refused: Tally,
    pub(super) refused_by_gateway: Tally,
}

/// What can be told of a session.
#[derive(Debug)]
pub(super) struct View {
    pub(super) id: SessionId,
    pub(super) peer: Option<SocketAddr>,
    pub(super) gateway_version: OnceLock<String>,
    pub(super) instances: AtomicUsize,
    pub(super) tallies: Tallies,
}

impl Registry {
    pub(super) fn new(unanswered: NonZeroUsize) -> Self {
        Self {
            slots: RwLock::default(),
            sessions: Mutex::default(),
            opened: AtomicU64::new(0),
            unanswered,
            tallies: Tallies::default(),
        }
    }

    /// The instance's slot, when it was ever admitted.
    pub(super) fn find(&self, instance: &InstanceId) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(instance).cloned()
    }

    /// The instance's slot.
    pub(super) fn slot(&self, instance: &InstanceId) -> Arc<Slot> {
        if let Some(slot) = self.find(instance) {
            return slot;
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(instance.clone()).or_insert_with(|| Arc::new(Slot::new(instance.clone())));
        Arc::clone(slot)
    }

    /// A session began.
    pub(super) fn enter(&self, peer: Option<SocketAddr>) -> Arc<View> {
        let view = Arc::new(View {
            id: SessionId(self.opened.fetch_add(1, Ordering::Relaxed) + 1),
            peer,
            gateway_version: OnceLock::new(),
            instances: AtomicUsize::new(0),
            tallies: Tallies::default(),
        });
        self.views().insert(view.id, Arc::clone(&view));
        view
    }

    /// A session ended.
    pub(super) fn leave(&self, session: SessionId) {
        self.views().remove(&session);
    }

    /// How many sessions began.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// The sessions that are open.
    pub(super) fn views(&self) -> MutexGuard<'_, BTreeMap<SessionId, Arc<View>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame of a gateway was refused.
    pub(super) fn refused(&self, view: &View, reason: RefusalReason) {
        self.tallies.refused.count(reason);
        view.tallies.refused.count(reason);
    }

    /// A gateway refused a frame.
    pub(super) fn refused_by_gateway(&self, view: &View, reason: RefusalReason) {
        self.tallies.refused_by_gateway.count(reason);
        view.tallies.refused_by_gateway.count(reason);
    }
}
