//! The questions of the port, as ClickHouse is asked them.

use clickhouse::{Row, RowOwned, RowRead, query::Query};
use serde::Deserialize;
use warden_domain::{IncidentKind, InstanceId, Span, Timestamp};
use warden_store::history::{
    FailuresPerHour, InstanceEvent, LoginSuccess, Period, Slippage, TimeToRecover, of_each,
};

use crate::{fault::Fault, link::Link, row::Event};

/// Rows of one key always lie in one partition, because its moment is part of the key.
const FINAL: (&str, &str) = ("do_not_merge_across_partitions_select_final", "1");

/// From 1900 to 2299: what `DateTime64` can be asked for.
const MOMENTS: std::ops::RangeInclusive<i64> = -2_208_988_800_000..=10_413_791_999_999;

/// Instances that are asked for in one statement: with their ids it stays below ClickHouse's limit of 256 KiB.
const TOGETHER: usize = 1_000;

pub(crate) async fn timeline(
    link: &Link,
    instance: &InstanceId,
    period: Period,
    limit: u32,
) -> Result<Vec<InstanceEvent>, Fault> {
    let sql = "SELECT ?fields FROM instance_events FINAL WHERE instance_id = ? \
               AND at >= fromUnixTimestamp64Milli(toInt64(?)) AND at < fromUnixTimestamp64Milli(toInt64(?)) \
               ORDER BY at DESC, epoch DESC, version DESC, journal DESC, seq DESC LIMIT ?";
    let query = within(link.query(sql).bind(instance.as_str()), period).bind(limit);
    let mut newest = link.in_time(events(query)).await?;
    newest.reverse();
    Ok(newest)
}

/// First what stands in few bytes tells which rows they are, then these are read by their whole key.
pub(crate) async fn latest(
    link: &Link,
    instances: &[InstanceId],
) -> Result<Vec<Option<InstanceEvent>>, Fault> {
    let sql = "SELECT ?fields FROM instance_events FINAL WHERE (instance_id, at, journal, seq) IN ( \
               SELECT instance_id, newest.1, newest.2, newest.3 FROM ( \
               SELECT instance_id, argMax((at, journal, seq), (epoch, version, at, journal, seq)) AS newest \
               FROM instance_events WHERE instance_id IN ? GROUP BY instance_id))";
    let mut found = Vec::with_capacity(instances.len());
    for together in instances.chunks(TOGETHER) {
        let ids: Vec<&str> = together.iter().map(InstanceId::as_str).collect();
        found.extend(link.in_time(events(link.query(sql).bind(ids))).await?);
    }
    Ok(of_each(instances, found))
}

async fn events(query: Query) -> Result<Vec<InstanceEvent>, Fault> {
    let mut rows = query.with_setting(FINAL.0, FINAL.1).fetch::<Event<'_>>()?;
    let mut events = Vec::new();
    while let Some(row) = rows.next().await? {
        events.push(row.read()?);
    }
    Ok(events)
}

pub(crate) async fn time_to_recover(link: &Link, period: Period) -> Result<Vec<TimeToRecover>, Fault> {
    #[derive(Row, Deserialize)]
    struct Found {
        server: String,
        kind: String,
        opened: u64,
        healed: u64,
        median: i64,
        longest: i64,
    }
    let sql = "SELECT server, kind, count() AS opened, countIf(recovered) AS healed, \
               quantileExactLowIf(0.5)(took_ms, recovered) AS median, maxIf(took_ms, recovered) AS longest \
               FROM time_to_recover FINAL WHERE opened_at >= fromUnixTimestamp64Milli(toInt64(?)) \
               AND opened_at < fromUnixTimestamp64Milli(toInt64(?)) GROUP BY server, kind";
    let read = |found: Found| {
        let took = |millis: i64| (found.healed > 0).then(|| Span::from_millis(millis.unsigned_abs()));
        Ok(TimeToRecover {
            kind: kind(&found.kind)?,
            opened: found.opened,
            recovered: found.healed,
            median: took(found.median),
            longest: took(found.longest),
            server: found.server,
        })
    };
    let mut answer: Vec<TimeToRecover> = ask(link, sql, period, read).await?;
    answer.sort_by(|a, b| (&a.server, a.kind).cmp(&(&b.server, b.kind)));
    Ok(answer)
}

