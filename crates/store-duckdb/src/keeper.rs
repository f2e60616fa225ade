//! The keeper thread: reads and upkeep on a connection of their own, beside the commits.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
};

use duckdb::Connection;
use warden_domain::InstanceId;
use warden_store::{Head, Row};

use crate::{
    columns::{self, ROW, ReadError},
    config::Config,
    fault::{Fault, Meaning, meaning},
    files::Files,
    proof::{self, Trouble},
    segment::{self, Place},
    writer::Work,
};

/// What the threads of a journal share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) files: Files,
    head: Mutex<Head>,
    reader: Mutex<Reader>,
    place: Mutex<Place>, // where the writer appends, as the keeper last told it
}

/// The keeper's connection.
pub(crate) enum Reader {
    Open(Connection),
    /// The writer is opening the file again after a failed commit.
    Away,
    Closed,
}

/// One thing for the keeper to do.
pub(crate) type Job = Box<dyn FnOnce(&Shared) + Send>;

impl Shared {
    pub(crate) fn new(
        config: Config,
        files: Files,
        head: Head,
        place: Place,
        reader: Connection,
    ) -> Arc<Self> {
        let reader = Mutex::new(Reader::Open(reader));
        Arc::new(Self { config, files, head: Mutex::new(head), reader, place: Mutex::new(place) })
    }

    pub(crate) fn head(&self) -> Head {
        *lock(&self.head)
    }

    pub(crate) fn set_head(&self, head: Head) {
        *lock(&self.head) = head;
    }

    /// Waits until the keeper is between two jobs.
    pub(crate) fn set_reader(&self, reader: Reader) {
        *lock(&self.reader) = reader;
    }

    /// Takes the keeper's connection away for good.
    pub(crate) fn close_reader(&self) -> Option<Connection> {
        match mem::replace(&mut *lock(&self.reader), Reader::Closed) {
            Reader::Open(conn) => Some(conn),
            Reader::Away | Reader::Closed => None,
        }
    }

    /// Runs `work` on the keeper's connection. Damage that it meets has the next opening prove every row.
    pub(crate) fn read<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, Fault> {
        let reader = lock(&self.reader);
        let conn = match &*reader {
            Reader::Open(conn) => conn,
            Reader::Away => {
                return Err(Fault::storage(action, "it is being opened again after a failed commit"));
            }
            Reader::Closed => return Err(Fault::Closed),
        };
        work(conn).map_err(|trouble| self.fault(action, trouble))
    }

    fn fault(&self, action: &'static str, trouble: Trouble) -> Fault {
        match trouble {
            Trouble::Broken(reason) => {
                self.files.mark_suspect();
                Fault::storage(action, reason)
            }
            Trouble::Read(ReadError::Unreadable(error)) => {
                self.files.mark_suspect();
                Fault::storage(action, error)
            }
            Trouble::Read(ReadError::Engine(error)) => {
                if meaning(&error) == Meaning::Damage {
                    self.files.mark_suspect();
                }
                Fault::duckdb(action, self.files.folder(), error)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The keeper thread: one job after the other, until nobody can give another.
pub(crate) fn run(shared: &Shared, inbox: &Receiver<Job>) {
    for job in inbox {
        job(shared);
    }
}

/// Moves the write-ahead log into the file beside the commits, which go to another table from now on.
pub(crate) fn checkpoint(shared: &Shared, writer: &Sender<Work>) {
    let done = shared.read("checkpoint", |conn| {
        let place = next_place(conn, *lock(&shared.place), shared.config.segment.get())?;
        let (turned, answer) = mpsc::sync_channel(1);
        if writer.send(Work::Turn(place, turned)).is_ok() {
            let _ = answer.recv_timeout(shared.config.checkpoints.quiet); // not turned in time: a commit may wait
        }
        *lock(&shared.place) = place;
        Ok(write_out(conn, &conn.try_clone()?, shared.head())?)
    });
    if let Err(fault) = done {
        tracing::warn!(?fault, "the journal's checkpoint failed and will be taken later");
    }
}

/// The other table of the segment, or the first one of a new segment when this one is full.
fn next_place(conn: &Connection, place: Place, full: u64) -> Result<Place, duckdb::Error> {
    if segment::rows(conn, place)? < full {
        return Ok(place.other_side());
    }
    let transaction = conn.unchecked_transaction()?;
    let added = segment::add(&transaction)?;
    transaction.commit()?;
    Ok(added)
}

/// Takes a checkpoint while `conn` sees the journal as it was before `other` committed: only such a checkpoint runs
/// beside other commits, and merges nothing that was written out before.
pub(crate) fn write_out(conn: &Connection, other: &Connection, head: Head) -> Result<(), duckdb::Error> {
    conn.execute_batch("BEGIN; FROM meta;")?;
    let done = other
        .execute("INSERT INTO checkpoint VALUES (?)", [head.seq])
        .and_then(|_| conn.execute_batch("CHECKPOINT"));
    conn.execute_batch("ROLLBACK")?;
    done
}

/// The newest row of every instance's own steps with `seq <= upto`, forgotten or not.
pub(crate) fn latest(conn: &Connection, upto: u64) -> Result<Vec<Row>, ReadError> {
    let sql = format!(
        "WITH newest AS (
            SELECT max(seq) FROM (
                SELECT instance, seq FROM journal WHERE trade = 0
                UNION ALL
                SELECT instance, seq FROM snapshot WHERE trade = 0)
            WHERE seq <= ? GROUP BY instance)
        SELECT {ROW} FROM journal WHERE seq IN (FROM newest)
        UNION ALL
        SELECT {ROW} FROM snapshot WHERE seq IN (FROM newest)"
    );
    columns::rows(&mut conn.prepare(&sql)?, [upto])
}

/// The last `limit` rows of an instance's own steps with `seq < before`, oldest first.
pub(crate) fn history(
    conn: &Connection,
    instance: &InstanceId,
    before: u64,
    limit: u32,
) -> Result<Vec<Row>, ReadError> {
    let sql = format!(
        "SELECT {ROW} FROM journal WHERE instance = ? AND trade = 0 AND seq < ? ORDER BY seq DESC LIMIT ?"
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = columns::rows(&mut statement, duckdb::params![instance.as_str(), before, limit])?;
    rows.reverse();
    Ok(rows)
}

/// At most `limit` rows with `seq > after`, oldest first.
pub(crate) fn read(conn: &Connection, after: u64, limit: u32) -> Result<Vec<Row>, Trouble> {
    let after = after.max(proof::anchor(conn)?.seq); // rows have no gaps after the newest forgotten one
    let sql = format!("SELECT {ROW} FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq");
    let last = after.saturating_add(limit.into());
    Ok(columns::rows(&mut conn.prepare(&sql)?, [after, last])?)
}
