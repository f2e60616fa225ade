//! Everything that a server, or what stands before it, can do to an insert.

use std::time::Duration;

use warden_domain::Span;
use warden_store::{History, HistoryError, HistoryRows, Password, history::Range};
use warden_store_clickhouse::{ClickHouseConfig, ClickHouseHistory, MAX_ROWS};
use warden_testkit::{ClickHouse, InsertFault, poll_until_async};

use crate::common::{
    self, TABLES, always, answers, assert_exact, bring_up, config, history, range, right_answers, start,
};

const SOON: Duration = Duration::from_secs(120);

/// Gives the identical range again until it is acknowledged, as the export does: who has little patience may have to
/// repeat it on a busy machine.
async fn insert(history: &ClickHouseHistory, range: Range, rows: &HistoryRows) {
    let again = async || history.insert(range, rows).await.ok();
    poll_until_async(SOON, "an acknowledgement", again).await.unwrap();
}

/// Every insert of a range in turn fails like this; the identical range again is then whole and there once.
async fn every_insert_in_turn(fault: InsertFault, timeout: Span, is_right: fn(&HistoryError) -> bool) {
    let (mut clickhouse, patient) = start().await;
    let history = history(&ClickHouseConfig { timeout, ..patient.clone() });
    let mut ranges: Vec<(Range, HistoryRows)> = Vec::new();
    for after in 0..u32::try_from(TABLES.len()).unwrap() {
        let first = u64::from(after) * 1_000 + 1;
        let (range, rows) = range(first..=first + 999);
        clickhouse.fail_inserts(fault, after, 1).unwrap();
        let error = history.insert(range, &rows).await.unwrap_err();
        assert!(is_right(&error), "{error:?}");
        insert(&history, range, &rows).await;
        insert(&history, range, &rows).await;
        ranges.push((range, rows));
    }
    assert_exact(&clickhouse, &ranges);
    let history = common::history(&patient);
    assert_eq!(answers(&history, always()).await, right_answers(&ranges, always()).await);
    clickhouse.kill().unwrap();
}

const PATIENT: Span = Span::from_secs(20);

#[tokio::test]
async fn a_server_error_is_a_refusal_and_the_same_range_again_completes_it() {
    every_insert_in_turn(
        InsertFault::InternalError,
        PATIENT,
        |error| matches!(error, HistoryError::Refused(words) if words.contains("Too many parts")),
    )
    .await;
}

#[tokio::test]
async fn a_proxy_without_a_server_is_a_refusal_and_the_same_range_again_completes_it() {
    every_insert_in_turn(
        InsertFault::Unavailable,
        PATIENT,
        |error| matches!(error, HistoryError::Refused(words) if words.contains("upstream is away")),
    )
    .await;
}

#[tokio::test]
async fn a_cut_in_the_middle_of_the_body_loses_nothing() {
    every_insert_in_turn(InsertFault::CutBefore, PATIENT, |error| {
        matches!(error, HistoryError::Unreachable(_))
    })
    .await;
}

