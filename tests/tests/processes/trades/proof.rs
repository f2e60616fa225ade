//! TRD-3, TRD-7: nobody knows what became of an order.

use serde_json::json;
use warden_tests::{Plan, Signal, World, succeeded};

#[test]
fn trd_7_why_explains_an_unknown_trade_and_its_proof_lets_it_be_sent_once_more() {
    let mut world = World::trading(Plan::trading(1).set("trade.unknown.window", r#""15s""#));
    world.fault("acct-1", "lost_request");
    world.give(&Signal::open("s-1", "EURUSD", "BUY", "0.01").to("acct-1"));
    world.wait_for_trade("acct-1", "s-1", "UNKNOWN");
    let tag = world.tag("acct-1", "s-1").unwrap().to_string();
    let told = world.cli(&["why", "acct-1", "--trade", &tag]);
    succeeded(&told);
    let text = told.stdout.join("\n");
    for part in [
        &format!("trade {tag} of acct-1 is UNKNOWN"),
        "OPEN EURUSD, signal s-1/1",
        "send 1: BUY 0.01",
        "look for send 1 at the broker",
        "next: looked after again at ",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    let listed = world.ask(&["trades", "acct-1"]);
    assert_eq!(listed["trades"][0]["state"], json!("UNKNOWN"), "{listed}");

    let filled = world.wait_for_trade("acct-1", "s-1", "FILLED");
    assert_eq!(filled["attempt"], "2", "it was proven not to be executed, and sent again");
    let story = world.ask(&["why", "acct-1", "--trade", &tag]);
    let looks = story["chain"].as_array().unwrap().iter();
    let looks =
        looks.filter(|link| link["evidence"].as_str().is_some_and(|it| it.starts_with("FOUND"))).count();
    assert!(looks >= 3, "three looks are the proof: {story}");
    world.drain();
    world.end_simulator();
    let ledger = world.ledger();
    let ours: Vec<_> = ledger.iter().filter(|line| line.send.is_some()).collect();
    assert_eq!(ours.len(), 1, "{ours:?}");
    assert_eq!(ours[0].send, tag.parse().ok().map(|tag| (tag, 2)), "under its tag, by the second send");
}

/// An order whose answer is lost and whose tag the broker forgot.
fn suspect(world: &World, instance: &str, key: &str) -> String {
    world.fault(instance, "tag_lost");
    world.fault(instance, "lost_result");
    world.give(&Signal::open(key, "EURUSD", "BUY", "0.03").to(instance));
    world.wait("a person is to decide", || {
        let listed = world.ask(&["trades", instance]);
        let trade = listed["trades"].as_array()?.iter().find(|trade| trade["key"] == json!(key))?;
        (trade["suspect"] == json!(true)).then(|| trade["tag"].to_string())
    })
}

#[test]
fn trd_4_a_person_decides_what_a_lookalike_is() {
    let mut world = World::trading(Plan::trading(3));
    let ours = suspect(&world, "acct-1", "s-1");
    let others = suspect(&world, "acct-3", "s-2");
    world.wait("the alert", || world.alerts("DriftFound", "acct-1").then_some(()));
    let told = world.cli(&["why", "acct-1", "--trade", &ours]);
    assert!(told.stdout.join("\n").contains("next: a person decides"), "{told:?}");
    // A person's word survives a crash, and so does the question.
    succeeded(&world.cli(&["decide", "acct-1", &ours, "ours"]));
    world.kill_supervisor();
    world.start_supervisor();
    world.wait_until_all_are_connected();
    succeeded(&world.cli(&["decide", "acct-3", &others, "not-ours"]));
    world.wait_for_trade("acct-1", "s-1", "FILLED");
    let failed = world.wait_for_trade("acct-3", "s-2", "FAILED");
    assert_eq!(failed["reason"], "decided_by_person");
    assert_eq!(
        world.cli(&["decide", "acct-1", &ours, "ours"]).code,
        Some(6),
        "there is nothing to decide any more"
    );
    world.wait("the end of the alert", || (!world.alerts("DriftFound", "acct-1")).then_some(()));
    world.drain();
    world.end_simulator();
    let sends = world.ledger().into_iter().filter_map(|line| line.send).collect::<Vec<_>>();
    assert_eq!(sends.len(), 2, "nothing was sent twice: {sends:?}");
}

#[test]
fn trd_4_what_an_ended_trade_of_ours_made_is_no_lookalike_after_a_restart() {
    let mut world = World::trading(Plan::trading(1));
    world.give(&Signal::open("s-1", "EURUSD", "BUY", "0.01").to("acct-1"));
    world.wait_for_trade("acct-1", "s-1", "FILLED");
    world.give(&Signal::close("s-2", "s-1").to("acct-1"));
    world.wait_for_trade("acct-1", "s-1", "CLOSED");
    world.kill_supervisor();
    world.start_supervisor();
    world.wait_until_all_trade();
    world.wait_until_quoted(&["EURUSD"]);
    world.fault("acct-1", "lost_request");
    world.give(&Signal::open("s-3", "EURUSD", "BUY", "0.01").to("acct-1"));
    let filled = world.wait_for_trade("acct-1", "s-3", "FILLED");
    assert_eq!(filled["attempt"], "2", "it was proven not to be executed: nothing was to be decided");
    world.judge();
}
