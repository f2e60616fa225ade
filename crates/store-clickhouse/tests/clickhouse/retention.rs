//! Rows go when they are old.

use warden_domain::{Span, Timestamp};
use warden_store::{
    History,
    schema::{Schema, up},
};
use warden_store_clickhouse::{ClickHouseConfig, HistorySchema};

use crate::common::{NOW, TABLES, history, range, start};

const DAY: Span = Span::from_secs(86_400);

async fn up_with(config: &ClickHouseConfig, days: Option<u64>) {
    let config = ClickHouseConfig { retention: days.map(|days| DAY.times(days)), ..config.clone() };
    up(&mut HistorySchema::connect(&config).unwrap(), NOW, &mut |_| ()).await.unwrap();
    assert_eq!(HistorySchema::connect(&config).unwrap().differences().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_retention_is_what_is_configured_at_the_last_up() {
    let (clickhouse, config) = start().await;
    let of = |days: u64| {
        let ttl = format!("%toIntervalDay({days})%");
        let sql = format!(
            "SELECT count() FROM system.tables WHERE database = 'warden' AND engine_full LIKE '{ttl}'"
        );
        clickhouse.query(&sql).unwrap()
    };
    up_with(&config, Some(400)).await;
    assert_eq!(of(400), "9");
    let shorter = ClickHouseConfig { retention: Some(DAY.times(30)), ..config.clone() };
    let told = HistorySchema::connect(&shorter).unwrap().differences().await.unwrap();
    assert_eq!(told.len(), 9, "{told:?}");
    up_with(&config, Some(30)).await;
    assert_eq!((of(30), of(400)), ("9".into(), "0".into()));
    up_with(&config, None).await;
    assert_eq!(of(30), "0");
}

#[tokio::test]
async fn a_partition_that_is_older_than_the_retention_is_dropped() {
    let (clickhouse, config) = start().await;
    up_with(&config, Some(30)).await;
    let (young, rows) = range(1..=500);
    let mut old = rows.clone();
    let long_ago = |at: &mut Timestamp| *at = Timestamp::from_millis(at.as_millis() - 60 * 365 * 86_400_000);
    old.events.iter_mut().for_each(|row| long_ago(&mut row.origin.at));
    old.trades.iter_mut().for_each(|row| long_ago(&mut row.origin.at));
    old.incidents.iter_mut().for_each(|row| long_ago(&mut row.opened_at));
    old.alerts.iter_mut().for_each(|row| long_ago(&mut row.origin.at));
    old.notifications.iter_mut().for_each(|row| long_ago(&mut row.origin.at));
    let mut before = young;
    before.journal.0 += 1;
    let history = history(&config);
    history.insert(before, &old).await.unwrap();
    history.insert(young, &rows).await.unwrap();
    for table in
        TABLES.into_iter().chain(["time_to_recover", "failures_per_hour", "login_success", "slippage"])
    {
        clickhouse.query(&format!("OPTIMIZE TABLE warden.{table} FINAL")).unwrap();
        let column = if table == "incidents" { "opened_at" } else { "at" };
        let column =
            if ["time_to_recover", "failures_per_hour"].contains(&table) { "opened_at" } else { column };
        let sql = format!("SELECT countIf({column} < now()), count() > 0 FROM warden.{table}");
        assert_eq!(clickhouse.query(&sql).unwrap(), "0\t1", "{table}");
    }
}
