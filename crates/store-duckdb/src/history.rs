//! The history in a DuckDB file of its own, for those who run no ClickHouse.

mod columns;
mod insert;
mod questions;
mod store;

use std::{
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    thread::{self, JoinHandle},
};

use duckdb::Connection;
use tokio::sync::{mpsc, oneshot};
use warden_domain::{InstanceId, Timestamp};
use warden_store::{
    History, HistoryError, HistoryRows, JournalId, Pending,
    history::{
        FailuresPerHour, InstanceEvent, LoginSuccess, Period, Range, Slippage, TimeToRecover, of_each,
    },
};

use self::store::{Store, Trouble};
use crate::config::Probe;

/// Where a history lives and how it is run. [`HistoryConfig::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct HistoryConfig {
    /// The file; it and its folder are made when they are missing. Beside it stands a lock with the ending `.lock`.
    pub file: PathBuf,
    /// Calls that may wait; one beyond them waits for room. Default 16.
    pub queue: NonZeroU32,
    /// Bytes that DuckDB may use for its buffers; what needs more goes to the disk, or is refused. Default
    /// 128 MiB: enough for rows of 60 KiB, and for the questions about a million incidents.
    pub memory: NonZeroU64,
    /// How to try the file out in a process of its own before it is opened, as for the journal. `None`, the default,
    /// opens without a trial.
    pub probe: Option<Probe>,
}

impl HistoryConfig {
    /// The defaults, for a history in this file.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            queue: NonZeroU32::new(16).expect("not zero"),
            memory: NonZeroU64::new(128 << 20).expect("not zero"),
            probe: None,
        }
    }
}

/// The history in a DuckDB file, with the tables of the ClickHouse one.
///
/// # Expected flow
/// Opened once by the process that exports its journal, shared, dropped at the end. The export begins after
/// [`resume`](Self::resume).
///
/// # Guarantees
/// - The rows of a range, and that the range is there, are one transaction: all of it is there or nothing.
/// - A range that lies within what is there changes nothing; one that lies in it partly is refused.
/// - A file that cannot be opened at the start because it is damaged is moved to `quarantine/<moment>/` beside it, never
///   deleted, and a new one takes its place: a history is derived, and nobody waits for it. Later on, the damage is
///   only told: a new file would begin where the export stands.
///
/// # Assumptions
/// Moments lie within the years 1 to 9999; others are stored as the first or the last of them.
///
/// # Caveats
/// - What an operator does with a file that was set aside: nothing, when the journal still holds what is missed, because
///   `exported` then answers that nothing is there and the export begins anew. What the journal has forgotten is in the
///   file that was set aside and in backups only.
/// - A damaged block inside a file that opens is noticed by what reads it, which fails with DuckDB's words: stop the
///   supervisor, move the file away or restore it, and start again.
/// - One thread serves inserts and questions in turn.
/// - Dropping it waits for what was handed over.
///
/// ```
/// use warden_domain::{InstanceId, Timestamp};
/// use warden_store::{History, history::Period};
/// use warden_store_duckdb::{DuckHistory, HistoryConfig};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # let folder = tempfile::tempdir()?;
/// # runtime.block_on(async {
/// let history = DuckHistory::open(HistoryConfig::new(folder.path().join("history.duckdb")))?;
/// let always = Period { from: Timestamp::from_millis(0), until: Timestamp::MAX };
/// assert_eq!(history.timeline(&InstanceId::new("acct-1").expect("a valid id"), always, 10).await?, []);
/// # Ok::<(), warden_store::HistoryError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DuckHistory {
    jobs: Option<mpsc::Sender<Job>>, // there until it is dropped
    thread: Option<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&mut Store) + Send>;

