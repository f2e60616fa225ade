use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use warden_domain::IncidentKind;

/// What a fleet has done since it was started; cheap to read at any time.
#[derive(Debug, Default)]
pub struct Stats {
    /// Turns of the shards' loops: an idle fleet makes few.
    pub turns: AtomicU64,
    /// Events taken in.
    pub events: AtomicU64,
    /// Steps that changed something, each one journal row.
    pub transitions: AtomicU64,
    /// Journal commits.
    pub commits: AtomicU64,
    /// Commits that failed and were given again.
    pub commit_failures: AtomicU64,
    /// State changes written to the hot-state store.
    pub hot_writes: AtomicU64,
    /// Instances whose hot state lags behind the journal now.
    pub hot_backlog: AtomicU64,
    /// Commands handed to gateways.
    pub commands: AtomicU64,
    /// Notifications.
    pub notifications: AtomicU64,
    /// What arrived for an instance that is not ours.
    pub strangers: AtomicU64,
    /// Instances let go of because another supervisor owns them.
    pub fenced: AtomicU64,
    /// Broker incidents opened (BRK-5).
    pub broker_incidents: AtomicU64,
    opened: [AtomicU64; IncidentKind::COUNT],
    closed: [AtomicU64; IncidentKind::COUNT],
}

impl Stats {
    /// Incidents opened, by kind; kinds without one are left out.
    #[must_use]
    pub fn incidents_opened(&self) -> BTreeMap<IncidentKind, u64> {
        by_kind(&self.opened)
    }

    /// Incidents that ended because the instance recovered, by kind; kinds without one are left out.
    #[must_use]
    pub fn incidents_recovered(&self) -> BTreeMap<IncidentKind, u64> {
        by_kind(&self.closed)
    }

    pub(crate) fn incident_opened(&self, kind: IncidentKind) {
        self.opened[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn incident_recovered(&self, kind: IncidentKind) {
        self.closed[kind as usize].fetch_add(1, Ordering::Relaxed);
    }
}

fn by_kind(counts: &[AtomicU64; IncidentKind::COUNT]) -> BTreeMap<IncidentKind, u64> {
    IncidentKind::ALL
        .iter()
        .map(|kind| (*kind, counts[*kind as usize].load(Ordering::Relaxed)))
        .filter(|(_, count)| *count > 0)
        .collect()
}
