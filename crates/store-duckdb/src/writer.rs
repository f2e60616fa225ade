//! The writer thread: group commit.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender},
    },
    time::{Duration, Instant},
};

use duckdb::{Connection, InterruptHandle};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use warden_store::{Commit, Head, JournalError, Record, chain::Content};

use crate::{
    columns::Columns,
    fault::Fault,
    files::FileLock,
    head::HeadFile,
    keeper::{self, Job, Reader, Shared},
    open::{self, Examined, Opened},
    segment::{self, Place},
};

/// What the writer is asked.
pub(crate) enum Work {
    /// Commit a batch, alone or with others.
    Append(Batch),
    /// Append there from now on.
    Turn(Place, SyncSender<()>),
    /// Take a checkpoint, close, and end.
    Close(oneshot::Sender<Result<(), JournalError>>),
    /// End without a checkpoint: the journal was dropped.
    Abandon,
}

/// A batch on its way into the journal.
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) contents: Vec<Content>,
    pub(crate) reply: oneshot::Sender<Answer>,
    /// Gives the room in the queue back when the batch was answered.
    pub(crate) room: OwnedSemaphorePermit,
}

/// What became of a batch. The records go back, because freeing them where they were made is cheaper.
pub(crate) struct Answer {
    pub(crate) committed: Result<Commit, JournalError>,
    pub(crate) _records: Vec<Record>,
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    link: Link,
    head: Head,
    head_file: HeadFile,
    place: Place, // where rows are appended
    jobs: Sender<Job>,
    own: Sender<Work>,
    held: Option<Work>, // taken from the inbox and not begun
    pace: Duration,     // between two batches, on average
    answered: Instant,  // when the last commit was
    log: Log,
    settled: bool, // nothing was committed since the last look at a quiet moment
    _lock: FileLock,
}

/// The write-ahead log since the last checkpoint.
struct Log {
    bytes: u64,
    since: Instant,
    next: u64, // bytes from which the next checkpoint is wanted
}

