use std::{
    io,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
};

use duckdb::Connection;
use tokio::sync::{Semaphore, oneshot};
use warden_domain::{InstanceId, Magic, Timestamp};
use warden_store::{
    Commit, Head, Journal, JournalError, JournalId, KnownKey, Pending, Record, Row, chain::Content,
};

use crate::{
    config::Config,
    fault::Fault,
    files::Files,
    keeper::{self, Job, Shared},
    open::{self, Opened},
    proof::{self, Trouble},
    retention, trades,
    writer::{Batch, Work, Writer},
};

/// The journal in a DuckDB file.
///
/// # Expected flow
/// Opened once by the process that owns the folder, shared, [closed](Journal::close) when the last batch was given.
///
/// # Guarantees
/// - A batch is acknowledged after its transaction is on disk and the head file names it.
/// - Whatever waits is committed together; a single batch on an idle journal is committed at once.
/// - Of a failed commit nothing counts: the file is opened again before the next one, which may be the same batch.
/// - A read never delays a commit by more than it slows the machine; a checkpoint only by its disk writes.
///
/// # Caveats
/// - A dropped `append` future may still commit: the batch was handed over.
/// - When the process dies between a commit and its acknowledgement, the rows are there afterwards.
/// - Dropping the journal commits what was handed over, without a checkpoint, and waits for it.
///
/// ```
/// use warden_store::Journal;
/// use warden_store_duckdb::{Config, DuckJournal};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # let folder = tempfile::tempdir()?;
/// # runtime.block_on(async {
/// let journal = DuckJournal::open(Config::new(folder.path()))?;
/// assert_eq!(journal.head().seq, 0);
/// journal.close().await
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DuckJournal {
    id: JournalId,
    shared: Arc<Shared>,
    work: Sender<Work>,
    jobs: Sender<Job>,
    room: Arc<Semaphore>,
    queue: NonZeroU32,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl DuckJournal {
    /// Opens the journal of a folder, or makes one; an older schema is brought up. Blocks for as long as the newest rows take to prove.
    ///
    /// # Errors
    /// - [`JournalError::InUse`]: another process, or another journal of this one, has the folder.
    /// - [`JournalError::Damaged`]: acknowledged rows are gone or changed, or the file cannot be read; it was set aside.
    /// - [`JournalError::NewerSchema`], [`JournalError::NotWritable`], [`JournalError::DiskFull`].
    /// - [`JournalError::Schema`]: its schema is not the sum of the steps that this program knows.
    /// - [`JournalError::Storage`]: anything else the system or DuckDB refused.
    pub fn open(config: Config) -> Result<Self, JournalError> {
        Ok(Self::start(config)?)
    }

    fn start(config: Config) -> Result<Self, Fault> {
        let files = Files::in_folder(&config.folder)?;
        let opened = open::open(&config, &files)?;
        Self::run(config, files, opened)
    }

    fn run(config: Config, files: Files, opened: Opened) -> Result<Self, Fault> {
        let reader = opened.conn.try_clone().map_err(|error| Fault::duckdb("open", files.folder(), error))?;
        let reads = reader.interrupt_handle();
        let (id, queue) = (opened.id, config.queue);
        let shared = Shared::new(config, files, opened.head, opened.place, reader);
        let (work, inbox) = mpsc::channel();
        let (jobs, job_inbox) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&shared), opened, reads, jobs.clone(), work.clone());
        let writer = spawn("journal-writer", move || writer.run(&inbox))?;
        let keeper = Arc::clone(&shared);
        spawn("journal-keeper", move || keeper::run(&keeper, &job_inbox))?;
        let room = Arc::new(Semaphore::new(queue.get() as usize));
        Ok(Self { id, shared, work, jobs, room, queue, writer: Mutex::new(Some(writer)) })
    }

    /// Proves every row against the hash chain and answers the newest one, in pieces beside the commits.
    ///
    /// # Errors
    /// When a row does not agree; the next opening then proves every row and sets the file aside.
    pub async fn verify(&self) -> Result<Head, JournalError> {
        const PIECE: u64 = 16_384;
        let last = self.head();
        let mut proven = self.ask("verify", proof::anchor).await?;
        while proven.seq < last.seq {
            let from = proven;
            let next = last.seq.min(from.seq + PIECE);
            proven = self.ask("verify", move |conn| proof::walk(conn, from, next)).await?;
        }
        Ok(proven)
    }

    /// Has the keeper run `work` between two other jobs.
    async fn ask<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |shared| {
            drop(reply.send(shared.read(action, work))); // a caller that gave up is no concern of the journal
        });
        self.jobs.send(job).map_err(|_| JournalError::Closed)?;
        Ok(answer.await.map_err(|_| JournalError::Closed)??)
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Fault> {
    let started: io::Result<_> = thread::Builder::new().name(name.to_owned()).spawn(body);
    started.map_err(|error| Fault::storage("open", error))
}

