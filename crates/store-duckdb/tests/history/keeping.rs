use std::sync::Arc;

use warden_domain::Timestamp;
use warden_store::{
    History, HistoryError, HistoryRows, JournalId,
    conformance::history::{JOURNAL, OTHER_JOURNAL, whole},
    history::Range,
};
use warden_store_duckdb::DuckHistory;

use crate::{all, ask, change, config, events, insert, open, range};

/// Every column of every table, as DuckDB itself shows it.
#[tokio::test]
async fn rows_of_every_kind_are_in_their_tables() {
    let folder = tempfile::tempdir().unwrap();
    let (range, rows) = whole();
    let history = open(folder.path());
    for _ in 0..2 {
        history.insert(range, &rows).await.unwrap();
    }
    drop(history);
    let shown = |table: &str| -> String {
        ask(
            folder.path(),
            &format!(
                "SELECT string_agg(r, e'\\n' ORDER BY r) FROM (SELECT {table}::VARCHAR AS r FROM {table})"
            ),
        )
    };
    for (table, expected) in [
        ("trade_events", rows.trades.len()),
        ("incidents", rows.incidents.len()),
        ("alerts", rows.alerts.len()),
        ("notifications", rows.notifications.len()),
        ("instance_events", rows.events.len()),
    ] {
        assert_eq!(ask::<u64>(folder.path(), &format!("SELECT count(*) FROM {table}")), expected as u64);
        assert!(shown(table).contains("2080-01-01 00:00:00.123"), "{}", shown(table));
    }
    let exact = |sql: &str| ask::<bool>(folder.path(), sql);
    for (trade, row) in rows.trades.iter().zip(0..) {
        let sql = format!(
            "SELECT magic = {} AND retcode = {} AND part = {} AND volume = {:?} AND requested = {:?} AND filled = {:?}
                 AND slippage IS NOT DISTINCT FROM {} AND latency_ms = {} AND symbol = '{}' AND side = '{}'
             FROM trade_events ORDER BY seq, part LIMIT 1 OFFSET {row}",
            trade.magic,
            trade.retcode,
            trade.part,
            trade.volume,
            trade.requested,
            trade.filled,
            trade.slippage.map_or("NULL".to_owned(), |points| points.to_string()),
            trade.latency_ms,
            trade.symbol.replace('\'', "''"),
            trade.side,
        );
        assert!(exact(&sql), "{sql}");
    }
    assert!(exact(
        "SELECT closed_at = '2080-01-01 00:00:00.456' AND recovered AND attempts = 255 AND kind = 'PROTECTION_MISFIRE'
         FROM incidents WHERE instance_id = 'acct-1'"
    ));
    assert!(exact("SELECT closed_at IS NULL AND NOT recovered FROM incidents WHERE instance_id = 'acct_2'"));
    assert!(exact("SELECT severity = 'critical' AND firing FROM alerts ORDER BY seq, alert DESC LIMIT 1"));
    assert!(exact("SELECT count(DISTINCT part) = 3 AND bool_or(rule = 'ACC-2') FROM notifications"));
}

#[tokio::test]
async fn a_range_is_taken_whole_once_and_never_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    insert(&history, 1, 10).await;
    insert(&history, 11, 20).await;
    for (first, last) in [(1, 10), (11, 20), (1, 20), (5, 15), (20, 20)] {
        insert(&history, first, last).await; // lies within what is there
    }
    assert_eq!(all(&history).await.len(), 20);
    for (first, last) in [(15, 25), (1, 21), (20, 21)] {
        let refused = history.insert(range(first, last), &events(range(first, last))).await.unwrap_err();
        let HistoryError::Refused(why) = refused else { panic!("{refused}") };
        assert_eq!(
            why,
            format!(
                "rows {first} to {last} of journal {JOURNAL} overlap rows 1 to 20, which are there; export from a \
                 place that was answered"
            )
        );
    }
    assert_eq!(history.exported(JOURNAL).await.unwrap(), Some(20));
    assert_eq!(history.exported(OTHER_JOURNAL).await.unwrap(), None);
    let other = Range { journal: OTHER_JOURNAL, ..range(15, 25) };
    history.insert(other, &events(range(0, 0))).await.unwrap();
    assert_eq!(history.exported(OTHER_JOURNAL).await.unwrap(), Some(25));
    drop(history);
    let ranges = "SELECT string_agg(first_seq || '-' || last_seq, ' ' ORDER BY last_seq) FROM ranges";
    assert_eq!(ask::<String>(folder.path(), ranges), "1-20 15-25");
}

