//! Rows as Arrow columns, in the order of the tables in `migrations/duckdb/history/`.

use std::sync::Arc;

use duckdb::arrow::{
    array::{
        Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray, StructArray,
        TimestampMillisecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    },
    record_batch::RecordBatch,
};
use warden_domain::{FailureReason, InstanceId, Status, Timestamp};
use warden_store::{
    HistoryRows, JournalId,
    history::{AlertRow, IncidentRow, InstanceEvent, LoginOutcome, NotificationRow, Origin, TradeEvent},
};

use crate::columns::{Unreadable, column};

type Column = (&'static str, ArrayRef);

/// The rows of a range, piece by piece; those of one table stand together. Lets others run after each piece.
pub(super) async fn encode(rows: &HistoryRows) -> Vec<(&'static str, RecordBatch)> {
    let HistoryRows { events, trades, incidents, alerts, notifications } = rows;
    let mut batches = Vec::new();
    pieces("instance_events", events, of_events, &mut batches).await;
    pieces("trade_events", trades, of_trades, &mut batches).await;
    pieces("incidents", incidents, of_incidents, &mut batches).await;
    pieces("alerts", alerts, of_alerts, &mut batches).await;
    pieces("notifications", notifications, of_notifications, &mut batches).await;
    batches
}

async fn pieces<T>(
    table: &'static str,
    rows: &[T],
    columns: fn(&[T]) -> Vec<Column>,
    batches: &mut Vec<(&'static str, RecordBatch)>,
) {
    const PIECE: usize = 2_048;
    for piece in rows.chunks(PIECE) {
        let batch = RecordBatch::try_from_iter(columns(piece));
        batches.push((table, batch.expect("every column has one value of each row")));
        tokio::task::yield_now().await;
    }
}

fn of_events(rows: &[InstanceEvent]) -> Vec<Column> {
    let mut columns = origins(rows.iter().map(|row| &row.origin));
    columns.extend([
        ("epoch", u64s(rows.iter().map(|row| row.epoch))),
        ("version", u64s(rows.iter().map(|row| row.version))),
        ("op", u64s(rows.iter().map(|row| row.op))),
        ("kind", texts(rows.iter().map(|row| &row.kind))),
        ("rule", texts(rows.iter().map(|row| &row.rule))),
        ("status", texts(rows.iter().map(|row| row.status.as_str()))),
        ("reason", texts(rows.iter().map(|row| row.reason.as_str()))),
        ("login", texts(rows.iter().map(|row| row.login.as_str()))),
        ("actions", texts(rows.iter().map(|row| &row.actions))),
        ("detail", texts(rows.iter().map(|row| &row.detail))),
        ("payload", Arc::new(BinaryArray::from_iter_values(rows.iter().map(|row| &row.payload)))),
    ]);
    columns
}

fn of_trades(rows: &[TradeEvent]) -> Vec<Column> {
    let mut columns = origins(rows.iter().map(|row| &row.origin));
    columns.extend([
        ("part", u16s(rows.iter().map(|row| row.part))),
        ("magic", u64s(rows.iter().map(|row| row.magic))),
        ("symbol", texts(rows.iter().map(|row| &row.symbol))),
        ("side", texts(rows.iter().map(|row| &row.side))),
        ("kind", texts(rows.iter().map(|row| &row.kind))),
        ("retcode", u32s(rows.iter().map(|row| row.retcode))),
        ("volume", f64s(rows.iter().map(|row| row.volume))),
        ("requested", f64s(rows.iter().map(|row| row.requested))),
        ("filled", f64s(rows.iter().map(|row| row.filled))),
        ("slippage", Arc::new(rows.iter().map(|row| row.slippage).collect::<Int64Array>())),
        ("latency_ms", u32s(rows.iter().map(|row| row.latency_ms))),
    ]);
    columns
}

fn of_incidents(rows: &[IncidentRow]) -> Vec<Column> {
    let mut columns = origins(rows.iter().map(|row| &row.origin));
    let closed_at = rows.iter().map(|row| row.closed_at.map(millis));
    columns.extend([
        ("version", u64s(rows.iter().map(|row| row.version))),
        ("kind", texts(rows.iter().map(|row| row.kind.as_str()))),
        ("opened_at", moments(rows.iter().map(|row| row.opened_at))),
        ("closed_at", Arc::new(closed_at.collect::<TimestampMillisecondArray>())),
        ("recovered", bools(rows.iter().map(|row| row.recovered))),
        ("attempts", Arc::new(UInt8Array::from_iter_values(rows.iter().map(|row| row.attempts)))),
        ("evidence", texts(rows.iter().map(|row| &row.evidence))),
    ]);
    columns
}

fn of_alerts(rows: &[AlertRow]) -> Vec<Column> {
    let mut columns = origins(rows.iter().map(|row| &row.origin));
    columns.extend([
        ("alert", texts(rows.iter().map(|row| row.alert.as_str()))),
        ("severity", texts(rows.iter().map(|row| row.severity.as_str()))),
        ("firing", bools(rows.iter().map(|row| row.firing))),
    ]);
    columns
}

fn of_notifications(rows: &[NotificationRow]) -> Vec<Column> {
    let mut columns = origins(rows.iter().map(|row| &row.origin));
    columns.extend([
        ("part", u16s(rows.iter().map(|row| row.part))),
        ("notice", texts(rows.iter().map(|row| &row.notice))),
        ("rule", texts(rows.iter().map(|row| &row.rule))),
        ("text", texts(rows.iter().map(|row| &row.text))),
    ]);
    columns
}

/// The columns that every table begins with.
fn origins<'a>(rows: impl Iterator<Item = &'a Origin> + Clone) -> Vec<Column> {
    vec![
        ("instance_id", texts(rows.clone().map(|row| row.instance.as_str()))),
        ("journal", u64s(rows.clone().map(|row| row.journal.0))),
        ("seq", u64s(rows.clone().map(|row| row.seq))),
        ("at", moments(rows.clone().map(|row| row.at))),
        ("server", texts(rows.map(|row| &row.server))),
    ]
}

fn texts(values: impl Iterator<Item = impl AsRef<str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn u64s(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(UInt64Array::from_iter_values(values))
}

fn u32s(values: impl Iterator<Item = u32>) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(values))
}

