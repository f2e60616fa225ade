//! TRD-4, TRD-7: signals that come twice, too late, or cannot be read.

use serde_json::json;
use warden_tests::{Plan, Signal, World, succeeded};

/// What became of the only line of a signal.
fn outcome(world: &World, key: &str) -> (String, String) {
    let report = world.wait(&format!("{key} is settled"), || {
        let report = world.report(key);
        (report["settled"] == json!(true)).then_some(report)
    });
    let line = &report["lines"][0];
    let word = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
    (word("outcome"), word("code"))
}

#[test]
fn trd_7_a_signal_that_is_too_late_is_recorded_and_never_sent() {
    let mut world = World::trading(Plan::trading(1).set("trade.unknown.window", r#""15s""#));
    let old = Signal::open("old", "EURUSD", "BUY", "0.01").to("acct-1");
    world.give(&old.with("created_at", "2026-01-31T09:30:00Z"));
    assert_eq!(outcome(&world, "old"), ("late_dropped".to_owned(), "late".to_owned()));

    // The lane is held for longer than the second one is valid.
    world.fault("acct-1", "lost_request");
    world.give(&Signal::open("first", "EURUSD", "BUY", "0.01").to("acct-1"));
    world.wait_for_trade("acct-1", "first", "UNKNOWN");
    world.give(&Signal::open("second", "EURUSD", "SELL", "0.02").to("acct-1").with("valid_for", "5s"));
    let dropped = world.wait_for_trade("acct-1", "second", "FAILED");
    assert_eq!((dropped["reason"].as_str(), dropped["attempt"].as_str()), ("expired", "0"));
    world.wait_for_trade("acct-1", "first", "FILLED");

    let tag = world.tag("acct-1", "second").unwrap();
    world.drain();
    world.end_simulator();
    let ours: Vec<_> = world.ledger().into_iter().filter(|line| line.send.is_some()).collect();
    assert_eq!(ours.len(), 1, "the first one was executed, and nothing else: {ours:?}");
    assert_ne!(ours[0].magic, tag);
}

#[test]
fn trd_4_the_same_signal_twice_is_one_and_another_one_with_its_key_is_refused() {
    let mut world = World::trading(Plan::trading(1));
    let signal = Signal::open("one", "EURUSD", "BUY", "0.01").to("acct-1").with("valid_for", "10m");
    world.give(&signal);
    world.give(&signal);
    let filled = world.wait_for_trade("acct-1", "one", "FILLED");
    succeeded(&world.say(&signal));
    world.kill_supervisor();
    world.start_supervisor();
    world.wait_until_all_trade();
    world.give(&signal);
    succeeded(&world.say(&signal));
    assert_eq!(world.trade("acct-1", "one").unwrap()["tag"], filled["tag"], "it is still the same trade");

    let other = signal.with("lots", "0.02");
    let told = world.say(&other);
    assert!(told.stdout.join("\n").contains("duplicate_key"), "the other one is told so: {told:?}");
    world.give(&other);
    world.wait("everything is acknowledged", || (world.unacknowledged() == Some(0)).then_some(()));

    let story = world.judge();
    let trades = story.trades("acct-1");
    let opened: Vec<&u64> = trades
        .iter()
        .filter(|(_, rows)| rows.last().is_some_and(|told| told.said.step.trade.attempt().0 > 0))
        .map(|(tag, _)| tag)
        .collect();
    assert_eq!(opened.len(), 1, "one trade was sent; there are {trades:?}");
    let twins =
        trades.values().filter(|rows| rows.last().is_some_and(|told| told.said.step.trade.attempt().0 == 0));
    for rows in twins {
        let end = rows.last().and_then(|told| told.said.step.trade.end());
        assert_eq!(end, Some(warden_policy::trade::End::Duplicate), "TRD-4: stored as a duplicate");
    }
}

#[test]
fn trd_7_what_cannot_be_read_is_a_dead_letter_and_holds_nothing_up() {
    let world = World::trading(Plan::trading(1));
    let broken = Signal::open("broken", "EURUSD", "SIDEWAYS", "0.01").to("acct-1").with("lots", "much");
    let entry = world.give(&broken);
    world.redis.cli(&["XADD", "trade_signals", "*", "nonsense", "1"]).unwrap();
    world.give(&Signal::open("good", "EURUSD", "BUY", "0.01").to("acct-1"));
    world.wait_for_trade("acct-1", "good", "FILLED");
    world.wait("both are dead letters", || {
        (world.redis.cli(&["XLEN", "trade_signals:dead"]).ok()? == "2").then_some(())
    });
    let letters = world.redis.cli(&["XRANGE", "trade_signals:dead", "-", "+"]).unwrap();
    for part in ["entry", &entry, "reason", "side", "lots", "raw", "SIDEWAYS"] {
        assert!(letters.contains(part), "{part:?} is missing in\n{letters}");
    }
    world.wait("everything is acknowledged", || (world.unacknowledged() == Some(0)).then_some(()));
    assert_eq!(world.metric("warden_signals_total{outcome=\"dead_letter\"}"), Some(2.0));
    assert_eq!(world.tag("acct-1", "broken"), None);
    world.judge();
}
