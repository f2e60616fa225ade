//! The life of a trade where nothing goes wrong, and what the trade server may say to it.

use warden_domain::{Side, TradeState};
use warden_policy::trade::End;

use super::Desk;
use crate::rig::{Fate, id, lots, pass, settle};

#[tokio::test(start_paused = true)]
async fn trd_7_a_signal_becomes_an_order_with_one_commit() {
    let desk = Desk::open(1).await;
    let commits = desk.rig.journal.appends.load(std::sync::atomic::Ordering::SeqCst);
    let began = desk.rig.now();
    let report = desk.buy("s-1", "EURUSD").await;
    assert_eq!(report.lines.len(), 1, "{report:?}");
    let after = desk.rig.journal.appends.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(after - commits, 1, "acceptance and SENDING are one row");
    assert_eq!(desk.kinds("s-1").await, ["ACCEPTED"]);
    let sent = desk.rig.gateways.moments(&id(0), "order");
    assert_eq!(sent, [began], "it left at once");
    assert_eq!(desk.newest("s-1").await.state(), TradeState::Submitting);
    let trade = desk.reaches("s-1", TradeState::Filled, 1).await;
    assert_eq!((trade.holdings().filled, trade.attempt().0), (lots("0.1"), 1));
    assert_eq!(desk.positions(), ["BUY 0.1 EURUSD"]);
    assert_eq!(desk.executions(), [1]);
}

#[tokio::test(start_paused = true)]
async fn trd_7_an_order_leaves_only_after_its_row_is_durable() {
    let desk = Desk::open(1).await;
    desk.rig.journal.fail(2);
    let _ = desk.buy("s-1", "EURUSD").await;
    for sent in desk.rig.gateways.sent().iter().filter(|sent| sent.kind() == "order") {
        let rows = desk.rows("s-1").await;
        assert!(rows.iter().any(|(row, _)| row.seq <= sent.head), "{sent:?}");
    }
    assert_eq!(desk.orders_sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn trd_7_what_is_shown_is_what_is_durable() {
    let desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    settle().await;
    let shown = desk.shown(&id(0));
    assert_eq!(shown.len(), 1, "{:?}", desk.rig.hot.keys(&id(0)));
    assert!(shown[0].contains("FILLED"), "{shown:?}");
}

#[tokio::test(start_paused = true)]
async fn trd_9_a_refusal_ends_it_and_a_requote_is_sent_again() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Refused(10_019), Fate::Refused(10_004), Fate::Executed]);
    let _ = desk.buy("s-1", "EURUSD").await;
    assert_eq!(desk.ends("s-1", TradeState::Rejected, 1).await, End::Refused(10_019));
    let _ = desk.buy("s-2", "EURUSD").await;
    let trade = desk.reaches("s-2", TradeState::Filled, 2).await;
    assert_eq!(trade.attempt().0, 2);
    assert_eq!(desk.positions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn trd_5_a_position_that_somebody_closed_ends_its_trade() {
    let desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    let trade = desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(5).await;
    let position = trade.holdings().position.unwrap().number();
    desk.rig.gateways.floor(&id(0), |floor| floor.closed_by_hand(position));
    desk.rig.gateways.tell_market(&id(0)).await;
    assert_eq!(desk.ends("s-1", TradeState::Closed, 5).await, End::Closed);
    assert!(desk.open_trade("s-1").await.is_none());
    assert_eq!(desk.orders_sent(), 1, "nothing was sent about it");
}

#[tokio::test(start_paused = true)]
async fn trd_5_it_is_noticed_also_where_nothing_tells() {
    let desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    let trade = desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(5).await;
    let position = trade.holdings().position.unwrap().number();
    desk.rig.gateways.floor(&id(0), |floor| {
        floor.closed_by_hand(position);
        floor.balance = 10_000.0;
    });
    assert_eq!(desk.ends("s-1", TradeState::Closed, 40).await, End::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_signal_closes_what_another_opened() {
    let desk = Desk::open(1).await;
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    let _ = desk.signal("c-1", "i0", r#""action": "close", "of": "s-1""#).await;
    assert_eq!(desk.ends("c-1", TradeState::Closed, 5).await, End::Done);
    assert_eq!(desk.ends("s-1", TradeState::Closed, 40).await, End::Closed);
    assert!(desk.positions().is_empty());
    assert_eq!(desk.executions(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn trd_1_the_rest_of_a_partial_fill_is_tried_once_more() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Part(0.04), Fate::Executed]);
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::PartiallyFilled, 1).await;
    let text = desk.rig.fleet().registry().render();
    let alert = r#"alert="PartialFillIncomplete""#;
    assert!(text.lines().any(|line| line.contains(alert) && line.ends_with(" 1")), "{text}");
    let trade = desk.reaches("s-1", TradeState::Filled, 20).await;
    assert_eq!(trade.holdings().filled, lots("0.1"));
    settle().await;
    let text = desk.rig.fleet().registry().render();
    assert!(!text.lines().any(|line| line.contains(alert) && line.ends_with(" 1")), "{text}");
}

#[tokio::test(start_paused = true)]
async fn trd_8_positions_of_others_are_counted_and_never_touched() {
    let desk = Desk::open(1).await;
    let manual = desk.rig.gateways.floor(&id(0), |floor| floor.opened_by_hand("EURUSD", Side::Sell, "1"));
    let _ = desk.buy("s-1", "EURUSD").await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    let _ = desk.signal("c-1", "i0", r#""action": "close-all""#).await;
    desk.ends("s-1", TradeState::Closed, 60).await;
    pass(60).await;
    let left = desk.rig.gateways.floor(&id(0), |floor| floor.positions.clone());
    assert_eq!(left.iter().map(|open| open.ticket).collect::<Vec<_>>(), [manual]);
}
