//! Stops, other owners and the end of an account, with trades open.

use warden_domain::{Epoch, Magic, Side, Span, Status, StopMode, TradeState};
use warden_policy::trade::End;
use warden_store::HotState as _;
use warden_supervisor::Wish;

use super::Desk;
use crate::rig::{Fate, Floor, id, pass};

#[tokio::test(start_paused = true)]
async fn acc_7_a_stop_that_closes_is_over_when_the_trades_have_seen_it() {
    let desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    desk.rig.fleet().wish(&id(0), Wish::Stop(StopMode::Close)).await.unwrap();
    desk.rig.reaches(&id(0), Status::Inactive, 20).await;
    assert_eq!(desk.newest("s-1").await.end(), Some(End::Closed));
    assert!(desk.positions().is_empty());
    assert_eq!(desk.orders_sent(), 1, "the gateway closed it");
}

#[tokio::test(start_paused = true)]
async fn acc_7_trd_8_a_stop_that_closes_leaves_what_others_opened() {
    let desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    let ours = desk.rig.options.installation;
    let others = [Magic::new(ours + 1, 7).unwrap().number(), 77, 0];
    desk.rig.gateways.floor(&id(0), |floor| {
        for magic in others {
            floor.opened_by(magic, "EURUSD", Side::Buy, "0.30");
        }
    });
    desk.rig.fleet().wish(&id(0), Wish::Stop(StopMode::Close)).await.unwrap();
    desk.rig.reaches(&id(0), Status::Inactive, 20).await;
    assert_eq!(desk.newest("s-1").await.end(), Some(End::Closed));
    let magics = |floor: &mut Floor| floor.positions.iter().map(|open| open.magic).collect::<Vec<u64>>();
    assert_eq!(desk.rig.gateways.floor(&id(0), magics), others);
    assert_eq!(desk.orders_sent(), 1, "and no order went to them");
}

#[tokio::test(start_paused = true)]
async fn acc_7_a_stop_that_preserves_leaves_positions_to_their_trades() {
    let mut desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    desk.rig.fleet().wish(&id(0), Wish::Stop(StopMode::Preserve)).await.unwrap();
    desk.rig.reaches(&id(0), Status::Inactive, 20).await;
    let _ = desk.buy("s-2", "EURUSD").await;
    pass(120).await;
    assert_eq!(desk.orders_sent(), 1, "no order leaves after a stop");
    desk.rig.fleet().wish(&id(0), Wish::Start).await.unwrap();
    desk.rig.reaches(&id(0), Status::Connected, 60).await;
    assert_eq!(desk.open_trade("s-1").await.unwrap().state, TradeState::Filled);
    desk.rig.kill().await;
    desk.rig.come_up().await;
    assert_eq!(desk.open_trade("s-1").await.unwrap().state, TradeState::Filled);
}

#[tokio::test(start_paused = true)]
async fn log_10_what_another_owner_took_is_not_traded_here() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Lost]);
    let _ = desk.buy("s-1", "EURUSD").await;
    let _ = desk.buy("s-2", "EURUSD").await;
    let higher = [(id(0), Epoch(1_000))];
    assert_eq!(desk.rig.hot.acquire(&higher, "another", Span::from_secs(600)).await.unwrap(), [true]);
    pass(20).await;
    let rows = desk.rows("s-2").await.len();
    pass(200).await;
    assert_eq!(desk.rows("s-2").await.len(), rows, "its trades are somebody else's");
    assert_eq!(desk.orders_sent(), 1);
    let report = desk.buy("s-3", "EURUSD").await;
    assert_eq!(desk.orders_sent(), 1, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn acc_3_the_trades_of_a_destroyed_account_are_archived_and_leave_the_hot_state() {
    let desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    assert_eq!(desk.shown(&id(0)).len(), 1);
    desk.rig.fleet().wish(&id(0), Wish::ConfirmClosure).await.unwrap();
    pass(300).await;
    assert!(desk.open_trade("s-1").await.is_none());
    assert_eq!(desk.shown(&id(0)), Vec::<String>::new());
    assert!(!desk.rows("s-1").await.is_empty(), "the journal has it");
}

#[tokio::test(start_paused = true)]
async fn trd_7_as_many_trades_as_may_be_open_are_taken_and_no_more() {
    let mut desk = Desk::closed(1);
    desk.rig.params.limit.open = 2;
    desk.rig.come_up().await;
    for key in ["s-1", "s-2"] {
        let _ = desk.buy(key, "EURUSD").await;
        desk.reaches(key, TradeState::Filled, 1).await;
    }
    let report = desk.buy("s-3", "EURUSD").await;
    assert!(desk.rows("s-3").await.is_empty(), "{report:?}");
    let _ = desk.signal("c-1", "i0", r#""action": "close", "of": "s-1""#).await;
    assert_eq!(desk.ends("c-1", TradeState::Closed, 5).await, End::Done, "what ends trades always has room");
    desk.ends("s-1", TradeState::Closed, 40).await;
    let _ = desk.buy("s-4", "EURUSD").await;
    desk.reaches("s-4", TradeState::Filled, 1).await;
}
