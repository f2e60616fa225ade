//! Bringing the tables up on the real engine, whatever happens meanwhile.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use warden_domain::Span;
use warden_store::{
    Password,
    schema::{Schema, SchemaError, Told, current, up},
};
use warden_store_clickhouse::{ClickHouseConfig, HistorySchema, STEPS};
use warden_testkit::{ClickHouse, poll_until};

use crate::common::{NOW, config, start};

fn open(config: &ClickHouseConfig) -> HistorySchema {
    HistorySchema::connect(config).unwrap()
}

async fn come_up(config: &ClickHouseConfig) -> Result<usize, SchemaError> {
    up(&mut open(config), NOW, &mut |_| ()).await
}

#[tokio::test]
async fn every_difference_is_told_and_nothing_is_left_behind() {
    let (clickhouse, config) = start().await;
    for sql in [
        "ALTER TABLE warden.alerts ADD COLUMN stranger String",
        "ALTER TABLE warden.alerts MODIFY COLUMN firing UInt8",
        "ALTER TABLE warden.notifications MODIFY COMMENT 'mine'",
        "ALTER TABLE warden.trade_events MODIFY SETTING non_replicated_deduplication_window = 3",
        "DROP TABLE warden.slippage_feed",
        "CREATE TABLE warden.stranger (a UInt8) ENGINE = MergeTree ORDER BY a",
    ] {
        clickhouse.query(sql).unwrap();
    }
    let told = open(&config).differences().await.unwrap();
    for part in [
        "column alerts.stranger is of no step",
        "column alerts.firing is `UInt8 whether it stands from now on` and should be `Bool whether",
        "table notifications is `ReplacingMergeTree PARTITION",
        "table trade_events is `ReplacingMergeTree PARTITION",
        "table slippage_feed is missing",
        "table stranger is of no step",
    ] {
        assert_eq!(told.iter().filter(|told| told.starts_with(part)).count(), 1, "{part} in {told:#?}");
    }
    let databases =
        "SELECT arrayStringConcat(groupArray(name), ' ') FROM system.databases WHERE name LIKE 'warden%'";
    assert_eq!(clickhouse.query(databases).unwrap(), "warden");
}

