//! The supervisor dies after each durable step of a trade (C0 to C10): nothing is sent twice, nothing is forgotten.

use warden_domain::{Side, Status, TradeState};
use warden_policy::trade::End;

use super::Desk;
use crate::rig::{Fate, id, pass, settle};

#[tokio::test(start_paused = true)]
async fn c3_what_was_to_be_sent_and_was_not_is_unknown_and_fails_with_proof() {
    let mut desk = Desk::open(1).await;
    desk.rig.journal.hang_after_commit(true);
    tokio::select! {
        _ = desk.buy("s-1", "EURUSD") => panic!("nobody hears of it"),
        () = pass(1) => {}
    }
    assert_eq!(desk.kinds("s-1").await, ["ACCEPTED"]);
    assert_eq!(desk.orders_sent(), 0);
    desk.rig.kill().await;
    desk.rig.journal.hang_after_commit(false);
    desk.rig.come_up().await;
    desk.reaches("s-1", TradeState::Unknown, 1).await;
    assert_eq!(desk.ends("s-1", TradeState::Failed, 150).await, End::NotExecuted);
    assert_eq!((desk.executions(), desk.orders_sent()), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn c4_c8_what_was_sent_before_it_died_is_found() {
    for fate in [Fate::Executed, Fate::Unheard, Fate::ExecutedAs(10_012)] {
        let mut desk = Desk::open(1).await;
        desk.fates(&[fate]);
        let _ = desk.buy("s-1", "EURUSD").await;
        desk.rig.kill().await;
        pass(1).await;
        desk.rig.come_up().await;
        desk.reaches("s-1", TradeState::Filled, 20).await;
        assert_eq!((desk.executions(), desk.orders_sent()), (vec![1], 1), "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c9_an_answer_that_was_heard_and_not_stored_is_in_the_inbox() {
    let mut desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.rig.journal.fail(u64::MAX);
    pass(1).await;
    desk.rig.kill().await;
    desk.rig.journal.fail(0);
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Submitting);
    desk.rig.come_up().await;
    desk.reaches("s-1", TradeState::Filled, 20).await;
    assert_eq!((desk.executions(), desk.orders_sent()), (vec![1], 1));
}

#[tokio::test(start_paused = true)]
async fn rec_4_a_restart_goes_on_where_the_trades_were_and_repeats_no_tag() {
    let mut desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(5).await;
    for _ in 0..3 {
        desk.rig.kill().await;
        desk.rig.come_up().await;
        pass(5).await;
    }
    let trade = desk.open_trade("s-1").await.unwrap();
    assert_eq!(trade.state, TradeState::Filled);
    let _ = desk.buy("s-2", "EURUSD").await;
    desk.reaches("s-2", TradeState::Filled, 1).await;
    assert!(desk.open_trade("s-2").await.unwrap().tag > trade.tag);
    assert_eq!(desk.executions(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn ses_1_what_closed_meanwhile_is_reconciled_before_trading_opens() {
    let mut desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    let trade = desk.reaches("s-1", TradeState::Filled, 1).await;
    desk.rig.kill().await;
    let position = trade.holdings().position.unwrap().number();
    desk.rig.gateways.floor(&id(0), |floor| floor.closed_by_hand(position));
    desk.rig.start_all().await;
    desk.rig.reaches(&id(0), Status::Connected, 60).await;
    assert_eq!(desk.newest("s-1").await.end(), Some(End::Closed), "before the gate opened");
}

#[tokio::test(start_paused = true)]
async fn net_3_trades_go_on_without_the_hot_state_and_are_shown_when_it_is_back() {
    let desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    desk.rig.hot.set_reachable(false);
    let what = r#""action": "close", "of": "s-1""#;
    let _ = desk.signal("c-1", "i0", what).await;
    pass(2).await;
    desk.rig.hot.forget(&id(0));
    desk.rig.hot.set_reachable(true);
    pass(60).await;
    settle().await;
    assert_eq!(desk.ends("s-1", TradeState::Closed, 60).await, End::Closed);
    let shown = desk.shown(&id(0));
    assert_eq!(shown.iter().filter(|text| text.contains("CLOSED")).count(), 2, "{shown:?}");
}

#[tokio::test(start_paused = true)]
async fn trd_8_a_restart_takes_nothing_of_others_for_its_own() {
    let mut desk = Desk::open(1).await;
    let others = desk.rig.gateways.floor(&id(0), |floor| floor.opened_by_hand("EURUSD", Side::Buy, "1"));
    let _ = desk.buy("s-1", "EURUSD").await;
    let trade = desk.reaches("s-1", TradeState::Filled, 1).await;
    let ours = trade.holdings().position;
    for _ in 0..2 {
        desk.rig.kill().await;
        desk.rig.come_up().await;
        pass(40).await;
    }
    assert_eq!(desk.newest("s-1").await.holdings().position, ours);
    let _ = desk.signal("c-1", "i0", r#""action": "close", "of": "s-1""#).await;
    desk.ends("s-1", TradeState::Closed, 10).await;
    let left = desk.rig.gateways.floor(&id(0), |floor| floor.positions.clone());
    assert_eq!(left.iter().map(|open| open.ticket).collect::<Vec<_>>(), [others]);
}
