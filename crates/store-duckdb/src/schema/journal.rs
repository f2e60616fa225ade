use std::{path::Path, time::Duration};

use duckdb::Connection;
use warden_domain::Timestamp;
use warden_store::{
    Pending,
    schema::{Applied, Progress, Schema, SchemaError, Step},
};

use super::{Failed, apply, catalogue, enter, file::SchemaFile, is_empty, ledger, steps_of};
use crate::{files::Files, head::HeadFile, segment};

/// The schema of the journal in a folder, for a migrator. A supervisor brings its journal up itself when it opens it.
///
/// # Guarantees
/// - Nothing is made, and nothing is set aside, by looking; only [`apply`](Schema::apply) makes a journal.
/// - The journal's own lock keeps a supervisor and other migrators away.
///
/// # Caveats
/// - Its calls block for as long as DuckDB works.
/// - A journal that a supervisor has open cannot even be looked at: [`SchemaError::InUse`].
/// - Rows are not proven; a damaged file may end the process, which the supervisor tries out in a child first.
#[derive(Debug)]
pub struct JournalSchema {
    file: SchemaFile,
    files: Files,
}

impl JournalSchema {
    /// Names the journal of a folder; touches nothing.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let files = Files::named(folder);
        Self { file: SchemaFile::new(files.database(), files.lock_file()), files }
    }

    /// How long to wait for another process that has the journal; 10 s if nothing is said.
    #[must_use]
    pub fn waiting_at_most(mut self, patience: Duration) -> Self {
        self.file.be_patient(patience);
        self
    }
}

impl Schema for JournalSchema {
    fn place(&self) -> String {
        self.file.place()
    }

    fn steps(&self) -> &[Step] {
        &JOURNAL
    }

    fn lock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        Box::pin(self.file.lock())
    }

    fn unlock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        self.file.unlock();
        Box::pin(async { Ok(()) })
    }

    fn applied(&mut self) -> Pending<'_, Result<Vec<Applied>, SchemaError>> {
        Box::pin(async { Ok(self.file.look(applied_to_journal).await?.unwrap_or_default()) })
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        now: Timestamp,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Pending<'a, Result<(), SchemaError>> {
        Box::pin(async move {
            let (place, files) = (self.place(), self.files.clone());
            let change = |conn: &Connection| {
                apply_to_journal(conn, step, now, progress).map_err(|failed| failed.of(place, step))
            };
            self.file.change(|| prepare_journal(&files), change).await
        })
    }

    fn differences(&mut self) -> Pending<'_, Result<Vec<String>, SchemaError>> {
        Box::pin(async { Ok(self.file.look(journal_differences).await?.unwrap_or_default()) })
    }
}

/// What opening asks of a new journal: a head that names no row.
fn prepare_journal(files: &Files) -> Result<(), String> {
    if files.database().exists() {
        return Ok(());
    }
    let (_, claimed) = HeadFile::open(&files.head()).map_err(|error| error.to_string())?;
    match claimed {
        Some(head) if head.seq == 0 => Ok(()),
        Some(head) => Err(format!("the file is missing and its head names row {}", head.seq)),
        None => Err("the file is missing and its head is damaged".to_owned()),
    }
}

/// What the journal holds of its own about its schema.
const META: &str = "SELECT 'meta', NULL, 'schema ' || max(number) FILTER (name = 'schema') || ' of '
        || string_agg(name, ', ' ORDER BY name) FROM meta";

/// Segments come and go: they are compared with those of a sound journal that has the same ones.
fn journal_differences(conn: &Connection) -> Result<Vec<String>, duckdb::Error> {
    let segments = segment::numbers(conn)?;
    let applied = applied_to_journal(conn)?;
    let expected = Connection::open_in_memory()?;
    for step in steps_of(&JOURNAL, &applied) {
        apply_to_journal(&expected, step, Timestamp::from_millis(0), &mut |_| ())
            .map_err(|failed| failed.source)?;
    }
    if !applied.is_empty() {
        segment::lay_out(&expected, &segments)?;
    }
    let more: &[&str] = if applied.is_empty() { &[] } else { &[META] };
    Ok(catalogue::compare(&catalogue::read(conn, more)?, &catalogue::read(&expected, more)?))
}

/// The steps of the journal. Each raises `meta.schema`, by which a program of any age knows a newer file.
pub(crate) static JOURNAL: [Step; 3] = [
    Step {
        version: 1,
        name: "journal",
        sql: include_str!("../../../../migrations/duckdb/journal/0001_journal.sql"),
    },
    Step {
        version: 2,
        name: "identity",
        sql: include_str!("../../../../migrations/duckdb/journal/0002_identity.sql"),
    },
    Step {
        version: TRADES,
        name: "trades",
        sql: include_str!("../../../../migrations/duckdb/journal/0003_trades.sql"),
    },
];

/// The step that gives rows the columns of a trade.
const TRADES: u32 = 3;

/// What was applied to a journal. Schema 1 had no ledger, and a newer one may keep another.
pub(crate) fn applied_to_journal(conn: &Connection) -> Result<Vec<Applied>, duckdb::Error> {
    let mut applied = ledger(conn)?.unwrap_or_default();
    let schema = schema(conn)?;
    if schema > applied.last().map_or(0, |newest| newest.version) {
        let step = JOURNAL.iter().find(|step| step.version == schema && schema == 1);
        applied.push(Applied {
            version: schema,
            name: step.map(|step| step.name.to_owned()).unwrap_or_default(),
            checksum: step.map(Step::checksum).unwrap_or_default(),
            at: Timestamp::from_millis(0),
            finished: true,
        });
    }
    Ok(applied)
}

/// What the file says its schema is; 0 when it is empty.
fn schema(conn: &Connection) -> Result<u32, duckdb::Error> {
    if is_empty(conn)? {
        return Ok(0);
    }
    let sql = "SELECT number FROM meta WHERE name = 'schema'";
    conn.query_row(sql, [], |row| row.get(0))
}

/// Applies a step: the first one brings the first segment, and what schema 1 could not enter is entered with the second;
/// the segments, which come and go, get their columns with the third.
pub(crate) fn apply_to_journal(
    conn: &Connection,
    step: &Step,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failed> {
    apply(conn, step, now, progress, |conn| {
        if step.version == 1 {
            return segment::add(conn).map(drop);
        }
        if step.version == TRADES {
            segment::add_columns(conn)?;
        }
        let entered = ledger(conn)?.unwrap_or_default();
        match JOURNAL.first().filter(|_| entered.is_empty()) {
            Some(first) => enter(conn, first, now),
            None => Ok(()),
        }
    })
}