/// A journal that was put back from a backup goes on with other rows under the same numbers.
#[tokio::test]
async fn what_a_journal_has_lost_makes_room_for_what_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let (whole_range, whole_rows) = whole();
    history.insert(whole_range, &whole_rows).await.unwrap();
    insert(&history, 1, 20).await;
    let other = Range { journal: OTHER_JOURNAL, ..range(1, 30) };
    history.insert(other, &HistoryRows::default()).await.unwrap();
    assert_eq!(history.resume(JOURNAL, u64::MAX).await.unwrap(), u64::MAX);
    assert_eq!(history.resume(JOURNAL, 9).await.unwrap(), 9);
    assert_eq!(history.resume(JOURNAL, 9).await.unwrap(), 9);
    assert_eq!(history.exported(OTHER_JOURNAL).await.unwrap(), Some(30), "another journal has lost nothing");
    assert_eq!(all(&history).await.len(), 9);
    insert(&history, 10, 25).await;
    let seqs: Vec<u64> = all(&history).await.iter().map(|event| event.origin.seq).collect();
    assert_eq!(seqs, (1..=25).collect::<Vec<_>>());
    assert_eq!(history.resume(JOURNAL, 0).await.unwrap(), 0);
    drop(history);
    for table in ["instance_events", "trade_events", "incidents", "alerts", "notifications"] {
        assert_eq!(ask::<u64>(folder.path(), &format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

/// The last table refuses its rows: nothing of the range stays, and the same range is taken when the table is as it was.
#[tokio::test]
async fn a_range_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    change(folder.path(), "ALTER TABLE notifications RENAME TO kept");
    let history = open(folder.path());
    let (range, rows) = whole();
    for _ in 0..2 {
        let refused = history.insert(range, &rows).await.unwrap_err();
        assert!(refused.to_string().contains("notifications"), "{refused}");
        assert_eq!(history.exported(range.journal).await.unwrap(), None);
    }
    drop(history);
    assert_eq!(ask::<u64>(folder.path(), "SELECT count(*) FROM instance_events"), 0);
    change(folder.path(), "ALTER TABLE kept RENAME TO notifications");
    let history = open(folder.path());
    history.insert(range, &rows).await.unwrap();
    drop(history);
    assert_eq!(ask::<u64>(folder.path(), "SELECT count(*) FROM notifications"), 3);
}

#[tokio::test]
async fn old_rows_are_forgotten_and_do_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let (whole_range, whole_rows) = whole();
    history.insert(whole_range, &whole_rows).await.unwrap();
    insert(&history, 1, 100).await;
    assert_eq!(history.forget(Timestamp::from_millis(61)).await.unwrap(), 60);
    assert_eq!(history.forget(Timestamp::from_millis(61)).await.unwrap(), 0);
    insert(&history, 1, 100).await;
    drop(history);
    let history = open(folder.path());
    let left: Vec<u64> = all(&history).await.iter().map(|event| event.origin.seq).collect();
    assert_eq!(left, (61..=100).collect::<Vec<_>>());
    assert_eq!(history.forget(Timestamp::MAX).await.unwrap(), 40 + 13);
    assert_eq!(all(&history).await, []);
}

/// Room for one call only: the others wait, and every range is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_at_once_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.queue = 1.try_into().unwrap();
    let history = Arc::new(DuckHistory::open(config).unwrap());
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..20_u64 {
        let history = Arc::clone(&history);
        callers.spawn(async move {
            let journal = JournalId(caller % 10);
            let range = Range { journal, ..range(1, 50) };
            history.insert(range, &events(range)).await.unwrap();
            history.exported(journal).await.unwrap()
        });
    }
    assert_eq!(callers.join_all().await, [Some(50); 20]);
    assert_eq!(all(&history).await.len(), 500);
}
