//! The history export: what happened, derived from the journal, sent in fixed ranges, exactly once whatever crashes.
//!
//! ```text
//! journal ──pieces──▶ derive ──range──▶ intent (history.cursor) ──▶ insert ──▶ cursor (history.cursor)
//!            └──── one range ahead ────┘
//! ```

mod before;
mod cursor;
mod derive;
mod gather;
mod login;
mod progress;
mod sealed;
mod send;
mod servers;
mod trade;

use std::{collections::HashMap, future::Future, io, path::PathBuf, sync::Arc, thread, time::Duration};

use thiserror::Error;
use tokio::sync::{Notify, mpsc, watch};
use tracing::{debug, info};
use warden_domain::{InstanceId, Span, TradeServer};
use warden_store::{History, Journal};
use warden_telemetry::Registry;

pub use self::derive::{Derived, Deriver};
use self::{cursor::CursorFile, gather::Gatherer, progress::Progress, send::Sender, servers::ServersFile};
use crate::Clock;

/// What an export is made of.
pub struct ExportParts {
    /// What is exported.
    pub journal: Arc<dyn Journal>,
    /// Where to.
    pub history: Arc<dyn History>,
    /// Names the history: another name is another history, which has nothing yet. Engine, place and database; kept as a
    /// hash only.
    pub target: String,
    /// The journal's newest row when it was opened, before anything was appended: a cursor beyond it belongs to rows that
    /// the journal has lost.
    pub head: u64,
    /// What the history says that it has of the journal, where it keeps count; the cursor gives way to it. `None` where
    /// it keeps none.
    pub known: Option<u64>,
    /// Where the instances trade.
    pub servers: Arc<HashMap<InstanceId, TradeServer>>,
    /// The data folder: `history.cursor` and `history.servers` are kept in it.
    pub folder: PathBuf,
    /// How it is exported.
    pub config: ExportConfig,
    /// The metrics that it sets.
    pub registry: Registry,
    /// The clock that the journal's rows were decided by.
    pub clock: Arc<dyn Clock>,
}

/// How a journal is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportConfig {
    /// Journal rows in a range at most. Default 50,000.
    pub rows: u32,
    /// Bytes of payload at which a range ends although it has fewer rows; two ranges are in memory at most. Default
    /// 32 MiB.
    pub bytes: usize,
    /// Rows that the journal is asked for at once. Default 8,192.
    pub piece: u32,
    /// How long rows may wait for more before they are sent, and how often an idle journal is looked at. Default 1 s.
    pub linger: Span,
    /// After how long what failed is tried again the first time; the wait doubles. Default 1 s.
    pub retry: Span,
    /// After how long at most, but for jitter; what only a person mends is tried this slowly. Default 60 s.
    pub retry_most: Span,
    /// An insert that takes longer counts as unanswered. Default 5 min.
    pub insert_within: Span,
    /// How long [`Exporter::stop`] may go on sending. Default 5 s.
    pub flush_within: Span,
    /// By how much the exporting thread steps back for the others (Linux `nice`, 0 to 19). Default 10.
    pub niceness: u8,
}

impl Default for ExportConfig {
    fn default() -> Self {
        Self {
            rows: 50_000,
            bytes: 32 << 20,
            piece: 8_192,
            linger: Span::from_secs(1),
            retry: Span::from_secs(1),
            retry_most: Span::from_secs(60),
            insert_within: Span::from_secs(300),
            flush_within: Span::from_secs(5),
            niceness: 10,
        }
    }
}

/// A running export.
///
/// # Expected flow
/// [`start`](Self::start) beside the fleet; [`exported`](Self::exported) says what the journal's retention may forget;
/// [`stop`](Self::stop) after the fleet was drained and before the journal is closed. One that is dropped instead ends at
/// once and loses nothing: the next one goes on from the cursor.
///
/// # Guarantees
/// - Every row of the journal reaches the history, exactly once by key, whatever crashes: a range is intended on disk
///   before it is sent, and after a crash the identical range is sent again under its token.
/// - A history that is away for hours costs nothing but the journal's disk.
/// - It runs on a thread of its own and holds two ranges at most.
///
/// # Assumptions
/// The journal forgets nothing past [`exported`](Self::exported); one export at a time uses the folder.
///
/// # Caveats
/// A journal that is closed under it ends it when it next reads; while nothing happens it waits to be stopped.
#[derive(Debug)]
pub struct Exporter {
    head: Head,
    exported: watch::Receiver<u64>,
    hurry: Arc<Notify>,
    told: watch::Sender<Told>,
    patience: Duration,
}

/// The journal of which only the head is asked.
struct Head(Arc<dyn Journal>);

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.head().seq)
    }
}

/// What the export is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Go on.
    Go,
    /// Send what is there, then end.
    Flush,
}

/// Why an export cannot begin.
#[derive(Debug, Error)]
pub enum ExportError {
    /// What was kept cannot be read.
    #[error("{path} cannot be read; give the supervisor's user read permission, or remove it")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
    /// What is to be kept cannot be written.
    #[error(
        "{path} cannot be written; give the supervisor's user write permission to its folder, or free space"
    )]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("the export of the history cannot start a thread")]
    Thread(#[source] io::Error),
}

/// The export has ended, because it was stopped or its journal was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the export of the history has ended; it goes on with the next start")]
pub struct ExportEnded;

