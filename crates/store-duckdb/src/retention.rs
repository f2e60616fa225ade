//! Forgetting old rows: what an instance and its trades go on from goes to the snapshot, the chain's start to the anchor.

use duckdb::{Connection, params};
use warden_domain::Timestamp;
use warden_store::KEYS_KEPT;

use crate::{
    proof::{self, Trouble},
    segment,
};

/// The newest row that may be forgotten: older than `older`, exported, and no row before it that is younger or has a
/// client's key that is still to be known.
pub(crate) fn boundary(conn: &Connection, older: Timestamp, exported: u64) -> Result<u64, Trouble> {
    let sql = "SELECT coalesce(max(seq), 0), coalesce(arg_max(at_ms, seq), 0) FROM journal";
    let (newest, at): (u64, i64) = conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let old_keys = at.saturating_sub_unsigned(KEYS_KEPT.as_millis());
    let sql = "SELECT min(seq) FROM journal WHERE at_ms >= ? OR client_key <> '' AND at_ms > ?";
    let kept: Option<u64> = conn.query_row(sql, params![older.as_millis(), old_keys], |row| row.get(0))?;
    Ok(newest.min(exported).min(kept.map_or(u64::MAX, |kept| kept - 1)))
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
    keep(&transaction, last)?;
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

/// Brings the snapshot up to what the rows up to `last` say, before they go.
fn keep(conn: &Connection, last: u64) -> Result<(), duckdb::Error> {
    // What is not wanted any more goes first, so that no row of the snapshot is touched twice.
    conn.execute(
        "DELETE FROM snapshot USING (
            SELECT instance, trade FROM journal WHERE seq <= ? AND trade <> 0 GROUP BY instance, trade
            HAVING arg_max(trade_ended, seq)) AS ended
        WHERE snapshot.instance = ended.instance AND snapshot.trade = ended.trade",
        [last],
    )?;
    conn.execute(
        "DELETE FROM snapshot USING (
            SELECT DISTINCT instance FROM journal WHERE seq <= ? AND trade <> 0) AS later
        WHERE snapshot.instance = later.instance AND snapshot.trade_ended",
        [last],
    )?;
    conn.execute(
        "INSERT OR REPLACE INTO snapshot
        FROM journal WHERE seq IN (
            WITH newest AS (
                SELECT instance, trade, max(seq) AS seq, arg_max(trade_ended, seq) AS ended
                FROM journal WHERE seq <= ? GROUP BY instance, trade)
            SELECT seq FROM newest WHERE NOT ended
            UNION
            SELECT max(seq) FROM newest WHERE trade <> 0 GROUP BY instance)",
        [last],
    )?;
    Ok(())
}
