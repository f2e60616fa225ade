//! Forgetting old rows: the newest row of each instance goes to the snapshot, the chain's start to the anchor.

use duckdb::{Connection, params};
use warden_domain::Timestamp;

use crate::{
    proof::{self, Trouble},
    segment,
};

/// The newest row that may be forgotten: older than `older`, exported, and no younger row before it.
pub(crate) fn boundary(conn: &Connection, older: Timestamp, exported: u64) -> Result<u64, Trouble> {
    let sql =
        "SELECT coalesce(max(seq), 0), coalesce(min(seq) FILTER (at_ms >= ?), max(seq) + 1, 1) FROM journal";
    let (newest, kept): (u64, u64) =
        conn.query_row(sql, [older.as_millis()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(newest.min(exported).min(kept - 1))
}

/// Forgets at most `most` rows up to `last` in one transaction and answers how many.
pub(crate) fn forget(conn: &Connection, last: u64, most: u64) -> Result<u64, Trouble> {
    let anchor = proof::anchor(conn)?;
    let last = last.min(anchor.seq.saturating_add(most));
    if last <= anchor.seq {
        return Ok(0);
    }
    let transaction = conn.unchecked_transaction()?;
    let new_anchor = proof::link_at(&transaction, last)?;
    transaction.execute(
        "INSERT OR REPLACE INTO snapshot
         FROM journal WHERE seq IN (SELECT max(seq) FROM journal WHERE seq <= ? GROUP BY instance)",
        [last],
    )?;
    for place in segment::places(&transaction)? {
        transaction.execute(&format!("DELETE FROM {} WHERE seq <= ?", place.table()), [last])?;
    }
    transaction.execute(
        "UPDATE meta SET number = ?, hash = ? WHERE name = 'anchor'",
        params![new_anchor.seq, new_anchor.hash.as_slice()],
    )?;
    transaction.commit()?;
    segment::drop_empty(conn)?;
    Ok(last - anchor.seq)
}
