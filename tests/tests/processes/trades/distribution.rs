//! A signal to many accounts.

use serde_json::Value;
use warden_tests::{Plan, Signal, World};

#[test]
fn trd_7_a_terminal_that_hangs_delays_its_own_order_alone() {
    let mut world = World::trading(Plan::trading(6).gateways(2));
    world.fault("acct-2", "freeze");
    world.give(&Signal::open("all", "EURUSD", "BUY", "0.01").to_group(Plan::GROUP).with("valid_for", "10m"));
    for name in ["acct-1", "acct-3", "acct-4", "acct-5", "acct-6"] {
        world.wait_for_trade(name, "all", "FILLED");
    }
    let hangs = world.trade_state("acct-2", "all").unwrap_or_default();
    assert!(["SUBMITTING", "UNKNOWN", "PENDING"].contains(&hangs.as_str()), "it hangs still: {hangs}");
    let filled = |line: &&Value| line["outcome"] == "filled" && line["latency"].is_string();
    let lines = world.wait("five are filled, each with its latency", || {
        let lines = world.report("all")["lines"].as_array()?.clone();
        (lines.iter().filter(filled).count() == 5).then_some(lines)
    });
    assert_eq!(lines.len(), 6, "{lines:?}");

    world.control("clear");
    world.wait_for_trade("acct-2", "all", "FILLED");
    world.drain();
    world.end_simulator();
    let ledger = world.ledger();
    let mut logins: Vec<u64> =
        ledger.iter().filter(|line| line.send.is_some()).map(|line| line.login).collect();
    logins.sort_unstable();
    let mut wanted: Vec<u64> = world.plan().instances().map(|name| world.login(name)).collect();
    wanted.sort_unstable();
    assert_eq!(logins, wanted, "one execution for each account");
}
