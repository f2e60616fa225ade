//! ClickHouse is killed while ranges are written, and started again.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use warden_store::{History, HistoryError, HistoryRows, history::Range};
use warden_store_clickhouse::ClickHouseHistory;
use warden_testkit::{ClickHouse, poll_until, poll_until_async};

use crate::common::{always, answers, assert_exact, history, range, right_answers, start};

const SOON: Duration = Duration::from_secs(120);
const KILLS: u32 = 10;
const RANGES: u64 = 100;
const ROWS: u64 = 2_000;

fn ranges() -> Vec<(Range, HistoryRows)> {
    (0..RANGES).map(|at| range(at * ROWS + 1..=(at + 1) * ROWS)).collect()
}

/// Gives the identical range again until it is acknowledged, as the export does; answers how often it had to.
async fn insert(history: &ClickHouseHistory, range: Range, rows: &HistoryRows) -> u32 {
    let mut failures = 0;
    poll_until_async(SOON, "an acknowledgement", async || match history.insert(range, rows).await {
        Ok(()) => Some(()),
        Err(HistoryError::Unreachable(_) | HistoryError::Refused(_)) => {
            failures += 1;
            None
        }
        Err(error) => panic!("{error}"),
    })
    .await
    .unwrap();
    failures
}

/// Kills the server at a moment of no particular range, each time some ranges later.
fn kill_again_and_again(clickhouse: &Mutex<ClickHouse>, acknowledged: &AtomicU32) {
    for kill in 0..KILLS {
        let enough = || (acknowledged.load(Ordering::SeqCst) > kill * 5).then_some(());
        poll_until(SOON, "some ranges more", enough).unwrap();
        let mut clickhouse = clickhouse.lock().unwrap();
        clickhouse.kill().unwrap();
        clickhouse.restart().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_counted_twice_when_clickhouse_is_killed_ten_times() {
    let (clickhouse, config) = start().await;
    let (clickhouse, acknowledged) = (Arc::new(Mutex::new(clickhouse)), Arc::new(AtomicU32::new(0)));
    let ranges = ranges();
    let killer = tokio::task::spawn_blocking({
        let (clickhouse, acknowledged) = (Arc::clone(&clickhouse), Arc::clone(&acknowledged));
        move || kill_again_and_again(&clickhouse, &acknowledged)
    });
    let history = history(&config);
    let mut failures = 0;
    for (range, rows) in &ranges {
        failures += insert(&history, *range, rows).await;
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    killer.await.unwrap();
    assert!(failures > 0, "no kill hit an insert");
    assert_exact(&clickhouse.lock().unwrap(), &ranges);
    assert_eq!(answers(&history, always()).await, right_answers(&ranges, always()).await);
}

/// C11 and C12: the exporter dies too, and its successor gives the last range again.
#[tokio::test]
async fn c11_c12_a_new_process_gives_the_last_range_again() {
    let (mut clickhouse, config) = start().await;
    let ranges = ranges();
    for (range, rows) in &ranges[..4] {
        let first = history(&config);
        insert(&first, *range, rows).await;
        drop(first);
        clickhouse.kill().unwrap();
        clickhouse.restart().unwrap();
        insert(&history(&config), *range, rows).await;
    }
    assert_exact(&clickhouse, &ranges[..4]);
}
