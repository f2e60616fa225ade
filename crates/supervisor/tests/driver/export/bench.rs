//! An export with everything around it; it can be killed and started again over what is durable.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::task::JoinHandle;
use warden_domain::{InstanceId, Timestamp, TradeServer};
use warden_store::{
    History, HistoryRows, Journal, JournalId, Record, Row, history::Range, memory::MemoryHistory,
};
use warden_supervisor::{Derived, Deriver, ExportConfig, ExportParts, Exporter};
use warden_telemetry::{Registry, metrics};

use super::stores::{Recorder, SilentJournal};
use crate::rig::{PausedClock, id};

pub(crate) struct Bench {
    pub(crate) journal: Arc<SilentJournal>,
    pub(crate) history: Arc<Recorder>,
    pub(crate) clock: Arc<PausedClock>,
    pub(crate) registry: Registry,
    pub(crate) config: ExportConfig,
    pub(crate) target: String,
    pub(crate) servers: HashMap<InstanceId, TradeServer>,
    pub(crate) folder: TempDir,
    /// Every row that was ever appended to the journal as it is, in its order.
    pub(crate) log: Vec<Row>,
    running: Option<(Exporter, JoinHandle<()>)>,
}

impl Bench {
    /// Ranges of ten rows at most, read four at a time.
    pub(crate) fn new() -> Self {
        Self {
            journal: Arc::default(),
            history: Arc::default(),
            clock: Arc::new(PausedClock::start()),
            registry: Registry::default(),
            config: ExportConfig { rows: 10, piece: 4, ..ExportConfig::default() },
            target: "memory".to_owned(),
            servers: (0..8).map(|number| (id(number), TradeServer::new("Broker-Live").unwrap())).collect(),
            folder: tempfile::tempdir().unwrap(),
            log: Vec::new(),
            running: None,
        }
    }

    pub(crate) fn parts(&self) -> ExportParts {
        ExportParts {
            journal: self.journal.clone(),
            history: self.history.clone(),
            target: self.target.clone(),
            head: self.journal.head().seq,
            known: None,
            servers: Arc::new(self.servers.clone()),
            folder: self.folder.path().to_owned(),
            config: self.config.clone(),
            registry: self.registry.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn start(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let (exporter, task) = Exporter::prepare(self.parts()).unwrap();
        self.running = Some((exporter, tokio::spawn(task)));
    }

    /// Exports this journal instead.
    pub(crate) fn start_beside(&mut self, journal: Arc<dyn Journal>) {
        let (exporter, task) =
            Exporter::prepare(ExportParts { head: journal.head().seq, journal, ..self.parts() }).unwrap();
        self.running = Some((exporter, tokio::spawn(task)));
    }

    pub(crate) fn exporter(&self) -> &Exporter {
        &self.running.as_ref().expect("it runs").0
    }

    /// The process dies wherever it is.
    pub(crate) async fn crash(&mut self) {
        if let Some((_, task)) = self.running.take() {
            task.abort();
            let ended = task.await;
            assert!(ended.is_ok() || ended.is_err_and(|fault| fault.is_cancelled()), "it did not panic");
        }
    }

    pub(crate) async fn stop(&mut self) -> u64 {
        let (exporter, task) = self.running.take().expect("it runs");
        let left = exporter.stop().await;
        task.await.unwrap();
        left
    }

    pub(crate) async fn caught_up(&self) {
        self.exporter().wait_caught_up().await.unwrap();
    }

    pub(crate) async fn append(&mut self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let first = self.journal.append(records).await.unwrap().first;
        self.log.extend(self.journal.inner.read(first - 1, u32::MAX).await.unwrap());
    }

    /// Another journal takes the place of this one, as after a quarantine.
    pub(crate) fn replace_journal(&mut self) {
        self.journal = Arc::default();
        self.log.clear();
    }

    /// The journal forgets all that the export permits.
    pub(crate) async fn retain(&self) -> u64 {
        self.journal.retain(Timestamp::MAX, self.exporter().exported()).await.unwrap()
    }

    /// Waits for something to become true, at most so many seconds.
    pub(crate) async fn until(&self, what: &str, secs: u64, so: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(secs), async {
            while !so(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        assert!(waited.await.is_ok(), "not {what} after {secs} s; sent {:?}", self.history.ranges());
    }

    pub(crate) async fn sent(&self, ranges: usize) {
        self.until(&format!("{ranges} ranges sent"), 100, |bench| bench.history.ranges().len() >= ranges)
            .await;
    }

    /// The whole journal, derived at once.
    pub(crate) fn derived(&self) -> HistoryRows {
        derived(self.journal.id(), &self.servers, &self.log)
    }

    /// The history holds exactly what the whole journal says, and what was sent twice was identical.
    pub(crate) async fn assert_exact(&self) {
        self.history.assert_identical();
        let whole = MemoryHistory::new();
        let range = Range { journal: self.journal.id(), first: 1, last: self.journal.head().seq };
        whole.insert(range, &self.derived()).await.unwrap();
        assert_eq!(self.history.inner.rows(), whole.rows());
    }

    pub(crate) fn lag(&self) -> f64 {
        self.registry.series(&metrics::HISTORY_LAG, []).value()
    }

    pub(crate) fn backlog(&self) -> f64 {
        self.registry.series(&metrics::HISTORY_BACKLOG, []).value()
    }

    pub(crate) fn failures(&self) -> u64 {
        self.registry.series(&metrics::HISTORY_FAILURES, []).value()
    }

    pub(crate) fn exported_rows(&self) -> u64 {
        self.registry.series(&metrics::HISTORY_EXPORTED, []).value()
    }

    pub(crate) fn unreadable(&self) -> u64 {
        self.registry.series(&metrics::HISTORY_UNREADABLE, []).value()
    }
}

fn derived(journal: JournalId, servers: &HashMap<InstanceId, TradeServer>, log: &[Row]) -> HistoryRows {
    let mut deriver = Deriver::new(journal, Arc::new(servers.clone()));
    let mut rows = HistoryRows::default();
    for row in log {
        match deriver.add(row.clone(), &mut rows) {
            Derived::Whole | Derived::Unreadable(_) => {}
        }
    }
    rows
}
