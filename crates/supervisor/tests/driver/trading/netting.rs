//! Netting: what of one position is whose, when looks and answers cross, and when others trade beside us.

use warden_domain::{Side, Status, StopMode, TradeState};
use warden_policy::trade::End;
use warden_supervisor::Wish;

use super::Desk;
use crate::rig::{Fate, Manner, id, lots, pass};

#[tokio::test(start_paused = true)]
async fn trd_8_a_look_between_an_order_and_its_answer_says_nothing_of_the_others() {
    let desk = Desk::netting().await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(10).await;
    desk.fates(&[Fate::Unheard]);
    let sell = r#""action": "open", "symbol": "EURUSD", "side": "SELL", "sizing": "fixed", "lots": "0.04""#;
    let _ = desk.signal("s-2", "i0", sell).await;
    // The balance moved: the broker is looked at, while nobody knows of the sale.
    desk.rig.gateways.floor(&id(0), |floor| floor.balance -= 1.0);
    desk.rig.gateways.tell_market(&id(0)).await;
    desk.ends("s-2", TradeState::Closed, 30).await;
    let _ = desk.buy("s-3", "EURUSD").await;
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.16 EURUSD"]);
    let open = |trade: warden_policy::trade::Trade| trade.holdings().open().to_string();
    assert_eq!(
        (open(desk.newest("s-1").await), open(desk.newest("s-3").await)),
        ("0.06".into(), "0.1".into())
    );
}

#[tokio::test(start_paused = true)]
async fn trd_8_a_position_that_a_person_opened_after_ours_was_closed_is_not_ours() {
    let mut desk = Desk::netting().await;
    let _ = desk.buy("s-1", "EURUSD").await;
    let ours = desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(10).await;
    desk.rig.kill().await;
    let ours = desk.newest("s-1").await.holdings().position.or(ours.holdings().position).unwrap().number();
    desk.rig.gateways.floor(&id(0), |floor| {
        floor.closed_by_hand(ours);
        floor.opened_by_hand("EURUSD", Side::Buy, "0.10")
    });
    desk.rig.come_up().await;
    assert_eq!(desk.ends("s-1", TradeState::Closed, 60).await, End::Closed);
    let _ = desk.signal("c-1", "i0", r#""action": "close-all""#).await;
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.1 EURUSD"], "a person's");
}

#[tokio::test(start_paused = true)]
async fn trd_8_an_order_that_rested_has_its_part_in_a_position_that_is_newer() {
    let desk = Desk::netting().await;
    let limit = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "kind": "LIMIT", "price": "1.09500",
        "sizing": "fixed", "lots": "0.04""#;
    let _ = desk.signal("s-1", "i0", limit).await;
    let order = desk.reaches("s-1", TradeState::Placed, 1).await.holdings().order.unwrap().number();
    let _ = desk.buy("s-2", "EURUSD").await;
    desk.reaches("s-2", TradeState::Filled, 1).await;
    desk.rig.gateways.floor(&id(0), |floor| floor.trigger(order));
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.14 EURUSD"]);
    let open = |trade: warden_policy::trade::Trade| trade.holdings().open().to_string();
    assert_eq!(
        (open(desk.newest("s-1").await), open(desk.newest("s-2").await)),
        ("0.04".into(), "0.1".into())
    );
}

#[tokio::test(start_paused = true)]
async fn trd_8_acc_7_what_a_stop_closes_is_not_closed_once_more_of_what_others_share() {
    let desk = Desk::netting().await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(10).await;
    desk.rig.gateways.floor(&id(0), |floor| floor.positions[0].volume = lots("0.5"));
    // The gateway closes our part, and is not heard of.
    desk.rig.gateways.behave(&id(0), Manner::Silent);
    desk.rig.fleet().wish(&id(0), Wish::Stop(StopMode::Close)).await.unwrap();
    let _ = desk.signal("c-1", "i0", r#""action": "close", "of": "s-1""#).await;
    pass(5).await;
    assert_eq!(desk.orders_sent(), 1, "the one that opened: {:?}", desk.kinds("c-1").await);
    desk.rig.reaches(&id(0), Status::Inactive, 60).await;
    assert_eq!(desk.ends("c-1", TradeState::Failed, 60).await, End::Blocked);
    assert_eq!(desk.orders_sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn trd_1_the_rest_of_a_partial_fill_stays_known_when_its_tag_is_lost() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Part(0.04), Fate::TagLost]);
    let _ = desk.buy("s-1", "EURUSD").await;
    pass(120).await;
    assert_eq!(desk.positions(), ["BUY 0.04 EURUSD", "BUY 0.06 EURUSD"]);
    let trade = desk.newest("s-1").await;
    assert_eq!((trade.state(), trade.holdings().open().to_string()), (TradeState::Filled, "0.1".into()));
}
