//! Stores that are away: PostgreSQL and ClickHouse, at the start and while the fleet runs.

use warden_domain::{FailureReason, IncidentKind, Status};
use warden_policy::Command;
use warden_testkit::{Fault, InsertFault};
use warden_tests::{Plan, World, servers::HISTORY};

use crate::history::journal_head;

const WAITS: &str = "does not answer at the start";

#[test]
fn log_1_postgres_down_at_the_start_is_waited_for_and_sigterm_is_heard_meanwhile() {
    let mut world = World::prepare(Plan::quick(&["a"]).on_postgres());
    world.accounts_mut().server.stop().expect("postgres ends");
    world.spawn_supervisor(|_| {});
    world.wait_until_it_says(WAITS);
    world.drain();
    assert!(!world.said().iter().any(|line| line.starts_with("ready: ")), "it never ran");

    world.spawn_supervisor(|_| {});
    world.wait_until_it_says(WAITS);
    world.accounts_mut().server.restart().expect("postgres comes back");
    world.wait_until_ready();
    world.start_simulator();
    world.wait_until_all_are_connected();
    world.judge();
}

#[test]
fn log_1_a_postgres_that_hangs_at_the_start_is_waited_for() {
    let mut world = World::prepare(Plan::quick(&["a"]).on_postgres());
    world.accounts().net.set(Fault::HalfOpen);
    world.spawn_supervisor(|_| {});
    world.wait_until_it_says(WAITS);
    world.accounts().net.heal();
    world.wait_until_ready();
    world.start_simulator();
    world.wait_until_all_are_connected();
    world.judge();
}

#[test]
fn log_1_log_2_postgres_down_at_a_login_is_waited_for_and_counts_as_no_attempt() {
    let mut world = World::connected(Plan::quick(&["a", "b"]).on_postgres());
    world.accounts_mut().server.kill().expect("postgres is killed");
    world.fault("a", "terminal_crash");
    world.wait("three logins without an answer", || {
        let why = world.cli(&["why", "a", "--steps", "100"]).stdout.join("\n");
        (why.matches("accounts store did not answer").count() >= 3).then_some(())
    });
    let (_, state) = world.snapshot("a");
    assert!(state.login_attempt_count() <= 1, "attempts are not used up: {state:?}");
    assert!(world.truth("b").logged_in, "who is logged in stays so");
    world.accounts_mut().server.restart().expect("postgres comes back");
    world.wait_for("a", "CONNECTED", "TERMINAL_CRASHED");

    let story = world.judge();
    let logins = story.commands("a").into_iter().filter(|given| given.command == Command::Login);
    assert!(logins.count() >= 4, "it was tried again");
    for (_, state) in story.states("a") {
        assert!(state.login_attempt_count() <= 1, "{state:?}");
        assert!(state.incident(IncidentKind::LoginFailed).is_none(), "{state:?}");
    }
    let failed = story.path("a").into_iter().any(|it| it == (Status::Failed, FailureReason::LoginFailed));
    assert!(!failed, "no login failed: {:?}", story.path("a"));
}

#[test]
fn c11_a_clickhouse_that_is_away_from_the_start_changes_nothing_but_the_lag_and_catches_up() {
    let mut world = World::prepare(Plan::quick(&["a", "b"]).on_four_stores());
    world.history_mut().server.kill().expect("clickhouse is killed");
    world.start_supervisor();
    world.start_simulator();
    world.wait_until_all_are_connected();
    world.fault("a", "terminal_crash");
    world.wait_for("a", "CONNECTED", "TERMINAL_CRASHED");
    let lag = |world: &World| world.metric("warden_history_lag_seconds").expect("it is measured");
    let first = lag(&world);
    world.wait("the lag grows", || (lag(&world) > first + 1.0).then_some(()));
    let waiting = world.metric("warden_history_backlog_rows").expect("it is measured");
    assert!(waiting > 10.0, "rows wait: {waiting}");
    world.wait("refusals are counted", || {
        (world.metric("warden_history_failures_total")? > 0.0).then_some(())
    });
    world.history_mut().server.restart().expect("clickhouse comes back");
    let exported = world.wait_until_exported();
    assert!(exported > 10, "{exported} steps");
    world.wait("the lag is over", || (lag(&world) == 0.0).then_some(()));
    world.drain();
    let head = journal_head(&world.path("data/journal"));
    assert_eq!(world.history().counts(), Some([head, head, 1, head]), "count, distinct, first, last");
}

#[test]
fn c12_inserts_that_fail_in_every_way_and_a_table_that_is_away_leave_every_step_once() {
    let mut world = World::connected(Plan::quick(&["a"]).set("recovery.failed", "50").on_four_stores());
    let failures = |world: &World| world.metric("warden_history_failures_total").unwrap_or_default();
    let fails = |world: &World, what: &str| {
        let before = failures(world);
        world.fault_for("a", "network_drop", "1s");
        world.wait(what, || (failures(world) > before).then_some(()));
        world.wait_for_key("a", "status", "CONNECTED");
    };
    let _ = world.wait_until_exported();
    for fault in [
        InsertFault::InternalError,
        InsertFault::Unavailable,
        InsertFault::CutBefore,
        InsertFault::CutAfter,
        InsertFault::Hang,
    ] {
        world.history().server.fail_inserts(fault, 0, 1).expect("it is told");
        fails(&world, &format!("{fault:?}"));
        let _ = world.wait_until_exported();
    }
    let rename = |world: &World, from: &str, to: &str| {
        let sql = format!("RENAME TABLE {HISTORY}.{from} TO {HISTORY}.{to}");
        world.history().ask(&sql).expect("it is renamed");
    };
    rename(&world, "instance_events", "away");
    fails(&world, "a table that is not there");
    let told = |line: &String| line.contains("has another schema") && line.contains("run the migrator");
    world.wait("the remedy in the log", || world.said().iter().any(told).then_some(()));
    rename(&world, "away", "instance_events");
    world.kill_supervisor(); // what only a person mends is tried slowly, but at once by a new one
    world.start_supervisor();
    world.wait_for_key("a", "status", "CONNECTED");
    let _ = world.wait_until_exported();
    world.drain();
    let head = journal_head(&world.path("data/journal"));
    assert_eq!(world.history().counts(), Some([head, head, 1, head]), "count, distinct, first, last");
}
