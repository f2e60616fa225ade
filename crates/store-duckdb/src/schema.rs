//! The steps of DuckDB files, and the ledger in each file that says which were applied.

mod catalogue;
mod file;
mod history;
mod journal;

use duckdb::{Connection, params};
use warden_domain::Timestamp;
use warden_store::schema::{Applied, Progress, SchemaError, Step};

pub(crate) use self::{
    history::HISTORY,
    journal::{JOURNAL, applied_to_journal, apply_to_journal},
};
pub use self::{history::HistorySchema, journal::JournalSchema};

const LEDGER: &str = include_str!("../../../migrations/duckdb/ledger.sql");

/// Why a step was not applied.
#[derive(Debug, thiserror::Error)]
#[error("statement {statement}: {source}")]
pub(crate) struct Failed {
    /// Which of its statements, from 1; one more than it has when entering it into the ledger failed.
    pub(crate) statement: u32,
    pub(crate) source: duckdb::Error,
}

impl Failed {
    fn of(self, place: String, step: &Step) -> SchemaError {
        let Self { statement, source } = self;
        SchemaError::Failed { place, step: step.to_string(), statement, what: source.to_string() }
    }
}

/// The ledger of a file, in the order of versions; `None` when the file has none.
pub(crate) fn ledger(conn: &Connection) -> Result<Option<Vec<Applied>>, duckdb::Error> {
    let there = "SELECT count(*) > 0 FROM duckdb_tables() WHERE table_name = 'schema_step'";
    if !conn.query_row(there, [], |row| row.get(0))? {
        return Ok(None);
    }
    let sql = "SELECT version, name, checksum, at_ms, finished FROM schema_step ORDER BY version";
    let mut statement = conn.prepare(sql)?;
    let lines = statement.query_map([], |row| {
        Ok(Applied {
            version: row.get(0)?,
            name: row.get(1)?,
            checksum: row.get(2)?,
            at: Timestamp::from_millis(row.get(3)?),
            finished: row.get(4)?,
        })
    })?;
    Ok(Some(lines.collect::<Result<_, _>>()?))
}

/// Whether nothing was ever made in the file.
pub(crate) fn is_empty(conn: &Connection) -> Result<bool, duckdb::Error> {
    conn.query_row("SELECT count(*) = 0 FROM duckdb_tables()", [], |row| row.get(0))
}

/// Runs a step, `also` and the entry into the ledger in one transaction.
pub(crate) fn apply(
    conn: &Connection,
    step: &Step,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress),
    also: impl FnOnce(&Connection) -> Result<(), duckdb::Error>,
) -> Result<(), Failed> {
    let statements: Vec<&str> = statements(step.sql).collect();
    let of = count(statements.len());
    let last = |source| Failed { statement: of + 1, source };
    let transaction = conn.unchecked_transaction().map_err(|source| Failed { statement: 1, source })?;
    for (statement, done) in statements.iter().zip(1..) {
        transaction.execute_batch(statement).map_err(|source| Failed { statement: done, source })?;
        progress(Progress { version: step.version, done, of });
    }
    transaction.execute_batch(LEDGER).map_err(last)?;
    also(&transaction).map_err(last)?;
    enter(&transaction, step, now).map_err(last)?;
    transaction.commit().map_err(last)
}

/// Enters a step that was applied.
pub(crate) fn enter(conn: &Connection, step: &Step, now: Timestamp) -> Result<(), duckdb::Error> {
    conn.execute(
        "INSERT INTO schema_step VALUES (?, ?, ?, ?, true)",
        params![step.version, step.name, step.checksum(), now.as_millis()],
    )?;
    Ok(())
}

/// The steps that a file says it has.
fn steps_of<'s>(steps: &'s [Step], applied: &[Applied]) -> impl Iterator<Item = &'s Step> {
    let newest = applied.last().map_or(0, |newest| newest.version);
    steps.iter().filter(move |step| step.version <= newest)
}

/// The statements of a step: each ends with a semicolon at the end of its line.
fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split_inclusive(";\n").filter(|piece| piece.contains(';'))
}

fn count(statements: usize) -> u32 {
    u32::try_from(statements).expect("a step is compiled in and has a few statements")
}
