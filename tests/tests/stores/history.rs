//! C11 and C12: every journalled step is in ClickHouse exactly once, whatever crashes.

use std::{collections::HashMap, fs, path::Path, sync::Arc, time::Duration};

use warden_domain::{FailureReason, Gate, Span, Status, Timestamp};
use warden_policy::{Instance, Phase};
use warden_store::{Journal, schema::up};
use warden_store_clickhouse::{ClickHouseConfig, ClickHouseHistory, HistorySchema};
use warden_store_duckdb::{Config, DuckJournal};
use warden_supervisor::{Clock as _, ExportConfig, ExportParts, Exporter, SystemClock};
use warden_telemetry::{Registry, metrics};
use warden_testkit::{ClickHouse, poll_until_async};
use warden_tests::{HistoryServer, Plan, World, servers::HISTORY};

use crate::steps::Steps;

/// Rows that are exported, rows that are committed together, and rows of a range.
const ROWS: u64 = 200_000;
const BATCH: usize = 2_000;
const RANGE: u32 = 4_000;
const KILLS: u64 = 10;
const SOON: Duration = Duration::from_secs(120);

/// A journal, its export and a ClickHouse, the latter to be killed.
struct Rig {
    folder: tempfile::TempDir,
    journal: Arc<DuckJournal>,
    clickhouse: HistoryServer,
    registry: Registry,
    clock: Arc<SystemClock>,
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let journal = DuckJournal::open(Config::new(folder.path().join("journal"))).expect("it opens");
        let clickhouse = HistoryServer { server: ClickHouse::start().expect("clickhouse starts") };
        let clock = Arc::new(SystemClock::new(1));
        let rig =
            Self { folder, journal: Arc::new(journal), clickhouse, registry: Registry::default(), clock };
        let mut schema = HistorySchema::connect(&rig.config()).expect("the configuration is right");
        up(&mut schema, rig.clock.now(), &mut |_| ()).await.expect("the schema comes up");
        rig
    }

    fn config(&self) -> ClickHouseConfig {
        ClickHouseConfig {
            database: HISTORY.to_owned(),
            timeout: Span::from_secs(20),
            ..ClickHouseConfig::new(self.clickhouse.server.url())
        }
    }

    /// Goes on from the cursor.
    fn exporter(&self) -> Exporter {
        let history = ClickHouseHistory::connect(&self.config()).expect("the configuration is right");
        let config = ExportConfig {
            rows: RANGE,
            linger: Span::ZERO,
            retry: Span::from_millis(50),
            retry_most: Span::from_millis(500),
            ..ExportConfig::default()
        };
        let exporter = Exporter::start(ExportParts {
            journal: Arc::clone(&self.journal) as _,
            history: Arc::new(history),
            target: HISTORY.to_owned(),
            head: self.journal.head().seq,
            known: None,
            servers: Arc::new(HashMap::new()),
            folder: self.folder.path().to_owned(),
            config,
            registry: self.registry.clone(),
            clock: Arc::clone(&self.clock) as _,
        });
        exporter.expect("the export starts")
    }

    fn failures(&self) -> u64 {
        self.registry.series(&metrics::HISTORY_FAILURES, []).value()
    }
}

/// Real: journal, export, ClickHouse, and every step, which the policy decides; the terminals behind them are played in
/// this process. Each second time ClickHouse is killed, the export dies with it and another goes on from its cursor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c11_c12_clickhouse_killed_ten_times_has_200000_steps_exactly_once() {
    let mut rig = Rig::new().await;
    let mut exporter = rig.exporter();
    let producer = tokio::spawn(produce(Arc::clone(&rig.journal), rig.clock.now()));
    for kill in 1..=KILLS {
        let enough = kill * ROWS / (KILLS + 1);
        poll_until_async(SOON, "more rows in the history", async || {
            (exporter.exported() >= enough).then_some(())
        })
        .await
        .unwrap_or_else(|fault| panic!("{fault}; it has {}", exporter.exported()));
        rig.clickhouse.server.kill().expect("it is killed");
        let before = rig.failures();
        poll_until_async(SOON, "a range that is refused", async || (rig.failures() > before).then_some(()))
            .await
            .expect("the export notices");
        if kill % 2 == 0 {
            drop(exporter);
            exporter = rig.exporter();
        }
        rig.clickhouse.server.restart().expect("it comes back");
    }
    producer.await.expect("all rows are committed");
    tokio::time::timeout(SOON, exporter.wait_caught_up()).await.expect("it catches up").expect("it runs on");
    assert_eq!(rig.journal.head().seq, ROWS);
    assert_eq!(rig.clickhouse.counts(), Some([ROWS, ROWS, 1, ROWS]), "count, distinct, first, last");
    let sums = "SELECT sum(seq), uniqExact(op)";
    let sums = rig.clickhouse.ask(&format!("{sums} FROM {HISTORY}.instance_events FINAL"));
    assert_eq!(sums, Some(format!("{}\t{ROWS}", ROWS * (ROWS + 1) / 2)), "no gap, and every step itself");
    assert_eq!(exporter.stop().await, 0, "nothing is left");
}

