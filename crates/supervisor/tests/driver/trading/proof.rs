//! What nobody knows the outcome of: found by its tag, proven not to be executed, or left to a person.

use warden_domain::{AccountMode, IncidentKind, Magic, Side, Status, TradeState};
use warden_policy::trade::{Decision, End};
use warden_supervisor::Wish;

use super::Desk;
use crate::rig::{Fate, id, pass};

#[tokio::test(start_paused = true)]
async fn trd_6_a_lost_answer_is_unknown_and_found_by_its_tag() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Unheard]);
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Unknown, 6).await;
    let trade = desk.reaches("s-1", TradeState::Filled, 10).await;
    assert_eq!(trade.attempt().0, 1);
    assert_eq!((desk.executions(), desk.orders_sent()), (vec![1], 1));
}

#[tokio::test(start_paused = true)]
async fn trd_6_a_lost_request_fails_with_proof_and_is_never_sent_again_when_it_is_late() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Lost]);
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Unknown, 6).await;
    assert_eq!(desk.ends("s-1", TradeState::Failed, 120).await, End::NotExecuted);
    pass(120).await;
    assert_eq!((desk.executions(), desk.orders_sent()), (vec![], 1));
}

#[tokio::test(start_paused = true)]
async fn trd_6_an_order_that_waits_in_the_gateway_proves_nothing() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Stuck]);
    let _ = desk.buy("s-1", "EURUSD").await;
    pass(300).await;
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Unknown);
}

#[tokio::test(start_paused = true)]
async fn trd_6_a_blind_terminal_proves_nothing() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Lost]);
    desk.rig.gateways.floor(&id(0), |floor| floor.blind = true);
    let _ = desk.buy("s-1", "EURUSD").await;
    pass(300).await;
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Unknown);
    desk.rig.gateways.floor(&id(0), |floor| floor.blind = false);
    assert_eq!(desk.ends("s-1", TradeState::Failed, 150).await, End::NotExecuted);
}

#[tokio::test(start_paused = true)]
async fn trd_4_what_only_looks_like_it_is_left_to_a_person() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Untagged]);
    let _ = desk.buy("s-1", "EURUSD").await;
    pass(120).await;
    let trade = desk.open_trade("s-1").await.unwrap();
    assert!(trade.suspect, "{trade:?}");
    let text = desk.rig.fleet().registry().render();
    let alert = r#"alert="DriftFound""#;
    assert!(text.lines().any(|line| line.contains(alert) && line.ends_with(" 1")), "{text}");
    let tag = Magic::from_number(trade.tag).unwrap();
    desk.rig.fleet().distributor().decide(&id(0), tag, Decision::Ours).await.unwrap();
    let trade = desk.reaches("s-1", TradeState::Filled, 1).await;
    assert!(trade.holdings().position.is_some());
    assert_eq!(desk.orders_sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn trd_4_what_is_left_to_a_person_is_looked_for_again_when_the_connection_is_back() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Untagged]);
    let _ = desk.buy("s-1", "EURUSD").await;
    pass(120).await;
    let tag = desk.open_trade("s-1").await.filter(|trade| trade.suspect).unwrap().tag;
    desk.rig.gateways.disconnect(&id(0)).await;
    pass(60).await;
    desk.rig.gateways.floor(&id(0), |floor| {
        floor.positions.iter_mut().for_each(|open| open.magic = tag);
        floor.past_orders.iter_mut().for_each(|order| order.magic = tag);
        floor.deals.iter_mut().for_each(|deal| deal.magic = tag);
    });
    desk.rig.gateways.connect(&id(0)).await;
    desk.rig.reaches(&id(0), Status::Connected, 60).await;
    desk.reaches("s-1", TradeState::Filled, 40).await;
    assert_eq!(desk.orders_sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn net_1_a_connection_that_drops_makes_it_unknown_and_its_return_resolves_it() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Unheard]);
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.rig.gateways.disconnect(&id(0)).await;
    desk.reaches("s-1", TradeState::Unknown, 1).await;
    pass(30).await;
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Unknown, "nobody is there to be asked");
    desk.rig.gateways.connect(&id(0)).await;
    desk.rig.reaches(&id(0), Status::Connected, 60).await;
    desk.reaches("s-1", TradeState::Filled, 20).await;
    assert_eq!((desk.executions(), desk.orders_sent()), (vec![1], 1));
}

#[tokio::test(start_paused = true)]
async fn trd_4_an_order_that_came_twice_is_undone_once_and_stored_failed() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Twice]);
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.1 EURUSD"], "the second one was closed");
    let rows = desk.rows("s-1").await;
    let duplicates: Vec<_> = rows.iter().filter(|(row, _)| row.kind == "DUPLICATE").collect();
    assert_eq!(duplicates.len(), 1);
    assert_eq!(duplicates[0].1.step.trade.end(), Some(End::Duplicate));
}

