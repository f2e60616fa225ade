//! Questions about trades: rows that carry a mark.

use duckdb::{
    Connection,
    arrow::array::{Array, Int64Array, StringArray, UInt64Array},
    params,
};
use warden_domain::{InstanceId, Magic, Timestamp};
use warden_store::{KnownKey, Row};

use crate::columns::{self, ROW, ReadError, Unreadable};

/// The newest row of every trade that has not ended, and of each instance the newest row of any of its trades,
/// forgotten or not.
pub(crate) fn newest(conn: &Connection) -> Result<Vec<Row>, ReadError> {
    let sql = format!(
        "WITH newest AS (
            SELECT instance, max(seq) AS seq, arg_max(trade_ended, seq) AS ended FROM (
                SELECT instance, trade, seq, trade_ended FROM journal WHERE trade <> 0
                UNION ALL
                SELECT instance, trade, seq, trade_ended FROM snapshot WHERE trade <> 0)
            GROUP BY instance, trade),
        going AS (
            SELECT seq FROM newest WHERE NOT ended
            UNION
            SELECT max(seq) FROM newest GROUP BY instance)
        SELECT {ROW} FROM journal WHERE seq IN (FROM going)
        UNION ALL
        SELECT {ROW} FROM snapshot WHERE seq IN (FROM going)"
    );
    columns::rows(&mut conn.prepare(&sql)?, [])
}

/// The client's keys that were accepted at `since` or later, oldest first.
pub(crate) fn keys(conn: &Connection, since: Timestamp) -> Result<Vec<KnownKey>, ReadError> {
    let sql = "SELECT instance, trade, client_key, key_digest, at_ms FROM (
            SELECT seq, instance, trade, client_key, key_digest, at_ms FROM journal
            UNION ALL
            SELECT seq, instance, trade, client_key, key_digest, at_ms FROM snapshot)
        WHERE client_key <> '' AND at_ms >= ? ORDER BY seq";
    let mut known = Vec::new();
    columns::each_block(&mut conn.prepare(sql)?, [since.as_millis()], |block| {
        let instances: &StringArray = columns::column(block, 0)?;
        let trades: &UInt64Array = columns::column(block, 1)?;
        let ids: &StringArray = columns::column(block, 2)?;
        let digests: &UInt64Array = columns::column(block, 3)?;
        let moments: &Int64Array = columns::column(block, 4)?;
        for index in 0..block.len() {
            let instance = InstanceId::new(instances.value(index)).map_err(|_| Unreadable { column: 0 })?;
            let trade = Magic::from_number(trades.value(index)).map_err(|_| Unreadable { column: 1 })?;
            let key = columns::key(ids.value(index), digests.value(index)).ok_or(Unreadable { column: 2 })?;
            known.push(KnownKey { instance, trade, key, at: Timestamp::from_millis(moments.value(index)) });
        }
        Ok(())
    })?;
    Ok(known)
}

/// The last `limit` rows of a trade, oldest first.
pub(crate) fn history(
    conn: &Connection,
    instance: &InstanceId,
    trade: Magic,
    limit: u32,
) -> Result<Vec<Row>, ReadError> {
    let sql = format!("SELECT {ROW} FROM journal WHERE instance = ? AND trade = ? ORDER BY seq DESC LIMIT ?");
    let mut rows =
        columns::rows(&mut conn.prepare(&sql)?, params![instance.as_str(), trade.number(), limit])?;
    rows.reverse();
    Ok(rows)
}