impl DuckHistory {
    /// Opens a history, or makes one; an older schema is brought up. Blocks meanwhile.
    ///
    /// # Errors
    /// - [`HistoryError::Unreachable`]: another process, or another history of this one, has the file.
    /// - [`HistoryError::Schema`]: a newer program made it, or other steps.
    /// - [`HistoryError::Refused`]: the disk is full, the folder refuses writing, or DuckDB says something else.
    pub fn open(config: HistoryConfig) -> Result<Self, HistoryError> {
        let (jobs, mut inbox) = mpsc::channel::<Job>(config.queue.get() as usize);
        let mut store = Store::open(config)?;
        let thread = thread::Builder::new().name("history".to_owned()).spawn(move || {
            while let Some(job) = inbox.blocking_recv() {
                job(&mut store);
            }
        });
        let thread = thread.map_err(|error| HistoryError::Refused(format!("no thread for it: {error}")))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// The newest row of a journal that is here, forgotten ones included; `None` when none ever was. What the export
    /// goes on from, whatever its own cursor says: a file may have been set aside or restored.
    ///
    /// # Errors
    /// When the file could not be read.
    pub async fn exported(&self, journal: JournalId) -> Result<Option<u64>, HistoryError> {
        self.ask(move |conn| insert::exported(conn, journal)).await
    }

    /// What the export goes on from: the newest row of a journal that is here, 0 when there is none. `head` is the newest
    /// row of the journal before it takes new ones: what is here behind it was lost by a journal that was put back to an
    /// older state, and is deleted, because other rows take its place.
    ///
    /// # Errors
    /// When the file could not be read, or the rows not be deleted; then all are still there.
    pub async fn resume(&self, journal: JournalId, head: u64) -> Result<u64, HistoryError> {
        self.ask(move |conn| insert::resume(conn, journal, head)).await
    }

    /// Forgets every row that was decided before `older` and answers how many. That their ranges were here stays known.
    ///
    /// # Errors
    /// When they could not be deleted; then all are still there.
    pub async fn forget(&self, older: Timestamp) -> Result<u64, HistoryError> {
        self.ask(move |conn| insert::forget(conn, older)).await
    }

    /// Has the thread run `work` after what waits.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let gone = || HistoryError::Unreachable("its thread has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            drop(reply.send(store.run(work))); // a caller that gave up is no concern of the history
        });
        self.jobs.as_ref().ok_or_else(gone)?.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl History for DuckHistory {
    fn insert<'a>(&'a self, range: Range, rows: &'a HistoryRows) -> Pending<'a, Result<(), HistoryError>> {
        Box::pin(async move {
            let batches = columns::encode(rows).await;
            self.ask(move |conn| insert::insert(conn, range, batches)).await
        })
    }

    fn timeline<'a>(
        &'a self,
        instance: &'a InstanceId,
        period: Period,
        limit: u32,
    ) -> Pending<'a, Result<Vec<InstanceEvent>, HistoryError>> {
        let instance = instance.clone();
        Box::pin(self.ask(move |conn| questions::timeline(conn, &instance, period, limit)))
    }

    fn latest<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Option<InstanceEvent>>, HistoryError>> {
        let asked = instances.to_vec();
        Box::pin(async move {
            let found = self.ask(move |conn| questions::latest(conn, &asked)).await?;
            Ok(of_each(instances, found))
        })
    }

    fn time_to_recover(&self, period: Period) -> Pending<'_, Result<Vec<TimeToRecover>, HistoryError>> {
        Box::pin(self.ask(move |conn| questions::time_to_recover(conn, period)))
    }

    fn failures_per_hour(&self, period: Period) -> Pending<'_, Result<Vec<FailuresPerHour>, HistoryError>> {
        Box::pin(self.ask(move |conn| questions::failures_per_hour(conn, period)))
    }

    fn login_success(&self, period: Period) -> Pending<'_, Result<Vec<LoginSuccess>, HistoryError>> {
        Box::pin(self.ask(move |conn| questions::login_success(conn, period)))
    }

    fn slippage(&self, period: Period) -> Pending<'_, Result<Vec<Slippage>, HistoryError>> {
        Box::pin(self.ask(move |conn| questions::slippage(conn, period)))
    }
}

impl Drop for DuckHistory {
    fn drop(&mut self) {
        drop(self.jobs.take()); // the thread ends after what waits
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the history's thread panicked");
        }
    }
}
