//! The floor of the export: the official client, which inserts rows that are derived already and does nothing else.

use clickhouse::{Client, Compression, Row, RowWrite, error::Result};
use warden_store::HistoryRows;
use warden_store_clickhouse::{
    ClickHouseConfig,
    row::{Alert, Event, Incident, Notification, Trade},
};

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
