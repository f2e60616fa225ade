//! Netting: one position collects the trades of its symbol, and each is closed once.

use warden_domain::TradeState;

use super::Desk;
use crate::rig::{id, lots, pass, settle};

#[tokio::test(start_paused = true)]
async fn trd_8_of_two_trades_in_one_position_the_one_that_was_closed_ends() {
    for before_a_look in [true, false] {
        closed_one_by_one(before_a_look).await;
    }
}

async fn closed_one_by_one(before_a_look: bool) {
    let desk = Desk::netting().await;
    for key in ["s-1", "s-2"] {
        let _ = desk.buy(key, "EURUSD").await;
        desk.reaches(key, TradeState::Filled, 2).await;
    }
    assert_eq!(desk.positions(), ["BUY 0.2 EURUSD"]);
    if !before_a_look {
        pass(10).await;
    }
    let _ = desk.signal("c-1", "i0", r#""action": "close", "of": "s-1""#).await;
    let _ = desk.signal("c-2", "i0", r#""action": "close", "of": "s-1""#).await;
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.1 EURUSD"]);
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Closed);
    assert_eq!(desk.newest("s-2").await.state(), TradeState::Filled);
    let _ = desk.signal("c-3", "i0", r#""action": "close-all""#).await;
    pass(60).await;
    assert!(desk.positions().is_empty());
    assert_eq!(desk.newest("s-2").await.state(), TradeState::Closed);
    assert_eq!(desk.orders_sent(), 4, "two that open, and one close for each");
}

#[tokio::test(start_paused = true)]
async fn trd_8_a_share_that_was_closed_is_not_closed_again() {
    let desk = Desk::netting().await;
    for key in ["s-1", "s-2"] {
        let _ = desk.buy(key, "EURUSD").await;
        desk.reaches(key, TradeState::Filled, 2).await;
    }
    pass(10).await;
    let _ = desk.signal("c-1", "i0", r#""action": "close", "of": "s-1", "percent": "50""#).await;
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.15 EURUSD"]);
    let held = desk.newest("s-1").await;
    assert_eq!(held.holdings().open().to_string(), "0.05", "{held:?}");
    let _ = desk.signal("c-2", "i0", r#""action": "close", "of": "s-1""#).await;
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.1 EURUSD"]);
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Closed);
}

#[tokio::test(start_paused = true)]
async fn trd_8_trades_that_set_each_other_off_both_end() {
    for before_a_look in [true, false] {
        let desk = Desk::netting().await;
        let _ = desk.buy("s-1", "EURUSD").await;
        desk.reaches("s-1", TradeState::Filled, 2).await;
        if !before_a_look {
            pass(10).await;
        }
        let sell =
            r#""action": "open", "symbol": "EURUSD", "side": "SELL", "sizing": "fixed", "lots": "0.10""#;
        let _ = desk.signal("s-2", "i0", sell).await;
        pass(60).await;
        assert!(desk.positions().is_empty());
        for key in ["s-1", "s-2"] {
            let trade = desk.newest(key).await;
            assert_eq!(trade.state(), TradeState::Closed, "{key}: {:#?} {trade:#?}", desk.kinds(key).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn trd_8_what_was_set_off_is_no_part_of_what_is_opened_after_it() {
    let desk = Desk::netting().await;
    for (key, side) in [("s-1", "BUY"), ("s-2", "SELL"), ("s-3", "BUY")] {
        let what = format!(
            r#""action": "open", "symbol": "EURUSD", "side": "{side}", "sizing": "fixed", "lots": "0.10""#
        );
        let _ = desk.signal(key, "i0", &what).await;
        settle().await;
    }
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.1 EURUSD"]);
    let mut states = Vec::new();
    for key in ["s-1", "s-2", "s-3"] {
        states.push(desk.newest(key).await.state());
    }
    assert_eq!(states, [TradeState::Closed, TradeState::Closed, TradeState::Filled]);
}

#[tokio::test(start_paused = true)]
async fn trd_8_the_stop_loss_of_a_position_that_a_person_shares_is_not_changed() {
    for (shared, stop) in [(true, None), (false, Some("1.08".parse().unwrap()))] {
        let desk = Desk::netting().await;
        for key in ["s-1", "s-2"] {
            let _ = desk.buy(key, "EURUSD").await;
            desk.reaches(key, TradeState::Filled, 2).await;
        }
        pass(10).await;
        if shared {
            desk.rig.gateways.floor(&id(0), |floor| floor.positions[0].volume = lots("0.5"));
        }
        let _ = desk.signal("m-1", "i0", r#""action": "modify", "of": "s-1", "stop_loss": "1.08""#).await;
        pass(20).await;
        let stands = desk.rig.gateways.floor(&id(0), |floor| floor.positions[0].stop_loss);
        assert_eq!(stands, stop, "{:?}", desk.kinds("m-1").await);
    }
}