impl Exporter {
    /// Goes on where the cursor in the folder says, on a thread with a runtime of its own: the order path does not wait
    /// for it.
    ///
    /// # Errors
    /// When the cursor can be neither read nor written, or there is no thread to be had. A history that does not answer is
    /// no error: it is waited for.
    pub fn start(parts: ExportParts) -> Result<Self, ExportError> {
        let niceness = parts.config.niceness;
        let (exporter, task) = Self::prepare(parts)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ExportError::Thread)?;
        let body = move || {
            step_back(niceness);
            runtime.block_on(task);
            runtime.shutdown_background(); // what a driver left behind is not waited for
        };
        thread::Builder::new().name("history-export".to_owned()).spawn(body).map_err(ExportError::Thread)?;
        Ok(exporter)
    }

    /// The same for a runtime of the caller's, as a simulation with its own time needs it: nothing is exported unless the
    /// future is polled.
    ///
    /// # Errors
    /// When the cursor can be neither read nor written.
    pub fn prepare(
        parts: ExportParts,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), ExportError> {
        let ExportParts { journal, history, target, head, known, servers, folder, config, registry, clock } =
            parts;
        let (id, target) = (journal.id(), blake3::hash(target.as_bytes()));
        let file = CursorFile::in_folder(&folder);
        let cursor = file.resume(id, target, head, known)?;
        let servers_file = ServersFile::in_folder(&folder);
        let first = servers_file.resume(&servers, cursor.sending.is_some())?;
        let changed = (first != servers).then_some(servers);
        info!(after = cursor.acked, head = journal.head().seq, "the journal is exported into the history");
        let (progress, exported) = Progress::new(Arc::clone(&journal), clock, &registry, cursor.acked);
        let (progress, hurry) = (Arc::new(progress), Arc::<Notify>::default());
        let (to_task, told) = watch::channel(Told::Go);
        let patience = Duration::from(config.flush_within);
        let gather = Gatherer {
            journal: Arc::clone(&journal),
            id,
            deriver: Deriver::new(id, first),
            config: config.clone(),
            progress: Arc::clone(&progress),
            taken: cursor.acked,
            intended: cursor.sending,
            servers: changed.clone(),
            hurry: Arc::clone(&hurry),
            told: told.clone(),
        };
        let servers = changed.map(|servers| (servers_file, servers));
        let send = Sender { history, config, progress, file, cursor, servers, told };
        let exporter = Self { head: Head(journal), exported, hurry, told: to_task, patience };
        Ok((exporter, run(gather, send)))
    }

    /// The newest row that the history has for certain: what the journal's retention may forget up to.
    #[must_use]
    pub fn exported(&self) -> u64 {
        *self.exported.borrow()
    }

    /// Waits until the history has every row that the journal holds now; what is there is sent without lingering.
    ///
    /// # Errors
    /// When the export ends before.
    pub async fn wait_caught_up(&self) -> Result<(), ExportEnded> {
        let (head, mut exported) = (self.head.0.head().seq, self.exported.clone());
        self.hurry.notify_one();
        exported.wait_for(|seq| *seq >= head).await.map(drop).map_err(|_| ExportEnded)
    }

    /// Sends what is there, for as long as [`ExportConfig::flush_within`] allows, and ends; a history that does not
    /// answer is not waited for. Answers how many rows of the journal it does not have yet.
    pub async fn stop(self) -> u64 {
        let Self { head, mut exported, hurry: _, told, patience } = self;
        told.send_replace(Told::Flush);
        // The export keeps its time itself; twice as long is waited only where the system holds its thread up.
        let ended = async { while exported.changed().await.is_ok() {} };
        if tokio::time::timeout(patience * 2, ended).await.is_err() {
            debug!("the export of the history does not end; it is left to the end of the process");
        }
        let exported = *exported.borrow();
        head.0.head().seq.saturating_sub(exported)
    }
}

async fn run(gather: Gatherer, send: Sender) {
    let (progress, told) = (Arc::clone(&send.progress), send.told.clone());
    let (every, patience) = (Duration::from(send.config.linger), Duration::from(send.config.flush_within));
    let (to_send, ready) = mpsc::channel(1);
    tokio::select! {
        _ = async { tokio::join!(gather.run(to_send), send.run(ready)) } => {}
        () = progress.keep_looking(every.clamp(LOOK.0, LOOK.1)) => {}
        () = given_up(told, patience) => {}
    }
    progress.look();
}

/// How often the gauges are set at most and at least.
const LOOK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Waits until something is told; for ever once nobody can tell anything, which ends the export.
async fn heard(told: &mut watch::Receiver<Told>) {
    if told.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits until nobody waits for the export any more: it was dropped, or told to flush and had its time.
async fn given_up(mut told: watch::Receiver<Told>, patience: Duration) {
    if told.wait_for(|told| *told == Told::Flush).await.is_ok() {
        tokio::time::sleep(patience).await;
    }
}

/// Lets the order path's threads run first where the processors are short.
#[cfg(target_os = "linux")]
fn step_back(niceness: u8) {
    // On Linux this is a property of the calling thread.
    if let Err(fault) = rustix::process::nice(i32::from(niceness.min(19))) {
        debug!(%fault, "the export of the history runs like every other thread");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back(_: u8) {}
