//! What people ask, in SQL. Hours and moments are UTC.

use duckdb::{Connection, Params, Row, params};
use warden_domain::{IncidentKind, InstanceId, Span, Timestamp};
use warden_store::history::{FailuresPerHour, InstanceEvent, LoginSuccess, Period, Slippage, TimeToRecover};

use super::{
    columns::{EVENT, decode, millis},
    store::Trouble,
};
use crate::columns::{ReadError, Unreadable, each_block};

/// A bound of a period as the columns have it, so that DuckDB compares without converting them.
const MOMENT: &str = "CAST(epoch_ms(?::BIGINT) AS TIMESTAMP_MS)";

/// Each incident that was opened within a period, as its last row says.
const OPENED: &str = "(FROM incidents
    WHERE opened_at >= CAST(epoch_ms(?::BIGINT) AS TIMESTAMP_MS)
        AND opened_at < CAST(epoch_ms(?::BIGINT) AS TIMESTAMP_MS)
    QUALIFY row_number() OVER (PARTITION BY instance_id, kind, opened_at ORDER BY version DESC) = 1)";

pub(super) fn timeline(
    conn: &Connection,
    instance: &InstanceId,
    period: Period,
    limit: u32,
) -> Result<Vec<InstanceEvent>, Trouble> {
    let sql = format!(
        "SELECT {EVENT} FROM instance_events
         WHERE instance_id = ? AND \"at\" >= {MOMENT} AND \"at\" < {MOMENT}
         ORDER BY \"at\" DESC, epoch DESC, version DESC, journal DESC, seq DESC LIMIT ?"
    );
    let [from, until] = bounds(period);
    let mut events = Vec::new();
    let mut statement = conn.prepare(&sql)?;
    each_block(&mut statement, params![instance.as_str(), from, until, limit], |block| {
        decode(block, &mut events)
    })?;
    events.reverse();
    Ok(events)
}

/// The newest event of each of these instances. Which rows they are is found without reading what else stands in them.
pub(super) fn latest(conn: &Connection, instances: &[InstanceId]) -> Result<Vec<InstanceEvent>, Trouble> {
    let sql = format!(
        "SELECT {EVENT} FROM instance_events WHERE rowid IN (
             SELECT arg_max(rowid, (epoch, version, \"at\", journal, seq)) FROM instance_events
             WHERE instance_id IN (SELECT unnest(string_split(?, ','))) GROUP BY instance_id)"
    );
    // One parameter for any number of ids, none of which holds a comma.
    let ids = instances.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(",");
    let mut events = Vec::with_capacity(instances.len());
    each_block(&mut conn.prepare(&sql)?, params![ids], |block| decode(block, &mut events))?;
    Ok(events)
}

pub(super) fn time_to_recover(conn: &Connection, period: Period) -> Result<Vec<TimeToRecover>, Trouble> {
    let sql = format!(
        "SELECT server, kind, count(*), count(took), quantile_disc(took, 0.5), max(took)
         FROM (SELECT server, kind,
             if(recovered, greatest(epoch_ms(closed_at) - epoch_ms(opened_at), 0), NULL) AS took FROM {OPENED})
         GROUP BY server, kind"
    );
    let mut answer = answers(conn, &sql, bounds(period), |row| {
        let span = |column| Ok::<_, duckdb::Error>(row.get::<_, Option<u64>>(column)?.map(Span::from_millis));
        Ok(TimeToRecover {
            server: row.get(0)?,
            kind: kind(row, 1)?,
            opened: row.get(2)?,
            recovered: row.get(3)?,
            median: span(4)?,
            longest: span(5)?,
        })
    })?;
    answer.sort_by(|one, other| (&one.server, one.kind).cmp(&(&other.server, other.kind)));
    Ok(answer)
}

pub(super) fn failures_per_hour(conn: &Connection, period: Period) -> Result<Vec<FailuresPerHour>, Trouble> {
    let sql = format!(
        "SELECT server, epoch_ms(date_trunc('hour', opened_at)) AS hour, kind, count(*) FROM {OPENED}
         GROUP BY server, hour, kind"
    );
    let mut answer = answers(conn, &sql, bounds(period), |row| {
        let hour = Timestamp::from_millis(row.get(1)?);
        Ok(FailuresPerHour { server: row.get(0)?, hour, kind: kind(row, 2)?, failures: row.get(3)? })
    })?;
    answer.sort_by(|one, other| {
        (&one.server, one.hour, one.kind).cmp(&(&other.server, other.hour, other.kind))
    });
    Ok(answer)
}

pub(super) fn login_success(conn: &Connection, period: Period) -> Result<Vec<LoginSuccess>, Trouble> {
    let sql = format!(
        "SELECT server, epoch_ms(date_trunc('hour', \"at\")) AS hour, count(*),
             count(*) FILTER (login = 'SUCCEEDED')
         FROM instance_events WHERE login <> '' AND \"at\" >= {MOMENT} AND \"at\" < {MOMENT}
         GROUP BY server, hour ORDER BY server, hour"
    );
    answers(conn, &sql, bounds(period), |row| {
        let hour = Timestamp::from_millis(row.get(1)?);
        Ok(LoginSuccess { server: row.get(0)?, hour, ended: row.get(2)?, succeeded: row.get(3)? })
    })
}

pub(super) fn slippage(conn: &Connection, period: Period) -> Result<Vec<Slippage>, Trouble> {
    let sql = format!(
        "SELECT server, symbol, count(*), avg(slippage), max(slippage)
         FROM trade_events WHERE slippage IS NOT NULL AND \"at\" >= {MOMENT} AND \"at\" < {MOMENT}
         GROUP BY server, symbol ORDER BY server, symbol"
    );
    answers(conn, &sql, bounds(period), |row| {
        Ok(Slippage {
            server: row.get(0)?,
            symbol: row.get(1)?,
            fills: row.get(2)?,
            mean: row.get(3)?,
            worst: row.get(4)?,
        })
    })
}

fn answers<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Trouble>,
) -> Result<Vec<T>, Trouble> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query(params)?;
    let mut answers = Vec::new();
    while let Some(row) = rows.next()? {
        answers.push(read(row)?);
    }
    Ok(answers)
}

fn kind(row: &Row<'_>, column: usize) -> Result<IncidentKind, Trouble> {
    let text: String = row.get(column)?;
    let kind = IncidentKind::from_text(&text);
    Ok(kind.ok_or(ReadError::Unreadable(Unreadable { column }))?)
}

fn bounds(period: Period) -> [i64; 2] {
    [millis(period.from), millis(period.until)]
}
