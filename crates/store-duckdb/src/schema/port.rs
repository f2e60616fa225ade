use std::{path::Path, time::Duration};

use duckdb::Connection;
use warden_domain::Timestamp;
use warden_store::{
    Pending,
    schema::{Applied, Progress, Schema, SchemaError, Step},
};

use super::{
    HISTORY, JOURNAL, applied_to_journal, apply, apply_to_journal, catalogue, file::SchemaFile, ledger,
};
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

/// The schema of the history in a DuckDB file, for a migrator. [`DuckHistory`](crate::DuckHistory) brings its file up
/// itself when it opens it.
///
/// # Guarantees
/// - Nothing is made by looking; only [`apply`](Schema::apply) makes a file.
/// - The file's own lock keeps a supervisor and other migrators away.
///
/// # Caveats
/// - Its calls block for as long as DuckDB works.
/// - A history that a supervisor has open cannot even be looked at: [`SchemaError::InUse`].
#[derive(Debug)]
pub struct HistorySchema {
    file: SchemaFile,
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

impl HistorySchema {
    /// Names a history; touches nothing.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self { file: SchemaFile::new(path.to_owned(), path.with_extension("lock")) }
    }

    /// How long to wait for another process that has the history; 10 s if nothing is said.
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

impl Schema for HistorySchema {
    fn place(&self) -> String {
        self.file.place()
    }

    fn steps(&self) -> &[Step] {
        &HISTORY
    }

    fn lock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        Box::pin(self.file.lock())
    }

    fn unlock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        self.file.unlock();
        Box::pin(async { Ok(()) })
    }

    fn applied(&mut self) -> Pending<'_, Result<Vec<Applied>, SchemaError>> {
        Box::pin(async { Ok(self.file.look(ledger).await?.flatten().unwrap_or_default()) })
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        now: Timestamp,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Pending<'a, Result<(), SchemaError>> {
        Box::pin(async move {
            let place = self.place();
            let change = |conn: &Connection| {
                apply(conn, step, now, progress, |_| Ok(())).map_err(|failed| failed.of(place, step))
            };
            self.file.change(|| Ok(()), change).await
        })
    }

    fn differences(&mut self) -> Pending<'_, Result<Vec<String>, SchemaError>> {
        Box::pin(async { Ok(self.file.look(history_differences).await?.unwrap_or_default()) })
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

fn history_differences(conn: &Connection) -> Result<Vec<String>, duckdb::Error> {
    let applied = ledger(conn)?.unwrap_or_default();
    let expected = Connection::open_in_memory()?;
    for step in steps_of(&HISTORY, &applied) {
        apply(&expected, step, Timestamp::from_millis(0), &mut |_| (), |_| Ok(()))
            .map_err(|failed| failed.source)?;
    }
    Ok(catalogue::compare(&catalogue::read(conn, &[])?, &catalogue::read(&expected, &[])?))
}

/// The steps that a file says it has.
fn steps_of<'s>(steps: &'s [Step], applied: &[Applied]) -> impl Iterator<Item = &'s Step> {
    let newest = applied.last().map_or(0, |newest| newest.version);
    steps.iter().filter(move |step| step.version <= newest)
}
