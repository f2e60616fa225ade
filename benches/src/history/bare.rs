//! The floor of the export: the official client, which inserts rows that are derived already and does nothing else.

use clickhouse::{Client, Compression, Row, RowWrite, error::Result};
use serde::{Serialize, Serializer};
use warden_domain::Timestamp;
use warden_store::{
    HistoryRows,
    history::{AlertRow, IncidentRow, InstanceEvent, NotificationRow, TradeEvent},
};
use warden_store_clickhouse::ClickHouseConfig;

/// A client as anybody would make it, with the same compression.
pub(super) fn client(config: &ClickHouseConfig) -> Client {
    let client = Client::default().with_url(&config.url).with_database(&config.database);
    client.with_compression(Compression::Lz4)
}

/// Inserts the rows of every table.
pub(super) async fn insert(client: &Client, rows: &HistoryRows) -> Result<()> {
    let HistoryRows { events, trades, incidents, alerts, notifications } = rows;
    table::<Event<'static>, _>(client, "instance_events", events).await?;
    table::<Trade<'static>, _>(client, "trade_events", trades).await?;
    table::<Incident<'static>, _>(client, "incidents", incidents).await?;
    table::<Alert<'static>, _>(client, "alerts", alerts).await?;
    table::<Notification<'static>, _>(client, "notifications", notifications).await
}

async fn table<R, P>(client: &Client, name: &str, rows: &[P]) -> Result<()>
where
    R: RowWrite,
    P: 'static,
    for<'r> <R as Row>::Value<'r>: From<&'r P>,
{
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = client.insert::<R>(name).await?;
    for row in rows {
        insert.write(&row.into()).await?;
    }
    insert.end().await
}

#[derive(Row, Serialize)]
struct Event<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    epoch: u64,
    version: u64,
    op: u64,
    kind: &'a str,
    rule: &'a str,
    status: &'a str,
    reason: &'a str,
    login: &'a str,
    actions: &'a str,
    detail: &'a str,
    #[serde(serialize_with = "bytes")]
    payload: &'a [u8],
}

impl<'a> From<&'a InstanceEvent> for Event<'a> {
    fn from(row: &'a InstanceEvent) -> Self {
        Self {
            instance_id: row.origin.instance.as_str(),
            journal: row.origin.journal.0,
            seq: row.origin.seq,
            at: row.origin.at.as_millis(),
            server: &row.origin.server,
            epoch: row.epoch,
            version: row.version,
            op: row.op,
            kind: &row.kind,
            rule: &row.rule,
            status: row.status.as_str(),
            reason: row.reason.as_str(),
            login: row.login.as_str(),
            actions: &row.actions,
            detail: &row.detail,
            payload: &row.payload,
        }
    }
}

#[derive(Row, Serialize)]
struct Trade<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    part: u16,
    magic: u64,
    symbol: &'a str,
    side: &'a str,
    kind: &'a str,
    retcode: u32,
    volume: f64,
    requested: f64,
    filled: f64,
    slippage: Option<i64>,
    latency_ms: u32,
}

impl<'a> From<&'a TradeEvent> for Trade<'a> {
    fn from(row: &'a TradeEvent) -> Self {
        Self {
            instance_id: row.origin.instance.as_str(),
            journal: row.origin.journal.0,
            seq: row.origin.seq,
            at: row.origin.at.as_millis(),
            server: &row.origin.server,
            part: row.part,
            magic: row.magic,
            symbol: &row.symbol,
            side: &row.side,
            kind: &row.kind,
            retcode: row.retcode,
            volume: row.volume,
            requested: row.requested,
            filled: row.filled,
            slippage: row.slippage,
            latency_ms: row.latency_ms,
        }
    }
}

#[derive(Row, Serialize)]
struct Incident<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    version: u64,
    kind: &'a str,
    opened_at: i64,
    closed_at: Option<i64>,
    recovered: bool,
    attempts: u8,
    evidence: &'a str,
}

impl<'a> From<&'a IncidentRow> for Incident<'a> {
    fn from(row: &'a IncidentRow) -> Self {
        Self {
            instance_id: row.origin.instance.as_str(),
            journal: row.origin.journal.0,
            seq: row.origin.seq,
            at: row.origin.at.as_millis(),
            server: &row.origin.server,
            version: row.version,
            kind: row.kind.as_str(),
            opened_at: row.opened_at.as_millis(),
            closed_at: row.closed_at.map(Timestamp::as_millis),
            recovered: row.recovered,
            attempts: row.attempts,
            evidence: &row.evidence,
        }
    }
}

#[derive(Row, Serialize)]
struct Alert<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    alert: &'a str,
    severity: &'a str,
    firing: bool,
}

impl<'a> From<&'a AlertRow> for Alert<'a> {
    fn from(row: &'a AlertRow) -> Self {
        Self {
            instance_id: row.origin.instance.as_str(),
            journal: row.origin.journal.0,
            seq: row.origin.seq,
            at: row.origin.at.as_millis(),
            server: &row.origin.server,
            alert: row.alert.as_str(),
            severity: row.severity.as_str(),
            firing: row.firing,
        }
    }
}

#[derive(Row, Serialize)]
struct Notification<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    part: u16,
    notice: &'a str,
    rule: &'a str,
    text: &'a str,
}

impl<'a> From<&'a NotificationRow> for Notification<'a> {
    fn from(row: &'a NotificationRow) -> Self {
        Self {
            instance_id: row.origin.instance.as_str(),
            journal: row.origin.journal.0,
            seq: row.origin.seq,
            at: row.origin.at.as_millis(),
            server: &row.origin.server,
            part: row.part,
            notice: &row.notice,
            rule: &row.rule,
            text: &row.text,
        }
    }
}

/// Bytes at once: `serde` would write them one by one.
fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}
