//! A halt: at once, durable, over every restart (TRD-7).

use warden_domain::{FailureReason, Gate, Status, TradeState};
use warden_policy::trade::End;
use warden_supervisor::signals::Scope;

use super::Desk;
use crate::rig::{Fate, id, pass};

#[tokio::test(start_paused = true)]
async fn trd_7_after_a_halt_no_order_leaves_before_a_person_lets_it_go_on() {
    let mut desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    desk.rig.fleet().distributor().halt(Scope::All).await.unwrap();
    assert_eq!(desk.rig.view(&id(0)).await.gate, Gate::Shut(FailureReason::UserStopped));
    let report = desk.buy("s-2", "EURUSD").await;
    assert_eq!(desk.orders_sent(), 1, "{report:?}");
    desk.rig.kill().await;
    desk.rig.come_up().await;
    let _ = desk.buy("s-3", "EURUSD").await;
    pass(10).await;
    assert_eq!(desk.orders_sent(), 1, "a restart lifts no halt");
    desk.rig.fleet().distributor().resume(Scope::All).await.unwrap();
    let _ = desk.buy("s-4", "EURUSD").await;
    desk.reaches("s-4", TradeState::Filled, 1).await;
    assert_eq!(desk.orders_sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn trd_7_a_halt_withdraws_what_waits_and_what_is_unknown_is_not_sent_again() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Lost]);
    let _ = desk.buy("s-1", "EURUSD").await;
    let _ = desk.buy("s-2", "EURUSD").await;
    assert_eq!(desk.newest("s-2").await.attempt().0, 0, "it waits for the lane");
    desk.rig.fleet().distributor().halt(Scope::All).await.unwrap();
    assert_eq!(desk.newest("s-2").await.end(), Some(End::Withdrawn));
    desk.rig.fleet().distributor().resume(Scope::All).await.unwrap();
    assert_eq!(desk.rig.status(&id(0)).await, Status::Connected);
    desk.reaches("s-1", TradeState::Cancelled, 150).await;
    assert_eq!((desk.executions(), desk.orders_sent()), (vec![], 1));
}