impl Journal for DuckJournal {
    fn append(&self, records: Vec<Record>) -> Pending<'_, Result<Commit, JournalError>> {
        Box::pin(async move {
            if self.room.is_closed() {
                return Err(JournalError::Closed);
            }
            if records.is_empty() {
                let last = self.head().seq;
                return Ok(Commit { first: last + 1, last });
            }
            let contents = Content::of_batch(&records);
            let rows = u32::try_from(records.len()).map_or(self.queue, |rows| {
                self.queue.min(NonZeroU32::new(rows).expect("an empty batch was answered above"))
            });
            let room = Arc::clone(&self.room).acquire_many_owned(rows.get()).await;
            let room = room.map_err(|_| JournalError::Closed)?;
            let (reply, answer) = oneshot::channel();
            let batch = Batch { records, contents, reply, room };
            self.work.send(Work::Append(batch)).map_err(|_| JournalError::Closed)?;
            answer.await.map_err(|_| JournalError::Closed)?.committed
        })
    }

    fn id(&self) -> JournalId {
        self.id
    }

    fn latest(&self) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.latest_upto(u64::MAX)
    }

    fn latest_upto(&self, upto: u64) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        Box::pin(self.ask("read", move |conn| Ok(keeper::latest(conn, upto)?)))
    }

    fn trades(&self) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        Box::pin(self.ask("read", |conn| Ok(trades::newest(conn)?)))
    }

    fn keys(&self, since: Timestamp) -> Pending<'_, Result<Vec<KnownKey>, JournalError>> {
        Box::pin(self.ask("read", move |conn| Ok(trades::keys(conn, since)?)))
    }

    fn trade_history(
        &self,
        instance: &InstanceId,
        trade: Magic,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        let instance = instance.clone();
        Box::pin(self.ask("read", move |conn| Ok(trades::history(conn, &instance, trade, limit)?)))
    }

    fn history(
        &self,
        instance: &InstanceId,
        before: u64,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        let instance = instance.clone();
        Box::pin(self.ask("read", move |conn| Ok(keeper::history(conn, &instance, before, limit)?)))
    }

    fn read(&self, after: u64, limit: u32) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        Box::pin(self.ask("read", move |conn| keeper::read(conn, after, limit)))
    }

    fn head(&self) -> Head {
        self.shared.head()
    }

    fn retain(&self, older: Timestamp, exported: u64) -> Pending<'_, Result<u64, JournalError>> {
        Box::pin(async move {
            let most = self.shared.config.forgotten.get();
            let exported = exported.min(self.head().seq);
            let last = self.ask("forget", move |conn| retention::boundary(conn, older, exported)).await?;
            let mut forgotten = 0;
            loop {
                let count = self.ask("forget", move |conn| retention::forget(conn, last, most)).await?;
                if count == 0 {
                    return Ok(forgotten);
                }
                forgotten += count;
            }
        })
    }

    fn close(&self) -> Pending<'_, Result<(), JournalError>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.work.send(Work::Close(reply)).map_err(|_| JournalError::Closed)?;
            let closed = answer.await.map_err(|_| JournalError::Closed)?;
            self.room.close();
            closed
        })
    }
}

impl Drop for DuckJournal {
    fn drop(&mut self) {
        drop(self.work.send(Work::Abandon)); // fails when it was closed before
        let writer = self.writer.lock().map(|mut writer| writer.take());
        if let Ok(Some(writer)) = writer
            && writer.join().is_err()
        {
            tracing::error!("the journal's writer panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::{Epoch, OpId, Version};

    use super::*;
    use crate::head::HeadFile;

    fn record(version: u64) -> Record {
        Record {
            instance: InstanceId::new("a").unwrap(),
            trade: None,
            epoch: Epoch(1),
            version: Version(version),
            op: OpId(version),
            at: Timestamp::from_millis(0),
            kind: "tick",
            rule: "",
            payload: Vec::new(),
        }
    }

    /// The rows are in the file, their head is not: their callers were refused, so they must not stay.
    #[tokio::test]
    async fn rows_whose_head_could_not_be_written_are_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path());
        let files = Files::in_folder(folder.path()).unwrap();
        let mut opened = open::open(&config, &files).unwrap();
        opened.head_file = HeadFile::read_only(&files.head());
        let journal = DuckJournal::run(config.clone(), files, opened).unwrap();
        for version in 1..=3 {
            let refused = journal.append(vec![record(version), record(version)]).await;
            assert!(matches!(refused, Err(JournalError::Storage { action: "commit", .. })));
            assert_eq!(journal.head().seq, 0);
        }
        drop(journal);

        let journal = DuckJournal::open(config).unwrap();
        let rows = journal.read(0, 10).await.unwrap();
        let found: Vec<(u64, u64)> = rows.iter().map(|row| (row.seq, row.version.0)).collect();
        assert_eq!(found, [(1, 3), (2, 3)], "only the last ones, which a dying process leaves behind");
        assert_eq!(journal.verify().await.unwrap(), journal.head());
    }
}