/// Commits the rows in batches while they are exported.
async fn produce(journal: Arc<DuckJournal>, now: Timestamp) {
    // A month ago: all of it lies in the past and within the retention.
    let from = Timestamp::from_millis(now.as_millis() - 30 * 24 * 3_600_000);
    let mut steps = Steps::new(200, from);
    for _ in 0..ROWS / BATCH as u64 {
        journal.append(steps.take(BATCH)).await.expect("the rows are committed");
    }
}

/// Everything is real, but the broker and its terminals are the simulator's.
#[test]
fn c11_c12_supervisor_and_clickhouse_killed_again_and_again_lose_and_double_no_step() {
    let names = ["a", "b", "c"];
    let mut world = World::connected(Plan::quick(&names).set("recovery.failed", "50").on_four_stores());
    for round in 0..3 {
        let old = names.map(|name| world.snapshot(name).0.version);
        world.fault_for("a", "network_drop", "1s");
        world.fault("b", "terminal_crash");
        world.fault("c", "rate_limit");
        world.wait(&format!("round {round} to be under way"), || {
            let moved = names.iter().zip(old).filter(|(name, old)| world.snapshot(name).0.version > *old);
            (moved.count() == names.len()).then_some(())
        });
        world.history_mut().server.kill().expect("it is killed");
        world.kill_supervisor();
        world.start_supervisor();
        world.wait_until_all_are_connected();
        world.history_mut().server.restart().expect("it comes back");
    }
    let _ = world.wait_until_exported();
    world.drain();
    let head = journal_head(&world.path("data/journal"));
    assert!(head > 60, "steps were journalled: {head}");
    assert_eq!(world.history().counts(), Some([head, head, 1, head]), "count, distinct, first, last");
}

/// Journal and Redis are lost together; ClickHouse has what an instance was in the middle of.
#[test]
fn acc_6_rec_4_journal_and_redis_lost_together_are_rebuilt_from_clickhouse() {
    let plan = Plan::quick(&["failed", "limited", "calm"])
        .fault("0s", "failed", "login_flaky(9)")
        .set("broker.rate_limit.pause", r#""10m""#)
        .set("broker.rate_limit.pause_cap", r#""10m""#)
        .set("login.cooldown", r#""10m""#)
        .on_four_stores();
    let mut world = World::start(plan);
    for name in ["limited", "calm"] {
        world.wait_for_key(name, "status", "CONNECTED");
    }
    world.fault("limited", "rate_limit");
    let until = |state: &Instance| match state.gate() {
        Gate::Paused { until, .. } if state.phase() == Phase::Up => Some(until),
        Gate::Paused { .. } | Gate::Open | Gate::ReduceOnly(_) | Gate::Shut(_) => None,
    };
    let limited = world.wait_for_state("limited", "trading is paused", |state| until(state).is_some());
    world.wait_for("failed", "FAILED", "LOGIN_FAILED");
    let failed = world.snapshot("failed").1;
    let before = world.wait_until_exported();
    world.kill_supervisor();
    fs::remove_dir_all(world.path("data/journal")).expect("the journal is lost");
    world.empty_redis();

    world.start_supervisor();
    for name in ["limited", "calm"] {
        world.wait_for_key(name, "status", "CONNECTED");
    }
    let again = world.snapshot("failed").1;
    assert_eq!(again.login_attempt_count(), failed.login_attempt_count(), "its count goes on");
    assert_eq!((again.status(), again.last_failure_reason()), (Status::Failed, FailureReason::LoginFailed));
    let same = |state: &Instance| until(state) == until(&limited);
    let _ = world.wait_for_state("limited", "its session is confirmed and its pause goes on", same);
    let journals = format!("SELECT uniqExact(journal) FROM {HISTORY}.instance_events");
    world.wait("the new journal is exported, too", || (world.history().ask(&journals)? == "2").then_some(()));
    let after = world.wait_until_exported();
    assert!(after > before, "what happens from now on is exported, too: {before}, then {after}");
    let journals =
        format!("SELECT uniqExact(journal), uniqExact((journal, seq)) FROM {HISTORY}.instance_events");
    assert_eq!(world.history().ask(&journals), Some(format!("2\t{after}")), "the steps of both journals");
    world.drain();
}

pub(crate) fn journal_head(folder: &Path) -> u64 {
    DuckJournal::open(Config::new(folder)).expect("the journal opens").head().seq
}