pub(crate) async fn failures_per_hour(link: &Link, period: Period) -> Result<Vec<FailuresPerHour>, Fault> {
    #[derive(Row, Deserialize)]
    struct Found {
        server: String,
        began: i64,
        kind: String,
        failures: u64,
    }
    let sql = "SELECT server, toInt64(toUnixTimestamp(hour)) * 1000 AS began, kind, count() AS failures \
               FROM failures_per_hour FINAL WHERE opened_at >= fromUnixTimestamp64Milli(toInt64(?)) \
               AND opened_at < fromUnixTimestamp64Milli(toInt64(?)) GROUP BY server, began, kind";
    let read = |found: Found| {
        Ok(FailuresPerHour {
            hour: Timestamp::from_millis(found.began),
            kind: kind(&found.kind)?,
            failures: found.failures,
            server: found.server,
        })
    };
    let mut answer: Vec<FailuresPerHour> = ask(link, sql, period, read).await?;
    answer.sort_by(|a, b| (&a.server, a.hour, a.kind).cmp(&(&b.server, b.hour, b.kind)));
    Ok(answer)
}

pub(crate) async fn login_success(link: &Link, period: Period) -> Result<Vec<LoginSuccess>, Fault> {
    #[derive(Row, Deserialize)]
    struct Found {
        server: String,
        began: i64,
        ended: u64,
        succeeded: u64,
    }
    let sql = "SELECT server, toInt64(toUnixTimestamp(toStartOfHour(at))) * 1000 AS began, count() AS ended, \
               countIf(login = 'SUCCEEDED') AS succeeded \
               FROM login_success FINAL WHERE at >= fromUnixTimestamp64Milli(toInt64(?)) \
               AND at < fromUnixTimestamp64Milli(toInt64(?)) GROUP BY server, began";
    let read = |Found { server, began, ended, succeeded }| {
        Ok(LoginSuccess { server, hour: Timestamp::from_millis(began), ended, succeeded })
    };
    let mut answer: Vec<LoginSuccess> = ask(link, sql, period, read).await?;
    answer.sort_by(|a, b| (&a.server, a.hour).cmp(&(&b.server, b.hour)));
    Ok(answer)
}

pub(crate) async fn slippage(link: &Link, period: Period) -> Result<Vec<Slippage>, Fault> {
    #[derive(Row, Deserialize)]
    struct Found {
        server: String,
        symbol: String,
        fills: u64,
        mean: f64,
        worst: i64,
    }
    let sql = "SELECT server, symbol, count() AS fills, toFloat64(sum(toInt128(points))) / count() AS mean, \
               max(points) AS worst \
               FROM slippage FINAL WHERE at >= fromUnixTimestamp64Milli(toInt64(?)) \
               AND at < fromUnixTimestamp64Milli(toInt64(?)) GROUP BY server, symbol";
    let read =
        |Found { server, symbol, fills, mean, worst }| Ok(Slippage { server, symbol, fills, mean, worst });
    let mut answer: Vec<Slippage> = ask(link, sql, period, read).await?;
    answer.sort_by(|a, b| (&a.server, &a.symbol).cmp(&(&b.server, &b.symbol)));
    Ok(answer)
}

async fn ask<T: RowOwned + RowRead, A>(
    link: &Link,
    sql: &str,
    period: Period,
    read: impl Fn(T) -> Result<A, Fault>,
) -> Result<Vec<A>, Fault> {
    let query = within(link.query(sql), period).with_setting(FINAL.0, FINAL.1);
    link.rows::<T>(query).await?.into_iter().map(read).collect()
}

fn within(query: Query, period: Period) -> Query {
    let moment = |at: Timestamp| at.as_millis().clamp(*MOMENTS.start(), *MOMENTS.end());
    query.bind(moment(period.from)).bind(moment(period.until))
}

fn kind(text: &str) -> Result<IncidentKind, Fault> {
    let unknown =
        || Fault::unreadable(format!("incident kind {text:?} is not known; a newer program wrote it"));
    IncidentKind::from_text(text).ok_or_else(unknown)
}
