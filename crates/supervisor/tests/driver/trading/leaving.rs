//! TRD-7: what was decided before a stop, a halt or an expiry does not leave after it.

use warden_domain::{StopMode, TradeState};
use warden_policy::trade::End;
use warden_supervisor::{Wish, signals::Scope};

use super::Desk;
use crate::rig::{id, pass};

const BUY: &str = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.10""#;

#[tokio::test(start_paused = true)]
async fn trd_7_an_order_that_was_decided_in_the_turn_of_a_stop_does_not_leave() {
    for mode in [StopMode::Close, StopMode::Preserve] {
        let desk = Desk::open(1).await;
        let first = id(0);
        let stop = desk.rig.fleet().wish(&first, Wish::Stop(mode));
        let (_, stopped) = tokio::join!(desk.buy("s-1", "EURUSD"), stop);
        stopped.unwrap();
        pass(120).await;
        assert_eq!(desk.orders_sent(), 0, "{mode:?}: {:?}", desk.kinds("s-1").await);
        assert!(desk.newest("s-1").await.end().is_some(), "{:?}", desk.newest("s-1").await);
    }
}

#[tokio::test(start_paused = true)]
async fn trd_7_an_order_that_was_decided_in_the_turn_of_a_halt_does_not_leave() {
    let desk = Desk::open(1).await;
    let distributor = desk.rig.fleet().distributor();
    let (_, halted) = tokio::join!(desk.buy("s-1", "EURUSD"), distributor.halt(Scope::All));
    halted.unwrap();
    assert_eq!(desk.ends("s-1", TradeState::Cancelled, 10).await, End::Withdrawn);
    assert_eq!(desk.orders_sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn trd_7_a_commit_that_takes_until_the_signal_is_late_sends_nothing() {
    let desk = Desk::open(1).await;
    // Five attempts that fail take 1.55 s, the order may start within 2 s, and the signal is valid for one.
    desk.rig.journal.fail(5);
    let _ = desk.signal("s-1", "i0", &format!(r#""valid_for": "1s", {BUY}"#)).await;
    pass(30).await;
    assert_eq!(desk.orders_sent(), 0);
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Failed);
}
