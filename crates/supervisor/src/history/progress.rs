use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;
use warden_domain::Timestamp;
use warden_store::Journal;
use warden_telemetry::{Counter, Gauge, Registry, metrics};

use crate::Clock;

/// How far the export is, for those who wait for it and for Prometheus.
pub(super) struct Progress {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    /// The newest row that was acknowledged, once that is durable.
    exported: watch::Sender<u64>,
    waiting: Mutex<Waiting>,
    lag: Gauge,
    backlog: Gauge,
    rows: Counter,
    pub(super) failures: Counter,
    pub(super) unreadable: Counter,
}

/// What is not acknowledged.
#[derive(Debug, Default)]
struct Waiting {
    /// When the oldest row of each range that is being derived or sent was decided.
    ranges: VecDeque<Timestamp>,
    /// Since when rows are known to wait that were not read yet.
    unread: Option<Timestamp>,
}

impl Progress {
    pub(super) fn new(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
        acked: u64,
    ) -> (Self, watch::Receiver<u64>) {
        let (exported, seen) = watch::channel(acked);
        let progress = Self {
            journal,
            clock,
            exported,
            waiting: Mutex::default(),
            lag: registry.series(&metrics::HISTORY_LAG, []),
            backlog: registry.series(&metrics::HISTORY_BACKLOG, []),
            rows: registry.series(&metrics::HISTORY_EXPORTED, []),
            failures: registry.series(&metrics::HISTORY_FAILURES, []),
            unreadable: registry.series(&metrics::HISTORY_UNREADABLE, []),
        };
        progress.look();
        (progress, seen)
    }

    /// A range is begun; its oldest row was decided then.
    pub(super) fn begun(&self, oldest: Timestamp) {
        let mut waiting = self.waiting();
        waiting.ranges.push_back(oldest);
        waiting.unread = None;
    }

    /// The oldest range was acknowledged up to this row, and that is durable.
    pub(super) fn acked(&self, last: u64, rows: u64) {
        self.waiting().ranges.pop_front();
        self.rows.add(rows);
        self.exported.send_replace(last);
        self.look();
    }

    /// Sets the gauges again and again, for as long as it is polled: a lag grows although nothing happens.
    pub(super) async fn keep_looking(&self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            self.look();
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a journal holds far fewer rows than a double counts exactly"
    )]
    pub(super) fn look(&self) {
        let backlog = self.journal.head().seq.saturating_sub(*self.exported.borrow());
        self.backlog.set(backlog as f64);
        let mut waiting = self.waiting();
        let oldest = match waiting.ranges.front() {
            Some(oldest) => Some(*oldest),
            None if backlog == 0 => {
                waiting.unread = None;
                None
            }
            None => Some(*waiting.unread.get_or_insert_with(|| self.clock.now())),
        };
        let lag = oldest.map_or(0, |oldest| self.clock.now().since(oldest).as_millis());
        self.lag.set(lag as f64 / 1_000.0);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
