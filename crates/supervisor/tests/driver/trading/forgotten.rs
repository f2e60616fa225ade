//! What was asked for and acknowledged is not forgotten, whatever dies between.

use warden_domain::{Magic, TradeState};
use warden_policy::trade::Decision;

use super::Desk;
use crate::rig::{Fate, id, pass};

#[tokio::test(start_paused = true)]
async fn rec_4_a_close_of_a_trade_on_its_way_outlives_the_process() {
    let mut desk = Desk::open(1).await;
    desk.fates(&[Fate::Unheard]);
    let _ = desk.buy("s-1", "EURUSD").await;
    let _ = desk.signal("c-1", "i0", r#""action": "close-all""#).await;
    desk.rig.kill().await;
    desk.rig.come_up().await;
    pass(90).await;
    assert!(desk.positions().is_empty(), "{:?}", desk.kinds("s-1").await);
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Closed);
}

#[tokio::test(start_paused = true)]
async fn trd_4_what_a_person_said_is_ours_ends_when_it_is_closed() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Untagged]);
    let _ = desk.buy("s-1", "EURUSD").await;
    pass(120).await;
    let tag = Magic::from_number(desk.open_trade("s-1").await.unwrap().tag).unwrap();
    desk.rig.fleet().distributor().decide(&id(0), tag, Decision::Ours).await.unwrap();
    desk.reaches("s-1", TradeState::Filled, 1).await;
    let _ = desk.signal("c-1", "i0", r#""action": "close-all""#).await;
    pass(60).await;
    assert!(desk.positions().is_empty());
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Closed);
}
