//! What orders carry, and what is taken for a price.

use warden_bridge::{Command, Order};
use warden_domain::{Price, TradeState};

use super::Desk;
use crate::rig::{Sent, id, pass, settle};

const STOPPED: &str = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.1", "stop_loss": "1.09""#;

/// The orders that left.
fn orders(desk: &Desk) -> Vec<Order> {
    let order =
        |sent: Sent| if let Command::Order(order) = sent.envelope.command { Some(order) } else { None };
    desk.rig.gateways.sent().into_iter().filter_map(order).collect()
}

#[tokio::test(start_paused = true)]
async fn trd_2_an_order_at_the_market_carries_the_price_that_its_deviation_counts_from() {
    let desk = Desk::open(1).await;
    pass(5).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    settle().await;
    let order = orders(&desk).remove(0);
    assert_eq!((order.price.to_string().as_str(), order.deviation), ("1.1", 3_300));
}

#[tokio::test(start_paused = true)]
async fn a_comment_is_no_longer_than_every_broker_takes() {
    let desk = Desk::open(1).await;
    pass(5).await;
    let _ = desk.buy("a-signal-with-a-name-of-many-letters", "EURUSD").await;
    settle().await;
    assert_eq!(orders(&desk)[0].comment, "a-signal-with-a-name-of-ma");
}

#[tokio::test(start_paused = true)]
async fn trd_2_a_symbol_that_is_not_read_yet_judges_nothing() {
    let desk = Desk::open(1).await;
    pass(5).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.rig.gateways.floor(&id(0), |floor| floor.symbols.get_mut("EURUSD").unwrap().point = Price::ZERO);
    desk.rig.gateways.tell_market(&id(0)).await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.1 EURUSD"]);
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Filled);
}

#[tokio::test(start_paused = true)]
async fn trd_5_a_price_of_zero_is_none_and_closes_nothing() {
    let desk = Desk::open(1).await;
    let _ = desk.signal("s-1", "i0", STOPPED).await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(5).await;
    desk.rig.gateways.floor(&id(0), |floor| floor.quote("EURUSD", "0", "0"));
    desk.rig.gateways.tell_market(&id(0)).await;
    pass(60).await;
    assert_eq!(desk.positions(), ["BUY 0.1 EURUSD"]);
}
