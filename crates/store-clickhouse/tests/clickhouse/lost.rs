//! ClickHouse remembers a token, or a view's table its block, and the rows are gone: what a kill between the two leaves.

use warden_store::History;

use crate::common::{TABLES, always, answers, assert_exact, history, range, right_answers, start};

/// A deletion keeps the tokens, as this test would not show anything otherwise.
#[tokio::test]
async fn rows_that_were_lost_behind_their_token_are_written_again() {
    let (clickhouse, config) = start().await;
    let ranges = [range(1..=2_000)];
    let [(range, rows)] = &ranges;
    history(&config).insert(*range, rows).await.unwrap();
    for table in TABLES {
        for lost in ["seq % 2 = 0", "toYYYYMM(at) = 208001", "true"] {
            let delete = format!("DELETE FROM warden.{table} WHERE {lost} SETTINGS mutations_sync = 2");
            clickhouse.query(&delete).unwrap();
            let plain = format!("SELECT count() FROM warden.{table} WHERE {lost}");
            assert_eq!(clickhouse.query(&plain).unwrap(), "0");
            history(&config).insert(*range, rows).await.unwrap();
        }
    }
    assert_exact(&clickhouse, &ranges);
    assert_eq!(answers(&history(&config), always()).await, right_answers(&ranges, always()).await);
}

#[tokio::test]
async fn a_token_alone_drops_a_repetition() {
    let (clickhouse, config) = start().await;
    let (first, rows) = range(1..=100);
    let history = history(&config);
    history.insert(first, &rows).await.unwrap();
    // past the first ranges of a process, an acknowledged range is believed to be there
    for at in 1..20 {
        let (range, rows) = range(at * 100 + 1..=(at + 1) * 100);
        history.insert(range, &rows).await.unwrap();
    }
    clickhouse
        .query("DELETE FROM warden.instance_events WHERE seq <= 100 SETTINGS mutations_sync = 2")
        .unwrap();
    history.insert(first, &rows).await.unwrap();
    assert_eq!(clickhouse.query("SELECT count() FROM warden.instance_events WHERE seq <= 100").unwrap(), "0");
}

#[tokio::test]
async fn a_view_that_lost_its_rows_is_fed_by_the_repetition() {
    let (clickhouse, config) = start().await;
    let ranges = [range(1..=2_000)];
    let [(range, rows)] = &ranges;
    let history = history(&config);
    history.insert(*range, rows).await.unwrap();
    for view in ["time_to_recover", "failures_per_hour", "login_success", "slippage"] {
        clickhouse.query(&format!("TRUNCATE TABLE warden.{view}")).unwrap();
    }
    history.insert(*range, rows).await.unwrap();
    assert_exact(&clickhouse, &ranges);
    assert_eq!(answers(&history, always()).await, right_answers(&ranges, always()).await);
}

/// The tokens are forgotten, as after a very long time: copies appear, and no answer counts them.
#[tokio::test]
async fn copies_of_rows_change_no_answer() {
    let (clickhouse, config) = start().await;
    let ranges = [range(1..=2_000)];
    let [(range, rows)] = &ranges;
    history(&config).insert(*range, rows).await.unwrap();
    let before = clickhouse.query("SELECT count() FROM warden.instance_events").unwrap();
    for table in TABLES {
        clickhouse.query(&format!("INSERT INTO warden.{table} SELECT * FROM warden.{table}")).unwrap();
    }
    let copied = clickhouse.query("SELECT count() FROM warden.instance_events").unwrap();
    let exact = clickhouse.query("SELECT count() FROM warden.instance_events FINAL").unwrap();
    assert_eq!((copied, exact), ("4000".to_owned(), before));
    assert_eq!(answers(&history(&config), always()).await, right_answers(&ranges, always()).await);
}

/// More bytes than a server makes one block of by itself: a part of them under the token would keep the rest out.
#[tokio::test]
async fn a_range_is_one_block_however_large_it_is() {
    let (clickhouse, config) = start().await;
    let (range, mut rows) = range(2_001..=142_000);
    for event in &mut rows.events {
        event.payload = vec![7; 2_300];
    }
    let history = history(&config);
    for _ in 0..2 {
        history.insert(range, &rows).await.unwrap();
        let parts = "SELECT count(), sum(rows) FROM system.parts WHERE table = 'instance_events'";
        assert_eq!(clickhouse.query(parts).unwrap(), "1\t140000");
    }
}
