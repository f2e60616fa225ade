//! A journal to export, a ClickHouse to export it to, and the export between them.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use warden_domain::Span;
use warden_store::{History, Journal, schema::up};
use warden_store_clickhouse::{ClickHouseConfig, HistorySchema};
use warden_store_duckdb::{Config, DuckJournal};
use warden_supervisor::{Clock as _, Derived, ExportConfig, ExportParts, Exporter, SystemClock};
use warden_telemetry::Registry;
use warden_testkit::ClickHouse;

use crate::{
    fleet,
    steps::{INSTANCES, Steps},
};

/// Why a benchmark ends without figures.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Rows that are appended at once while a journal is filled.
const TOGETHER: u64 = 16_384;

/// A journal on disk, full of rows and closed.
pub struct Filled {
    folder: TempDir,
}

impl Filled {
    /// Fills a new journal with so many rows.
    ///
    /// # Errors
    /// When the journal fails.
    pub fn new(rows: u64, runtime: &Runtime) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let (journal, mut steps) = (open(folder.path())?, Steps::new());
        runtime.block_on(async {
            while journal.head().seq < rows {
                let next = TOGETHER.min(rows - journal.head().seq);
                journal.append(steps.take(usize::try_from(next)?)).await?;
            }
            journal.close().await?;
            Ok::<_, Fault>(())
        })?;
        Ok(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens it again.
    ///
    /// # Errors
    /// When the journal fails.
    pub fn open(&self) -> Result<Arc<dyn Journal>, Fault> {
        open(self.folder())
    }
}

/// Opens the journal of a folder.
///
/// # Errors
/// When the journal fails.
pub fn open(folder: &Path) -> Result<Arc<dyn Journal>, Fault> {
    Ok(Arc::new(DuckJournal::open(Config::new(folder))?))
}

/// A new ClickHouse with the tables of the history.
pub struct Target {
    clickhouse: ClickHouse,
    config: ClickHouseConfig,
}

impl Target {
    /// Starts one.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start() -> Result<Self, Fault> {
        let clickhouse = ClickHouse::start()?;
        let config = config(clickhouse.url());
        up(&mut HistorySchema::connect(&config)?, SystemClock::new(1).now(), &mut |_| ()).await?;
        Ok(Self { clickhouse, config })
    }

    /// How to reach it.
    #[must_use]
    pub fn config(&self) -> &ClickHouseConfig {
        &self.config
    }

    /// That so many rows arrived, each once.
    ///
    /// # Errors
    /// When others did.
    pub fn holds(&self, rows: u64) -> Result<(), Fault> {
        let found = self.clickhouse.query("SELECT count(), uniqExact(seq) FROM warden.instance_events")?;
        if found == format!("{rows}\t{rows}") {
            Ok(())
        } else {
            Err(format!("the history holds {found} rows, not {rows}").into())
        }
    }
}

/// The ClickHouse there, with more patience than the engine needs on two cores.
#[must_use]
pub fn config(url: String) -> ClickHouseConfig {
    ClickHouseConfig { timeout: Span::from_secs(120), ..ClickHouseConfig::new(url) }
}

/// An export of this journal that begins at its first row; the folder keeps its cursor.
///
/// # Errors
/// When the cursor cannot be written.
pub fn start(
    journal: &Arc<dyn Journal>,
    history: Arc<dyn History>,
    folder: &Path,
) -> Result<Exporter, Fault> {
    Ok(Exporter::start(ExportParts {
        journal: Arc::clone(journal),
        history,
        target: "bench".to_owned(),
        head: journal.head().seq,
        known: None,
        servers: fleet::servers(INSTANCES),
        folder: folder.to_owned(),
        config: ExportConfig::default(),
        registry: Registry::default(),
        clock: Arc::new(SystemClock::new(1)),
    })?)
}

/// The time from the start of an export until the history has every row of the journal.
///
/// # Errors
/// When the export ends before.
pub async fn export(journal: &Arc<dyn Journal>, history: Arc<dyn History>) -> Result<Duration, Fault> {
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    let exporter = start(journal, history, folder.path())?;
    exporter.wait_caught_up().await?;
    let took = began.elapsed();
    exporter.stop().await;
    Ok(took)
}

/// That a row could be derived.
///
/// # Errors
/// When it could not be read.
pub fn whole(derived: Derived) -> Result<(), Fault> {
    match derived {
        Derived::Whole => Ok(()),
        Derived::Unreadable(fault) => Err(fault.into()),
    }
}