#[tokio::test(start_paused = true)]
async fn trd_3_an_order_that_is_not_started_is_tried_again_while_it_is_in_time() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::NotStarted, Fate::Executed]);
    let _ = desk.buy("s-1", "EURUSD").await;
    let trade = desk.reaches("s-1", TradeState::Filled, 30).await;
    assert_eq!(trade.attempt().0, 2);
    assert_eq!(desk.executions(), [1]);
}

#[tokio::test(start_paused = true)]
async fn trd_9_an_answer_that_nobody_understands_is_verified() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::ExecutedAs(10_012), Fate::Refused(10_011)]);
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 10).await;
    let _ = desk.buy("s-2", "EURUSD").await;
    assert_eq!(desk.ends("s-2", TradeState::Failed, 150).await, End::NotExecuted);
    assert_eq!((desk.executions(), desk.orders_sent()), (vec![1], 2));
}

#[tokio::test(start_paused = true)]
async fn brk_3_10008_without_a_ticket_limits_the_instance_and_proves_nothing_of_the_order() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::ExecutedAs(10_008)]);
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 10).await;
    desk.fates(&[Fate::Refused(10_008)]);
    pass(70).await;
    let _ = desk.buy("s-2", "EURUSD").await;
    assert_eq!(desk.ends("s-2", TradeState::Failed, 150).await, End::NotExecuted);
    assert_eq!((desk.executions(), desk.orders_sent()), (vec![1], 2));
    let rows: Vec<_> = desk.rig.rows(&id(0)).await.into_iter().map(|row| (row.kind, row.rule)).collect();
    let limits = rows.iter().filter(|(_, rule)| rule == "BRK-3").count();
    assert_eq!(limits, 2, "the instance pauses once for each: {rows:?}");
    let view = desk.rig.view(&id(0)).await;
    let limited = view.incidents.iter().find(|incident| incident.kind == IncidentKind::RateLimited);
    assert_eq!(limited.map(|incident| incident.attempt), Some(2), "{view:?}");
}

#[tokio::test(start_paused = true)]
async fn trd_6_what_an_answer_named_and_nobody_shows_ends_with_proof() {
    for mode in [AccountMode::Hedging, AccountMode::Netting] {
        let desk = Desk::open(1).await;
        desk.rig.gateways.floor(&id(0), |floor| floor.mode = mode);
        desk.rig.gateways.tell_market(&id(0)).await;
        desk.fates(&[Fate::TagLost]);
        let _ = desk.buy("s-1", "EURUSD").await;
        desk.reaches("s-1", TradeState::Filled, 1).await;
        desk.rig.gateways.floor(&id(0), |floor| {
            floor.positions.clear();
            floor.deals.clear();
            floor.past_orders.clear();
        });
        pass(30).await;
        assert_eq!(desk.newest("s-1").await.state(), TradeState::Filled, "{mode:?}: it may still show");
        assert_eq!(desk.ends("s-1", TradeState::Closed, 90).await, End::Closed, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn trd_4_an_old_deal_of_a_person_is_no_lookalike_after_a_restart() {
    let mut desk = Desk::open(1).await;
    let hand = desk.rig.gateways.floor(&id(0), |floor| floor.opened_by_hand("EURUSD", Side::Buy, "0.10"));
    desk.rig.gateways.floor(&id(0), |floor| floor.closed_by_hand(hand));
    desk.rig.kill().await;
    desk.fates(&[Fate::Lost]);
    desk.rig.come_up().await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Unknown, 10).await;
    assert_eq!(desk.ends("s-1", TradeState::Failed, 150).await, End::NotExecuted);
    assert!(!desk.kinds("s-1").await.iter().any(|kind| kind == "DECIDE"));
}

#[tokio::test(start_paused = true)]
async fn trd_4_a_reset_of_what_was_counted_is_durable_at_once() {
    let mut desk = Desk::open(1).await;
    for key in ["s-1", "s-2", "s-3"] {
        desk.fates(&[Fate::Twice]);
        let _ = desk.buy(key, "EURUSD").await;
        pass(20).await;
    }
    assert_eq!(desk.rig.status(&id(0)).await, Status::Failed, "the third one stops");
    desk.rig.fleet().wish(&id(0), Wish::Reset).await.unwrap();
    desk.rig.kill().await;
    desk.rig.come_up().await;
    desk.fates(&[Fate::Twice]);
    let _ = desk.buy("s-4", "EURUSD").await;
    pass(30).await;
    assert_eq!(desk.positions().len(), 4, "the duplicate was closed");
    assert_eq!(desk.rig.status(&id(0)).await, Status::Connected, "it is the first one again");
}