fn u16s(values: impl Iterator<Item = u16>) -> ArrayRef {
    Arc::new(UInt16Array::from_iter_values(values))
}

fn f64s(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn bools(values: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<BooleanArray>())
}

fn moments(values: impl Iterator<Item = Timestamp>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(values.map(millis)))
}

/// A moment as it is stored: within the years 1 to 9999, where every calculation of DuckDB stays in range.
pub(super) fn millis(at: Timestamp) -> i64 {
    const YEAR_1: i64 = -62_135_596_800_000;
    const END_OF_9999: i64 = 253_402_300_799_999;
    at.as_millis().clamp(YEAR_1, END_OF_9999)
}

/// The columns of an event as [`decode`] asks for them.
pub(super) const EVENT: &str = "instance_id, journal, seq, \"at\", server, epoch, version, op, kind, rule, status, \
                                reason, login, actions, detail, payload";

/// Reads the events in one piece of an answer to [`EVENT`].
pub(super) fn decode(block: &StructArray, events: &mut Vec<InstanceEvent>) -> Result<(), Unreadable> {
    let text = |index| column::<StringArray>(block, index);
    let number = |index| column::<UInt64Array>(block, index);
    let (instance, server, kind, rule) = (text(0)?, text(4)?, text(8)?, text(9)?);
    let (status, reason, login) = (text(10)?, text(11)?, text(12)?);
    let (actions, detail) = (text(13)?, text(14)?);
    let (journal, seq, epoch, version, op) = (number(1)?, number(2)?, number(5)?, number(6)?, number(7)?);
    let at = column::<TimestampMillisecondArray>(block, 3)?;
    let payload = column::<BinaryArray>(block, 15)?;
    for index in 0..block.len() {
        let unreadable = |column| Unreadable { column };
        events.push(InstanceEvent {
            origin: Origin {
                instance: InstanceId::new(instance.value(index)).map_err(|_| unreadable(0))?,
                journal: JournalId(journal.value(index)),
                seq: seq.value(index),
                at: Timestamp::from_millis(at.value(index)),
                server: server.value(index).to_owned(),
            },
            epoch: epoch.value(index),
            version: version.value(index),
            op: op.value(index),
            kind: kind.value(index).to_owned(),
            rule: rule.value(index).to_owned(),
            status: Status::from_text(status.value(index)).ok_or(unreadable(10))?,
            reason: FailureReason::from_text(reason.value(index)).ok_or(unreadable(11))?,
            login: LoginOutcome::from_text(login.value(index)).ok_or(unreadable(12))?,
            actions: actions.value(index).to_owned(),
            detail: detail.value(index).to_owned(),
            payload: payload.value(index).to_vec(),
        });
    }
    Ok(())
}
