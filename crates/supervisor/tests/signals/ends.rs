//! Changing and ending what is open, on its way, or resting.

use warden_distribution::OutcomeKind;

use super::{
    Crowd,
    crowd::{BUY, GOLD, kinds},
};
use crate::rig::{Fate, id, pass};

const LIMIT: &str = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.10", "kind": "LIMIT", "price": "1.05""#;

#[tokio::test(start_paused = true)]
async fn a_modification_sets_the_stop_and_a_share_is_closed() {
    let crowd = Crowd::open(2).await;
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    crowd.settled("s-1", 2).await;
    let _ = crowd.signal("s-2", GOLD, r#""action": "modify", "of": "s-1", "stop_loss": "1.05""#).await;
    assert_eq!(kinds(&crowd.settled("s-2", 2).await), [OutcomeKind::Done; 2]);
    let _ = crowd.signal("s-3", GOLD, r#""action": "close", "of": "s-1", "percent": "50""#).await;
    assert_eq!(kinds(&crowd.settled("s-3", 2).await), [OutcomeKind::Filled; 2]);
    pass(60).await;
    for number in 0..2 {
        assert_eq!(crowd.positions(number), ["BUY 0.05"]);
        let stop = crowd.rig.gateways.floor(&id(number), |floor| floor.positions[0].stop_loss);
        assert_eq!(stop.map(|stop| stop.to_string()).as_deref(), Some("1.05"), "nobody put it back");
        assert_eq!(crowd.sent(number), 3, "and no rule had to repair anything");
    }
}

#[tokio::test(start_paused = true)]
async fn a_resting_order_is_moved_and_keeps_its_price_when_only_its_stop_changes() {
    let crowd = with_an_order_that_rests().await;
    let _ = crowd.signal("s-2", GOLD, r#""action": "modify", "of": "s-1", "price": "1.06""#).await;
    assert_eq!(kinds(&crowd.settled("s-2", 2).await), [OutcomeKind::Done]);
    let _ = crowd.signal("s-3", GOLD, r#""action": "modify", "of": "s-1", "stop_loss": "1.01""#).await;
    assert_eq!(kinds(&crowd.settled("s-3", 2).await), [OutcomeKind::Done]);
    assert_eq!(order(&crowd, 0), ("1.06".to_owned(), Some("1.01".to_owned())));
    let _ = crowd.signal("s-4", GOLD, r#""action": "close-all""#).await;
    assert_eq!(kinds(&crowd.settled("s-4", 2).await), [OutcomeKind::Done]);
    assert!(crowd.rig.gateways.floor(&id(0), |floor| floor.orders.is_empty()));
}

/// One account, whose order of signal `s-1` rests.
async fn with_an_order_that_rests() -> Crowd {
    let crowd = Crowd::open(1).await;
    let _ = crowd.signal("s-1", GOLD, LIMIT).await;
    crowd.reaches("s-1", 2, |report| kinds(report) == [OutcomeKind::Resting]).await;
    crowd
}

/// Price and stop loss of the first order of an account.
fn order(crowd: &Crowd, number: u32) -> (String, Option<String>) {
    let order = crowd.rig.gateways.floor(&id(number), |floor| floor.orders[0].clone());
    (order.price.to_string(), order.stop_loss.map(|it| it.to_string()))
}

#[tokio::test(start_paused = true)]
async fn the_stop_of_an_order_that_was_never_moved_reaches_the_broker() {
    let crowd = with_an_order_that_rests().await;
    let _ = crowd.signal("s-2", GOLD, r#""action": "modify", "of": "s-1", "stop_loss": "1.01""#).await;
    assert_eq!(kinds(&crowd.settled("s-2", 2).await), [OutcomeKind::Done]);
    assert_eq!(order(&crowd, 0), ("1.05".to_owned(), Some("1.01".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn rec_4_an_order_that_was_moved_stays_there_when_its_stop_changes_after_a_restart() {
    let mut crowd = with_an_order_that_rests().await;
    let _ = crowd.signal("s-2", GOLD, r#""action": "modify", "of": "s-1", "price": "1.06""#).await;
    crowd.settled("s-2", 2).await;
    crowd.restart().await;
    pass(5).await;
    let _ = crowd.signal("s-3", GOLD, r#""action": "modify", "of": "s-1", "stop_loss": "1.01""#).await;
    assert_eq!(kinds(&crowd.settled("s-3", 2).await), [OutcomeKind::Done]);
    assert_eq!(order(&crowd, 0), ("1.06".to_owned(), Some("1.01".to_owned())));
    let _ = crowd.signal("s-4", GOLD, r#""action": "modify", "of": "s-1", "price": "1.05""#).await;
    assert_eq!(kinds(&crowd.settled("s-4", 2).await), [OutcomeKind::Done]);
    assert_eq!(order(&crowd, 0).0, "1.05", "where it was placed is not where it rested");
}

#[tokio::test(start_paused = true)]
async fn rec_4_before_a_look_nobody_knows_where_an_order_of_before_the_restart_rests() {
    let mut crowd = with_an_order_that_rests().await;
    let _ = crowd.signal("s-2", GOLD, r#""action": "modify", "of": "s-1", "price": "1.06""#).await;
    crowd.settled("s-2", 2).await;
    crowd.rig.kill().await;
    crowd.rig.start().await;
    let report = crowd.signal("s-3", GOLD, r#""action": "modify", "of": "s-1", "stop_loss": "1.01""#).await;
    assert_eq!(
        report.lines[0].to_string(),
        "i0 blocked fact_missing: the order's price is not known; wait until the terminal reports it"
    );
}

#[tokio::test(start_paused = true)]
async fn an_order_that_a_person_moved_stays_there_when_its_stop_changes() {
    let crowd = with_an_order_that_rests().await;
    crowd.rig.gateways.floor(&id(0), |floor| floor.orders[0].price = "1.04".parse().unwrap());
    pass(60).await;
    let _ = crowd.signal("s-2", GOLD, r#""action": "modify", "of": "s-1", "stop_loss": "1.01""#).await;
    assert_eq!(kinds(&crowd.settled("s-2", 2).await), [OutcomeKind::Done]);
    assert_eq!(order(&crowd, 0), ("1.04".to_owned(), Some("1.01".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_the_price_is_beyond_is_refused_and_closes_nothing() {
    let crowd = Crowd::open(1).await;
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    crowd.settled("s-1", 2).await;
    let report = crowd.signal("s-2", GOLD, r#""action": "modify", "of": "s-1", "stop_loss": "1.95""#).await;
    assert!(report.lines[0].to_string().starts_with("i0 blocked stop_wrong_side"), "{report}");
    pass(60).await;
    assert_eq!((crowd.positions(0), crowd.sent(0)), (vec!["BUY 0.1".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_filled_although_it_was_withdrawn_is_closed() {
    let crowd = Crowd::open(1).await;
    crowd.fates(0, &[Fate::Unheard]);
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    let _ = crowd.signal("s-2", GOLD, r#""action": "close-all""#).await;
    let report = crowd.settled("s-2", 59).await;
    assert!(crowd.positions(0).is_empty(), "{report}");
    crowd.assert_once();
}

#[tokio::test(start_paused = true)]
async fn an_account_without_an_open_trade_says_so() {
    let crowd = Crowd::open(1).await;
    let report = crowd.signal("s-1", GOLD, r#""action": "close-all""#).await;
    assert_eq!(report.lines[0].to_string(), "i0 blocked nothing_open: no trade of ours is what it means");
}