/// A statement that fails leaves the step unfinished and says which one it was; the next run goes on with that step.
#[tokio::test]
async fn a_step_that_failed_is_run_again_when_its_cause_is_mended() {
    let clickhouse = ClickHouse::start().unwrap();
    let config = config(&clickhouse);
    let mut schema = open(&config);
    schema.lock().await.unwrap();
    schema.apply(&STEPS[0], NOW, &mut |_| ()).await.unwrap();
    schema.unlock().await.unwrap();
    clickhouse.query("RENAME TABLE warden.incidents TO warden.gone").unwrap();
    match come_up(&config).await {
        Err(SchemaError::Failed { step, statement, what, .. }) => {
            assert_eq!((step.as_str(), statement), ("0002_questions", 2));
            assert!(what.contains("incidents"), "{what}");
        }
        other => panic!("{other:?}"),
    }
    let ledger = schema.applied().await.unwrap();
    assert_eq!(ledger.iter().map(|line| line.finished).collect::<Vec<_>>(), [true, false]);
    assert!(matches!(current(&mut schema).await, Err(SchemaError::Behind { .. })));
    clickhouse.query("RENAME TABLE warden.gone TO warden.incidents").unwrap();
    assert_eq!(come_up(&config).await.unwrap(), 1);
    assert_eq!(schema.differences().await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_between_statements_is_brought_up_by_the_next_run() {
    let clickhouse = Arc::new(Mutex::new(ClickHouse::start().unwrap()));
    let config = config(&clickhouse.lock().unwrap());
    let mut broken = 0;
    for deadly in 1..=5 {
        let (mut statements, killed) = (0, Arc::clone(&clickhouse));
        let ended = up(&mut open(&config), NOW, &mut |told| {
            statements += u32::from(matches!(told, Told::Goes(_)));
            if matches!(told, Told::Goes(_)) && statements == deadly {
                killed.lock().unwrap().kill().unwrap();
            }
        })
        .await;
        assert!(matches!(ended, Err(SchemaError::Unreachable { .. })), "{ended:?}");
        broken += 1;
        clickhouse.lock().unwrap().restart().unwrap();
    }
    assert_eq!(broken, 5);
    come_up(&config).await.unwrap();
    let mut schema = open(&config);
    assert!(schema.applied().await.unwrap().iter().all(|line| line.finished));
    assert_eq!(schema.differences().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn who_lost_the_lock_does_nothing_more() {
    let clickhouse = ClickHouse::start().unwrap();
    let config = config(&clickhouse);
    let mut schema = open(&config);
    schema.lock().await.unwrap();
    let taken = "CREATE TABLE warden.schema_lock_000002 (nothing UInt8) ENGINE = MergeTree ORDER BY tuple()";
    clickhouse.query(taken).unwrap();
    let error = schema.apply(&STEPS[0], NOW, &mut |_| ()).await.unwrap_err();
    assert!(matches!(error, SchemaError::Locked { .. }), "{error:?}");
    assert_eq!(clickhouse.query("EXISTS warden.instance_events").unwrap(), "0");
}

#[tokio::test]
async fn a_lock_that_is_held_is_waited_for_and_then_told() {
    let clickhouse = ClickHouse::start().unwrap();
    let config = ClickHouseConfig { lock_timeout: Span::from_secs(6), ..config(&clickhouse) };
    let mut holder = open(&config);
    holder.lock().await.unwrap();
    // longer than the lease, which the holder therefore prolonged
    let error = come_up(&config).await.unwrap_err();
    assert!(matches!(error, SchemaError::Locked { .. }), "{error:?}");
    holder.unlock().await.unwrap();
    assert_eq!(come_up(&config).await.unwrap(), STEPS.len());
    let locks = "SELECT count() FROM system.tables WHERE startsWith(name, 'schema_lock_')";
    assert_eq!(clickhouse.query(locks).unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_at_once_apply_each_step_once() {
    let clickhouse = ClickHouse::start().unwrap();
    let config = config(&clickhouse);
    let all: Vec<_> = (0..5)
        .map(|_| {
            let config = config.clone();
            tokio::spawn(async move { come_up(&config).await.unwrap() })
        })
        .collect();
    let mut applied = 0;
    for one in all {
        applied += one.await.unwrap();
    }
    assert_eq!(applied, STEPS.len());
    assert_eq!(
        clickhouse.query("SELECT count() FROM warden.schema_step FINAL").unwrap(),
        STEPS.len().to_string()
    );
}

#[tokio::test]
async fn a_server_that_refuses_or_is_absent_is_named_without_its_password() {
    let mut clickhouse = ClickHouse::start().unwrap();
    let config =
        ClickHouseConfig { password: Some(Password::new("canary-7f3a".into())), ..config(&clickhouse) };
    let denied = come_up(&config).await.unwrap_err();
    assert!(matches!(denied, SchemaError::Refused { .. }), "{denied:?}");
    clickhouse.kill().unwrap();
    let unreachable = come_up(&config).await.unwrap_err();
    assert!(matches!(unreachable, SchemaError::Unreachable { .. }), "{unreachable:?}");
    for text in [denied.to_string(), unreachable.to_string(), format!("{:?}", open(&config))] {
        assert!(!text.contains("canary") && text.contains("127.0.0.1"), "{text}");
    }
    poll_until(Duration::from_secs(60), "a restart", || clickhouse.restart().ok()).unwrap();
}

/// There is no cluster in the engine of these tests: this is what would be sent to one.
#[test]
fn on_a_cluster_every_statement_runs_everywhere_and_every_table_is_replicated() {
    let config =
        ClickHouseConfig { cluster: Some("prod".into()), ..ClickHouseConfig::new("https://history.example") };
    let schema = open(&config);
    let all: Vec<String> = STEPS.iter().flat_map(|step| schema.rendered(step)).collect();
    assert_eq!(all.len(), 13);
    for sql in &all {
        let code: String = sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        assert!(code.starts_with("CREATE ") && code.contains(" IF NOT EXISTS `warden`."), "{sql}");
        assert_eq!(code.matches(" ON CLUSTER 'prod' ").count(), 1, "{sql}");
        let tables = usize::from(code.starts_with("CREATE TABLE "));
        assert_eq!(code.matches("\nENGINE = ReplicatedReplacingMergeTree").count(), tables, "{sql}");
        let window = "\nSETTINGS replicated_deduplication_window_seconds = 2592000, replicated_deduplication_window = ";
        assert_eq!(code.matches(window).count(), tables, "{sql}");
        assert!(!code.contains('{'), "{sql}");
    }
    let local = open(&ClickHouseConfig { cluster: None, ..config });
    let plain: Vec<String> = STEPS.iter().flat_map(|step| local.rendered(step)).collect();
    let unreplicated = |sql: &String| {
        sql.replace(" ON CLUSTER 'prod' ", "  ")
            .replace("ENGINE = Replicated", "ENGINE = ")
            .replace("replicated_deduplication_window_seconds = 2592000, replicated_", "non_replicated_")
    };
    assert_eq!(all.iter().map(unreplicated).collect::<Vec<_>>(), plain);
}
