//! What gateways are told to watch, and what old prices are worth.

use std::sync::atomic::Ordering;

use warden_bridge::Command;
use warden_domain::{Session, Status, TradeState};
use warden_policy::trade::End;

use super::Desk;
use crate::rig::{Fate, id, pass, settle};

#[tokio::test(start_paused = true)]
async fn symbols_are_watched_from_the_start_and_again_after_each_new_session() {
    let mut desk = Desk::open(1).await;
    let watched = |desk: &Desk| -> Vec<Vec<String>> {
        let sent = desk.rig.gateways.sent().into_iter();
        let watched: Vec<Vec<String>> = sent
            .filter_map(|sent| {
                let Command::Watch(symbols) = sent.envelope.command else { return None };
                Some(symbols)
            })
            .collect();
        assert!(!watched.is_empty(), "it is told");
        watched
    };
    let all = |watched: Vec<Vec<String>>| watched.iter().all(|symbols| symbols == &["EURUSD", "GBPUSD"]);
    assert!(all(watched(&desk)));
    desk.rig.gateways.forget_sent();
    desk.rig.gateways.disconnect(&id(0)).await;
    desk.rig.gateways.connect(&id(0)).await;
    settle().await;
    assert!(all(watched(&desk)));
    desk.rig.kill().await;
    desk.rig.gateways.forget_sent();
    desk.rig.come_up().await;
    assert!(all(watched(&desk)));
}

#[tokio::test(start_paused = true)]
async fn trd_2_an_order_waits_for_a_price_where_there_is_none_and_expires() {
    let desk = Desk::open(1).await;
    desk.rig.gateways.floor(&id(0), |floor| floor.symbols.get_mut("EURUSD").unwrap().quote = None);
    desk.rig.gateways.tell_market(&id(0)).await;
    settle().await;
    let what = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.10", "price": "1.1""#;
    let _ = desk.signal("s-1", "i0", what).await;
    pass(5).await;
    assert_eq!(desk.orders_sent(), 0);
    desk.rig.gateways.floor(&id(0), |floor| floor.quote("EURUSD", "1.09990", "1.10000"));
    desk.reaches("s-1", TradeState::Filled, 10).await;
}

#[tokio::test(start_paused = true)]
async fn trd_7_an_order_waits_for_the_session_and_is_dropped_when_it_is_late() {
    let desk = Desk::open(1).await;
    let shut = |open: bool| {
        let session = if open { Session::Open } else { Session::Closed { opens_at: None } };
        desk.rig.gateways.floor(&id(0), |floor| floor.symbols.get_mut("EURUSD").unwrap().session = session);
    };
    shut(false);
    desk.rig.gateways.tell_market(&id(0)).await;
    settle().await;
    let _ = desk.buy("s-1", "EURUSD").await;
    let _ = desk.buy("s-2", "EURUSD").await;
    pass(20).await;
    assert_eq!(desk.orders_sent(), 0);
    shut(true);
    desk.reaches("s-1", TradeState::Filled, 6).await;
    desk.reaches("s-2", TradeState::Filled, 6).await;
    shut(false);
    desk.rig.gateways.tell_market(&id(0)).await;
    settle().await;
    let _ = desk.buy("s-3", "EURUSD").await;
    assert_eq!(desk.ends("s-3", TradeState::Failed, 62).await, End::Expired);
    assert_eq!(desk.orders_sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_open_position_and_an_unknown_order_leave_the_shard_at_rest() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Executed, Fate::Stuck]);
    let _ = desk.buy("s-1", "EURUSD").await;
    let _ = desk.buy("s-2", "GBPUSD").await;
    pass(60).await;
    let turns = || desk.rig.fleet().stats().turns.load(Ordering::Relaxed);
    let before = turns();
    pass(300).await;
    let made = turns() - before;
    assert!(made < 300, "leases, prices and looks take few turns: {made}");
}

#[tokio::test(start_paused = true)]
async fn ses_1_a_signal_that_comes_with_the_session_finds_its_prices() {
    let mut desk = Desk::closed(2);
    desk.rig.start_all().await;
    for number in 0..2 {
        desk.rig.reaches(&id(number), Status::Connected, 60).await;
        let instance = id(number);
        let what = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.1""#;
        let report = desk.signal(&format!("s-{number}"), instance.as_str(), what).await;
        assert_eq!(desk.rows(&format!("s-{number}")).await.len(), 1, "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn ses_1_what_is_to_be_watched_is_told_again_where_it_was_lost() {
    let mut desk = Desk::closed(1);
    desk.rig.gateways.lose_watch(&id(0));
    desk.rig.come_up().await;
    pass(15).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 2).await;
    let told = desk.rig.gateways.moments(&id(0), "watch").len();
    pass(60).await;
    assert_eq!(desk.rig.gateways.moments(&id(0), "watch").len(), told, "it knows");
}
