//! TRD-4: a duplicate counts once, however often it is delivered.

use warden_distribution::Outcome;
use warden_domain::{ClientTradeId, TradeState};

use super::Desk;
use crate::rig::{Fate, pass};

const OTHER: &str =
    r#""action": "open", "symbol": "EURUSD", "side": "SELL", "sizing": "fixed", "lots": "0.10""#;

#[tokio::test(start_paused = true)]
async fn trd_4_one_duplicate_that_is_delivered_again_and_again_counts_once() {
    let mut desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    let signal = desk.read("s-1", "i0", OTHER);
    for _ in 0..3 {
        let _ = desk.rig.fleet().distributor().signal(signal.clone()).await;
        pass(1).await;
    }
    assert_eq!(desk.rows("s-1").await.pop().unwrap().1.tally.duplicates, 1);
    desk.rig.kill().await;
    desk.rig.come_up().await;
    for _ in 0..3 {
        let _ = desk.rig.fleet().distributor().signal(signal.clone()).await;
        pass(1).await;
    }
    assert_eq!(desk.rows("s-1").await.pop().unwrap().1.tally.duplicates, 1, "{:?}", desk.kinds("s-1").await);
}

#[tokio::test(start_paused = true)]
async fn trd_4_the_report_of_a_signal_says_nothing_of_its_duplicate() {
    let mut desk = Desk::open(1).await;
    desk.fates(&[Fate::Unheard]);
    let _ = desk.buy("s-1", "EURUSD").await;
    let _ = desk.signal("s-1", "i0", OTHER).await;
    desk.reaches("s-1", TradeState::Filled, 30).await;
    let key = ClientTradeId::new("s-1").unwrap();
    for _ in 0..2 {
        let report = desk.rig.fleet().distributor().report(&key).await.unwrap().unwrap();
        assert!(
            matches!(report.lines[..], [ref line] if matches!(line.outcome, Outcome::Filled(_))),
            "{report:?}"
        );
        desk.rig.kill().await;
        desk.rig.come_up().await;
    }
}
