//! The way of a range into the tables.

use std::{
    collections::HashSet,
    time::{SystemTime, UNIX_EPOCH},
};

use clickhouse::{Row, RowWrite};
use warden_store::{
    HistoryRows,
    history::{AlertRow, IncidentRow, InstanceEvent, NotificationRow, Origin, Range, TradeEvent},
};

use crate::{
    fault::{Fault, Kind},
    link::Link,
    row::{Alert, Event, Incident, Notification, Trade},
};

/// How many rows of one kind a range may hold: they go in one block, which ClickHouse keeps whole or not at all (one for
/// each month that they are of).
pub const MAX_ROWS: usize = 500_000;

/// What makes one insert one block, and its repetition nothing: the same on every server, whatever its profile says.
const SETTINGS: [(&str, &str); 7] = [
    ("async_insert", "0"),
    ("insert_deduplicate", "1"),
    // A view whose block was lost in a crash is fed again, though the table before it drops the repetition.
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    ("input_format_parallel_parsing", "0"),
    ("max_insert_threads", "1"),
    ("max_insert_block_size", "1000000"),
    ("min_insert_block_size_rows", "1000000"),
];

/// Blocks are as long as rows are many: no number of bytes ends one.
const BLOCK_BYTES: (&str, &str) = ("min_insert_block_size_bytes", "17179869184");

/// What is believed when ClickHouse says that a range is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Its token was never used: acknowledged is written.
    Token,
    /// Its token may have been used before, by an insert whose rows were lost after all: they are looked up.
    Nothing,
}

/// Writes the rows of one range into their tables.
pub(crate) async fn range(link: &Link, range: Range, rows: &HistoryRows, trust: Trust) -> Result<(), Fault> {
    let HistoryRows { events, trades, incidents, alerts, notifications } = rows;
    let way = Way { link, range, trust };
    // Beside each other: while ClickHouse works on the rows of one table, those of the next are on their way.
    tokio::try_join!(
        way.append::<Event<'static>, _>("instance_events", events),
        way.append::<Trade<'static>, _>("trade_events", trades),
        way.replace::<Incident<'static>, _>("incidents", incidents),
        way.append::<Alert<'static>, _>("alerts", alerts),
        way.append::<Notification<'static>, _>("notifications", notifications),
    )
    .map(drop)
}

struct Way<'a> {
    link: &'a Link,
    range: Range,
    trust: Trust,
}

impl Way<'_> {
    /// Rows that each stand for themselves.
    async fn append<R, P>(&self, table: &str, rows: &[P]) -> Result<(), Fault>
    where
        R: RowWrite,
        P: Sourced,
        for<'r> <R as Row>::Value<'r>: From<&'r P> + Send,
    {
        self.write::<R, P>(table, &self.token(table), rows.len(), rows.iter()).await?;
        match self.trust {
            Trust::Token => return Ok(()),
            Trust::Nothing if rows.is_empty() => return Ok(()),
            Trust::Nothing => {}
        }
        let there = self.there(table, rows).await?;
        let missing = || rows.iter().filter(|row| !there.contains(&row.origin().seq));
        let count = missing().count();
        if count > 0 {
            tracing::warn!(table, count, range = %self.range.token(), "clickhouse had lost rows of an insert; writing them again");
        }
        self.write::<R, P>(table, &self.fresh_token(table), count, missing()).await
    }

    /// Rows of which a later one replaces an earlier one: that they are not there proves nothing, and writing them once
    /// more changes nothing.
    async fn replace<R, P>(&self, table: &str, rows: &[P]) -> Result<(), Fault>
    where
        R: RowWrite,
        P: Sourced,
        for<'r> <R as Row>::Value<'r>: From<&'r P> + Send,
    {
        let token = match self.trust {
            Trust::Token => self.token(table),
            Trust::Nothing => self.fresh_token(table),
        };
        self.write::<R, P>(table, &token, rows.len(), rows.iter()).await
    }

    async fn write<'r, R, P>(
        &self,
        table: &str,
        token: &str,
        count: usize,
        rows: impl Iterator<Item = &'r P> + Send,
    ) -> Result<(), Fault>
    where
        R: RowWrite,
        P: Sourced,
        for<'v> <R as Row>::Value<'v>: From<&'v P> + Send,
    {
        if count == 0 {
            return Ok(());
        }
        if count > MAX_ROWS {
            let words =
                format!("a range holds {count} rows for {table}, at most {MAX_ROWS} go in one insert");
            return Err(Fault { kind: Kind::Refused, code: 0, words });
        }
        let mut insert = self.link.in_time(self.link.client().insert::<R>(table)).await?;
        for (name, value) in SETTINGS.into_iter().chain([BLOCK_BYTES]) {
            insert = insert.with_setting(name, value);
        }
        let timeout = Some(self.link.timeout());
        insert = insert.with_setting("insert_deduplication_token", token).with_timeouts(timeout, timeout);
        for row in rows {
            insert.write(&row.into()).await?;
        }
        Ok(insert.end().await?)
    }

    /// Which places of the range a table holds rows of.
    async fn there<P: Sourced>(&self, table: &str, rows: &[P]) -> Result<HashSet<u64>, Fault> {
        let moments = || rows.iter().map(|row| row.origin().at.as_millis());
        let sql = format!(
            "SELECT DISTINCT seq FROM {table} WHERE journal = ? AND seq BETWEEN ? AND ? \
             AND at BETWEEN fromUnixTimestamp64Milli(toInt64(?)) AND fromUnixTimestamp64Milli(toInt64(?))"
        );
        let Range { journal, first, last } = self.range;
        let query = self.link.query(&sql).bind(journal.0).bind(first).bind(last);
        let query = query.bind(moments().min()).bind(moments().max());
        Ok(self.link.rows::<u64>(query).await?.into_iter().collect())
    }

    fn token(&self, table: &str) -> String {
        format!("{}-{table}", self.range.token())
    }

    /// One that was never used.
    fn fresh_token(&self, table: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{}-{}", self.token(table), now.as_nanos())
    }
}

/// A row of the port that says where it comes from.
trait Sourced: Sync + 'static {
    fn origin(&self) -> &Origin;
}

macro_rules! sourced {
    ($($row:ty),+) => {$(
        impl Sourced for $row {
            fn origin(&self) -> &Origin {
                &self.origin
            }
        }
    )+};
}

sourced!(InstanceEvent, TradeEvent, IncidentRow, AlertRow, NotificationRow);
