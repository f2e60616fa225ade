use duckdb::Connection;
use warden_domain::Timestamp;
use warden_store::schema::{Applied, Progress, Step};

use super::{Failed, apply, enter, is_empty, ledger};
use crate::segment;

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
