//! One order in flight for an instance and symbol, and nobody else is held up by it.

use warden_domain::TradeState;
use warden_policy::trade::End;

use super::Desk;
use crate::rig::{Fate, pass};

#[tokio::test(start_paused = true)]
async fn trd_7_a_lane_lets_one_order_through_at_a_time() {
    let desk = Desk::open(1).await;
    for key in ["s-1", "s-2", "s-3"] {
        let _ = desk.buy(key, "EURUSD").await;
    }
    assert_eq!(desk.orders_sent(), 1);
    desk.reaches("s-3", TradeState::Filled, 5).await;
    assert_eq!((desk.executions(), desk.positions().len()), (vec![1, 1, 1], 3));
}

#[tokio::test(start_paused = true)]
async fn trd_7_an_unknown_order_holds_its_symbol_and_no_other() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Lost]);
    let _ = desk.buy("s-1", "EURUSD").await;
    let _ = desk.buy("s-2", "GBPUSD").await;
    let _ = desk.buy("s-3", "EURUSD").await;
    desk.reaches("s-2", TradeState::Filled, 1).await;
    pass(20).await;
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Unknown);
    assert_eq!(desk.newest("s-3").await.attempt().0, 0, "it waits");
    assert_eq!(desk.ends("s-3", TradeState::Failed, 60).await, End::Expired, "late, it is never sent");
    assert_eq!(desk.ends("s-1", TradeState::Failed, 120).await, End::NotExecuted);
    assert_eq!(desk.positions(), ["BUY 0.1 GBPUSD"]);
}

#[tokio::test(start_paused = true)]
async fn trd_6_an_unknown_order_is_resolved_while_another_symbol_is_traded_all_the_time() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Lost]);
    let _ = desk.buy("s-1", "EURUSD").await;
    for round in 0..600 {
        let _ = desk.buy(&format!("t-{round}"), "GBPUSD").await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(desk.newest("s-1").await.end(), Some(End::NotExecuted));
}
