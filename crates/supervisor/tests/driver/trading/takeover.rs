//! TRD-4: a signal that another owner, or a journal that is gone, may have carried out is not carried out again.

use std::sync::Arc;

use warden_distribution::Signal;
use warden_domain::TradeState;

use super::Desk;
use crate::rig::{Rig, pass, settle};

fn signal(rig: &Rig, key: &str) -> Signal {
    let text = format!(
        r#"{{"key": "{key}", "source": "test", "created_at": "{}", "valid_for": "10m", "instances": "i0", "action": "open",
        "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.10"}}"#,
        rig.now()
    );
    let params = &rig.options.distribution.params;
    Signal::from_json(text.as_bytes(), rig.params.signal.valid_for, params).unwrap()
}

#[tokio::test(start_paused = true)]
async fn trd_4_what_a_former_owner_may_have_carried_out_is_not_carried_out_again() {
    let mut desk = Desk::open(1).await;
    let (first, second) = (signal(&desk.rig, "s-1"), signal(&desk.rig, "s-2"));
    let _ = desk.rig.fleet().distributor().signal(first.clone()).await.unwrap();
    desk.reaches("s-1", TradeState::Filled, 1).await;
    desk.rig.kill().await;
    desk.rig.journal = Arc::default();
    desk.rig.come_up().await;
    settle().await;
    for signal in [first, second] {
        let report = desk.rig.fleet().distributor().signal(signal).await.unwrap();
        assert_eq!((desk.executions(), desk.orders_sent()), (vec![1], 1), "{report:?}");
    }
    pass(5).await; // the clock of a source may be so far ahead
    let _ = desk.rig.fleet().distributor().signal(signal(&desk.rig, "s-3")).await.unwrap();
    desk.reaches("s-3", TradeState::Filled, 2).await;
}

#[tokio::test(start_paused = true)]
async fn trd_4_over_a_restart_of_the_owner_a_signal_that_it_did_not_take_is_taken() {
    let mut desk = Desk::open(1).await;
    let (first, second) = (signal(&desk.rig, "s-1"), signal(&desk.rig, "s-2"));
    let _ = desk.rig.fleet().distributor().signal(first.clone()).await.unwrap();
    desk.reaches("s-1", TradeState::Filled, 1).await;
    desk.rig.kill().await;
    desk.rig.come_up().await;
    settle().await;
    for signal in [first, second] {
        let _ = desk.rig.fleet().distributor().signal(signal).await.unwrap();
    }
    desk.reaches("s-2", TradeState::Filled, 2).await;
    assert_eq!(desk.executions(), [1, 1]);
}