#[tokio::test]
async fn a_lost_acknowledgement_counts_nothing_twice() {
    every_insert_in_turn(InsertFault::CutAfter, PATIENT, |error| {
        matches!(error, HistoryError::Unreachable(_))
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_the_timeout() {
    every_insert_in_turn(InsertFault::Hang, Span::from_millis(500), |error| {
        matches!(error, HistoryError::Unreachable(_))
    })
    .await;
}

#[tokio::test]
async fn a_paused_or_dead_server_is_unreachable_also_for_questions() {
    let (mut clickhouse, config) = start().await;
    let history = history(&ClickHouseConfig { timeout: Span::from_millis(500), ..config });
    let (range, rows) = range(1..=10);
    clickhouse.pause().unwrap();
    assert!(matches!(history.insert(range, &rows).await, Err(HistoryError::Unreachable(_))));
    assert!(matches!(history.slippage(always()).await, Err(HistoryError::Unreachable(_))));
    clickhouse.kill().unwrap();
    assert!(matches!(history.insert(range, &rows).await, Err(HistoryError::Unreachable(_))));
    assert!(matches!(history.login_success(always()).await, Err(HistoryError::Unreachable(_))));
    clickhouse.restart().unwrap();
    insert(&history, range, &rows).await;
}

/// Each is told as what the migrator has to mend, and mended without a new connection.
#[tokio::test]
async fn tables_that_are_others_are_told_as_the_schema() {
    let clickhouse = ClickHouse::start().unwrap();
    let config = config(&clickhouse);
    let history = history(&config);
    let (range, rows) = range(1..=100);
    let refused = async |cause: &str| match history.insert(range, &rows).await {
        Err(HistoryError::Schema(words)) => assert!(words.contains(cause), "{words}"),
        other => panic!("{cause}: {other:?}"),
    };
    refused("warden").await;
    assert!(matches!(history.time_to_recover(always()).await, Err(HistoryError::Schema(_))));
    clickhouse.query("CREATE DATABASE warden").unwrap();
    refused("instance_events").await;
    bring_up(&config).await;
    for (change, back, cause) in [
        ("RENAME COLUMN detail TO details", "RENAME COLUMN details TO detail", "detail"),
        ("MODIFY COLUMN op String", "MODIFY COLUMN op UInt64", "op"),
        ("ADD COLUMN more String", "DROP COLUMN more", "more"),
    ] {
        clickhouse.query(&format!("ALTER TABLE warden.instance_events {change}")).unwrap();
        refused(cause).await;
        clickhouse.query(&format!("ALTER TABLE warden.instance_events {back}")).unwrap();
    }
    history.insert(range, &rows).await.unwrap();
    assert_exact(&clickhouse, &[(range, rows)]);
}

/// The client still has in mind what a table was; the server knows better.
#[tokio::test]
async fn a_table_that_changes_under_a_running_export_is_told_as_the_schema() {
    let (clickhouse, config) = start().await;
    let history = history(&config);
    let ranges = [range(1..=100), range(101..=200)];
    history.insert(ranges[0].0, &ranges[0].1).await.unwrap();
    clickhouse.query("ALTER TABLE warden.instance_events RENAME COLUMN detail TO details").unwrap();
    let error = history.insert(ranges[1].0, &ranges[1].1).await.unwrap_err();
    assert!(matches!(&error, HistoryError::Schema(_)), "{error:?}");
    clickhouse.query("ALTER TABLE warden.instance_events RENAME COLUMN details TO detail").unwrap();
    history.insert(ranges[1].0, &ranges[1].1).await.unwrap();
    assert_exact(&clickhouse, &ranges);
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_never_told() {
    let clickhouse = ClickHouse::start_as("warden", "right").unwrap();
    let with = |password: &str| ClickHouseConfig {
        username: Some("warden".into()),
        password: Some(Password::new(password.into())),
        ..config(&clickhouse)
    };
    bring_up(&with("right")).await;
    let (range, rows) = range(1..=10);
    let wrong = history(&with("canary-7f3a"));
    let errors = [wrong.insert(range, &rows).await.unwrap_err(), wrong.slippage(always()).await.unwrap_err()];
    for error in errors {
        assert!(matches!(error, HistoryError::Denied(_)), "{error:?}");
        assert!(!format!("{error:?} {error} {wrong:?}").contains("canary"), "{error:?}");
    }
    history(&with("right")).insert(range, &rows).await.unwrap();
}

#[tokio::test]
async fn a_range_of_too_many_rows_is_refused_before_anything_is_sent() {
    let (clickhouse, config) = start().await;
    let (mut range, rows) = range(1..=1);
    range.last = u64::try_from(MAX_ROWS).unwrap() + 1;
    let rows = HistoryRows { events: vec![rows.events[0].clone(); MAX_ROWS + 1], ..HistoryRows::default() };
    let error = history(&config).insert(range, &rows).await.unwrap_err();
    assert!(matches!(&error, HistoryError::Refused(words) if words.contains("500001 rows")), "{error:?}");
    assert_eq!(clickhouse.query("SELECT count() FROM warden.instance_events").unwrap(), "0");
}

/// An insert that nobody waits for any more is as if it had failed.
#[tokio::test]
async fn a_range_that_was_given_up_midway_is_whole_when_it_comes_again() {
    let (clickhouse, config) = start().await;
    let history = history(&config);
    let (range, rows) = range(1..=5_000);
    clickhouse.fail_inserts(InsertFault::Hang, 1, 1).unwrap();
    tokio::time::timeout(Duration::from_secs(1), history.insert(range, &rows)).await.unwrap_err();
    insert(&history, range, &rows).await; // again and again where a second was too short to meet the fault
    assert_exact(&clickhouse, &[(range, rows)]);
}
