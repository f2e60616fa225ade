//! TRD-7: a person halts trading.

use serde_json::json;
use warden_domain::{FailureReason, Gate};
use warden_tests::{Plan, Signal, World, succeeded};

/// Waits until the signal was refused because the gate is shut.
fn is_refused(world: &World, key: &str) {
    world.wait(&format!("{key} is refused"), || {
        let report = world.report(key);
        (report["lines"][0]["code"] == json!("gate_shut")).then_some(())
    });
}

#[test]
fn trd_7_a_halt_survives_kill_9_and_nothing_leaves_before_a_person_resumes() {
    let mut world = World::trading(Plan::trading(2).set("trade.unknown.window", r#""15s""#));
    world.give(&Signal::open("before", "EURUSD", "BUY", "0.01").to("acct-1"));
    world.wait_for_trade("acct-1", "before", "FILLED");
    // What waits for its lane is withdrawn, what left is found out.
    world.fault("acct-1", "lost_request");
    world.give(&Signal::open("left", "GBPUSD", "BUY", "0.01").to("acct-1"));
    world.wait_for_trade("acct-1", "left", "UNKNOWN");
    world.give(&Signal::open("waits", "GBPUSD", "BUY", "0.02").to("acct-1"));
    world.wait_for_trade("acct-1", "waits", "NEW");

    succeeded(&world.cli(&["halt", "acct-1"]));
    world.wait_for_trade("acct-1", "waits", "CANCELLED");
    let shut = Gate::Shut(FailureReason::UserStopped);
    world.wait_for_state("acct-1", "its gate is shut", |state| state.gate() == shut);
    world.kill_supervisor();
    world.give(&Signal::open("meanwhile", "EURUSD", "BUY", "0.03").to("acct-1"));
    world.start_supervisor();
    is_refused(&world, "meanwhile");
    world.wait_until_all_are_connected();
    world.give(&Signal::open("after", "USDJPY", "BUY", "0.04").to("acct-1"));
    world.give(&Signal::open("other", "USDJPY", "BUY", "0.05").to("acct-2"));
    is_refused(&world, "after");
    world.wait_for_trade("acct-2", "other", "FILLED");
    let left = world.wait_for_trade("acct-1", "left", "CANCELLED");
    assert_eq!(left["attempt"], "1", "it was found out, and not sent again");
    assert_eq!(world.snapshot("acct-1").1.gate(), shut);

    succeeded(&world.cli(&["resume", "acct-1"]));
    world.wait_until_all_trade();
    world.give(&Signal::open("again", "EURUSD", "SELL", "0.06").to("acct-1"));
    world.wait_for_trade("acct-1", "again", "FILLED");

    let login = world.login("acct-1");
    world.drain();
    world.end_simulator();
    let ledger = world.ledger();
    let lots: Vec<f64> = ledger
        .iter()
        .filter(|line| line.login == login && line.send.is_some())
        .map(|line| line.volume.to_f64())
        .collect();
    assert_eq!(lots, [0.01, 0.06], "nothing left between halt and resume");
}