/// The writer's way into the file.
enum Link {
    Open {
        conn: Connection,
        reads: Arc<InterruptHandle>,
    },
    /// A commit failed; what is in the file is known again after it was opened again.
    Lost,
    /// What was found when it was opened again.
    Damaged(Fault),
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        opened: Opened,
        reads: Arc<InterruptHandle>,
        jobs: Sender<Job>,
        own: Sender<Work>,
    ) -> Self {
        let Opened { conn, id: _, head, place, head_file, lock } = opened;
        Self {
            log: Log { bytes: 0, since: Instant::now(), next: shared.config.checkpoints.when_steady },
            shared,
            link: Link::Open { conn, reads },
            head,
            head_file,
            place,
            jobs,
            own,
            held: None,
            pace: Duration::MAX,
            answered: Instant::now(),
            settled: false,
            _lock: lock,
        }
    }

    /// Serves until the journal is closed or dropped.
    pub(crate) fn run(mut self, inbox: &Receiver<Work>) {
        while let Some(work) = self.next(inbox) {
            match work {
                Work::Append(batch) => {
                    let group = self.gather(batch, inbox);
                    self.commit(group);
                }
                Work::Turn(place, turned) => {
                    self.place = place;
                    let _ = turned.send(()); // the keeper may have stopped waiting
                }
                Work::Close(reply) => {
                    let closed = self.close(); // and with it the folder is free for another
                    drop(reply.send(closed.map_err(JournalError::from))); // nobody may wait any more
                    return;
                }
                Work::Abandon => break,
            }
        }
        self.shared.set_reader(Reader::Closed);
    }

    /// The next piece of work; a quiet moment before it is used for upkeep.
    fn next(&mut self, inbox: &Receiver<Work>) -> Option<Work> {
        if let Some(work) = self.held.take() {
            return Some(work);
        }
        if !self.settled {
            match inbox.recv_timeout(self.shared.config.checkpoints.quiet) {
                Ok(work) => return Some(work),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.settled = true;
            if self.shared.files.wal_bytes() >= self.shared.config.checkpoints.when_quiet {
                self.ask_for_checkpoint();
            }
        }
        inbox.recv().ok()
    }

    /// Everything that waits, up to the size of a commit; lingers while batches come fast.
    fn gather(&mut self, first: Batch, inbox: &Receiver<Work>) -> Vec<Batch> {
        let config = &self.shared.config;
        let most = config.commit.get() as usize;
        let deadline = (self.pace < config.linger).then(|| Instant::now() + config.linger);
        let mut rows = first.records.len();
        let mut group = vec![first];
        while rows < most {
            let waiting = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(left) if !left.is_zero() => inbox.recv_timeout(left).ok(),
                Some(_) | None => inbox.try_recv().ok(),
            };
            match waiting {
                Some(Work::Append(batch)) if rows + batch.records.len() <= most => {
                    rows += batch.records.len();
                    group.push(batch);
                }
                Some(other) => {
                    self.held = Some(other);
                    break;
                }
                None => break,
            }
        }
        self.measure_pace(group.len());
        group
    }

    fn measure_pace(&mut self, batches: usize) {
        let between = self.answered.elapsed() / u32::try_from(batches).unwrap_or(u32::MAX);
        self.pace = self.pace.min(Duration::from_secs(1)).mul_f64(0.75) + between.mul_f64(0.25);
        self.answered = Instant::now();
    }

    /// Commits the group and answers every batch of it.
    fn commit(&mut self, group: Vec<Batch>) {
        let stored = self.store(&group);
        let mut first = self.head.seq + 1;
        if let Ok(head) = stored {
            self.head = head;
            self.shared.set_head(head);
        }
        for Batch { records, contents: _, reply, room } in group {
            let last = first + records.len() as u64 - 1;
            let committed = match &stored {
                Ok(_) => Ok(Commit { first, last }),
                Err(fault) => Err(fault.clone().into()),
            };
            // a caller that gave up is no concern of the journal
            drop(reply.send(Answer { committed, _records: records }));
            drop(room);
            first = last + 1;
        }
        self.settled = false;
        self.checkpoint_under_load();
    }

    /// One transaction, then the head. After a failure nothing is known about the file, so it is opened again.
    fn store(&mut self, group: &[Batch]) -> Result<Head, Fault> {
        let mut columns = Columns::after(self.head, group.iter().map(|batch| batch.records.len()).sum());
        for batch in group {
            for (record, content) in batch.records.iter().zip(&batch.contents) {
                columns.add(record, content);
            }
        }
        let (rows, head) = columns.finish();
        let table = self.place.table();
        let stored = append(self.connection()?, &table, rows)
            .map_err(|error| Fault::duckdb("commit", self.shared.files.folder(), error))
            .and_then(|()| {
                self.head_file
                    .write(head)
                    .map_err(|error| Fault::io("commit", self.shared.files.folder(), error))
            });
        if let Err(fault) = &stored {
            tracing::error!(?fault, rows = head.seq - self.head.seq, "the journal could not commit");
            self.lose();
        }
        stored.map(|()| head)
    }

    /// The connection; opened again when a commit failed before.
    fn connection(&mut self) -> Result<&Connection, Fault> {
        if matches!(self.link, Link::Lost) {
            match self.reopen() {
                Ok(link) => self.link = link,
                Err(fault @ Fault::Damaged(..)) => self.link = Link::Damaged(fault),
                Err(fault) => return Err(fault),
            }
        }
        match &self.link {
            Link::Open { conn, .. } => Ok(conn),
            Link::Damaged(fault) => Err(fault.clone()),
            Link::Lost => unreachable!("a lost link was opened again or its fault returned"),
        }
    }

    /// Drops both connections, so that DuckDB forgets what it believes about the file.
    fn lose(&mut self) {
        if let Link::Open { conn, reads } = std::mem::replace(&mut self.link, Link::Lost) {
            reads.interrupt();
            self.shared.set_reader(Reader::Away);
            drop(conn);
        }
    }

    /// Opens the file as it is and removes rows that were refused to their callers.
    fn reopen(&mut self) -> Result<Link, Fault> {
        let shared = &self.shared;
        let wrap = |error| Fault::duckdb("open", shared.files.folder(), error);
        let Examined { conn, id: _, head, place: _ } =
            open::examine(&shared.config, &shared.files, self.head, shared.config.proven.get())?;
        if head.seq > self.head.seq {
            take_back(&conn, self.head).map_err(wrap)?;
        }
        let reader = conn.try_clone().map_err(wrap)?;
        let reads = reader.interrupt_handle();
        shared.set_reader(Reader::Open(reader));
        tracing::info!(head = self.head.seq, "the journal was opened again after a failed commit");
        Ok(Link::Open { conn, reads })
    }

    /// Has the log moved into the file when it is long enough for the load there is.
    fn checkpoint_under_load(&mut self) {
        let rules = self.shared.config.checkpoints;
        let bytes = self.shared.files.wal_bytes();
        if bytes < self.log.bytes {
            self.log = Log { bytes, since: Instant::now(), next: rules.when_steady };
        }
        self.log.bytes = bytes;
        let steady = bytes as f64 <= self.log.since.elapsed().as_secs_f64() * rules.steady as f64;
        if bytes >= self.log.next && (steady || bytes >= rules.in_storm) {
            self.log.next = bytes.saturating_add(rules.when_steady); // should this one fail
            self.ask_for_checkpoint();
        }
    }

    fn ask_for_checkpoint(&self) {
        let own = self.own.clone();
        let job: Job = Box::new(move |shared| keeper::checkpoint(shared, &own));
        drop(self.jobs.send(job)); // no keeper: the journal is being dropped
    }

    fn close(self) -> Result<(), Fault> {
        let reader = self.shared.close_reader();
        match (self.link, reader) {
            (Link::Open { conn, .. }, Some(reader)) => keeper::write_out(&reader, &conn, self.head)
                .map_err(|error| Fault::duckdb("close", self.shared.files.folder(), error)),
            (Link::Damaged(fault), _) => Err(fault),
            (Link::Open { .. } | Link::Lost, _) => Ok(()), // what was committed is in the write-ahead log
        }
    }
}

/// Removes rows after `head`: their commit was refused to its callers.
fn take_back(conn: &Connection, head: Head) -> Result<(), duckdb::Error> {
    for place in segment::places(conn)? {
        conn.execute(&format!("DELETE FROM {} WHERE seq > ?", place.table()), [head.seq])?;
    }
    Ok(())
}

fn append(
    conn: &Connection,
    table: &str,
    rows: duckdb::arrow::record_batch::RecordBatch,
) -> Result<(), duckdb::Error> {
    conn.execute_batch("BEGIN")?;
    let mut appender = conn.appender(table)?;
    appender.append_record_batch(rows)?;
    appender.flush()?;
    drop(appender);
    conn.execute_batch("COMMIT")
}
