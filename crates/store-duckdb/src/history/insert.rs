//! Ranges come whole and once, and are forgotten by age.

use duckdb::{Connection, OptionalExt, arrow::record_batch::RecordBatch, params};
use warden_domain::Timestamp;
use warden_store::{JournalId, history::Range};

use super::{columns::millis, store::Trouble};

/// The tables that hold rows.
const TABLES: [&str; 5] = ["instance_events", "trade_events", "incidents", "alerts", "notifications"];

/// Inserts the rows of a range, each table's together, unless they are there.
pub(super) fn insert(
    conn: &Connection,
    range: Range,
    batches: Vec<(&'static str, RecordBatch)>,
) -> Result<(), Trouble> {
    let transaction = conn.unchecked_transaction()?;
    if let Some((first, last)) = overlapping(&transaction, range)? {
        return if first <= range.first && range.last <= last {
            Ok(())
        } else {
            Err(Trouble::Refused(format!(
                "rows {} to {} of journal {} overlap rows {first} to {last}, which are there; export from a place that \
                 was answered",
                range.first, range.last, range.journal
            )))
        };
    }
    let mut batches = batches.into_iter().peekable();
    while let Some((table, batch)) = batches.next() {
        let mut appender = transaction.appender(table)?;
        appender.append_record_batch(batch)?;
        while let Some((_, batch)) = batches.next_if(|(next, _)| *next == table) {
            appender.append_record_batch(batch)?;
        }
        appender.flush()?;
    }
    enter(&transaction, range)?;
    Ok(transaction.commit()?)
}

/// A range of the same journal that is there and shares rows with `range`.
fn overlapping(conn: &Connection, range: Range) -> Result<Option<(u64, u64)>, duckdb::Error> {
    let sql = "SELECT first_seq, last_seq FROM ranges WHERE journal = ? AND first_seq <= ? AND last_seq >= ?
               ORDER BY first_seq LIMIT 1";
    let shared = params![range.journal.0, range.last, range.first];
    conn.query_row(sql, shared, |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Enters a range, by lengthening the one before it where there is one.
fn enter(conn: &Connection, range: Range) -> Result<(), duckdb::Error> {
    let Range { journal, first, last } = range;
    let before = first.saturating_sub(1);
    let sql = "UPDATE ranges SET last_seq = ? WHERE journal = ? AND last_seq = ?";
    if conn.execute(sql, params![last, journal.0, before])? == 0 {
        conn.execute("INSERT INTO ranges VALUES (?, ?, ?)", params![journal.0, first, last])?;
    }
    Ok(())
}

/// The newest row of a journal that was inserted.
pub(super) fn exported(conn: &Connection, journal: JournalId) -> Result<Option<u64>, Trouble> {
    let sql = "SELECT max(last_seq) FROM ranges WHERE journal = ?";
    Ok(conn.query_row(sql, [journal.0], |row| row.get(0))?)
}

/// The newest row of a journal that is here, and nothing of what the journal has lost behind `head`.
pub(super) fn resume(conn: &Connection, journal: JournalId, head: u64) -> Result<u64, Trouble> {
    let found = exported(conn, journal)?.unwrap_or(0);
    if found <= head {
        return Ok(found);
    }
    let rows = take_back(conn, journal, head)?;
    tracing::error!(
        %journal,
        head,
        found,
        rows,
        "the history has more of the journal than the journal itself, which was put back to an older state; what it lost \
         was deleted here, and what takes its place is exported"
    );
    Ok(exported(conn, journal)?.unwrap_or(0))
}

/// Deletes what is here of a journal behind its row `last`; answers how many rows that were.
fn take_back(conn: &Connection, journal: JournalId, last: u64) -> Result<u64, Trouble> {
    let transaction = conn.unchecked_transaction()?;
    let mut taken = 0;
    for table in TABLES {
        let sql = format!("DELETE FROM {table} WHERE journal = ? AND seq > ?");
        taken += transaction.execute(&sql, params![journal.0, last])? as u64;
    }
    let behind = params![journal.0, last];
    transaction.execute("DELETE FROM ranges WHERE journal = ? AND first_seq > ?", behind)?;
    let sql = "UPDATE ranges SET last_seq = ? WHERE journal = ? AND last_seq > ?";
    transaction.execute(sql, params![last, journal.0, last])?;
    transaction.commit()?;
    Ok(taken)
}

/// Deletes the rows that were decided before `older`.
pub(super) fn forget(conn: &Connection, older: Timestamp) -> Result<u64, Trouble> {
    let transaction = conn.unchecked_transaction()?;
    let mut forgotten = 0;
    for table in TABLES {
        let sql = format!("DELETE FROM {table} WHERE \"at\" < CAST(epoch_ms(?::BIGINT) AS TIMESTAMP_MS)");
        forgotten += transaction.execute(&sql, [millis(older)])? as u64;
    }
    transaction.commit()?;
    Ok(forgotten)
}
