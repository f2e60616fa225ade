//! The life of a trade where nothing goes wrong, and what the trade server may say to it.

use warden_domain::{FailureReason, Gate, Magic, Side, TradeState};
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
    assert_eq!(desk.ends("s-1", TradeState::Closed, 4).await, End::Closed, "it is looked at at once");
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
    assert!(text.contains("warden_signal_latency_seconds_count 1"), "{text}");
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

#[tokio::test(start_paused = true)]
async fn a_resting_order_is_seen_when_it_is_filled_and_when_a_signal_cancels_it() {
    let desk = Desk::open(1).await;
    let limit = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "kind": "LIMIT", "price": "1.09", "sizing": "fixed", "lots": "0.1""#;
    let _ = desk.signal("s-1", "i0", limit).await;
    let trade = desk.reaches("s-1", TradeState::Placed, 1).await;
    pass(10).await;
    let order = trade.holdings().order.unwrap().number();
    desk.rig.gateways.floor(&id(0), |floor| floor.trigger(order));
    desk.reaches("s-1", TradeState::Filled, 40).await;
    let _ = desk.signal("s-2", "i0", limit).await;
    desk.reaches("s-2", TradeState::Placed, 1).await;
    let _ = desk.signal("c-2", "i0", r#""action": "close", "of": "s-2""#).await;
    desk.reaches("s-2", TradeState::Cancelled, 5).await;
    assert!(desk.rig.gateways.floor(&id(0), |floor| floor.orders.is_empty()));
    assert_eq!(desk.positions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn trd_2_a_fill_beyond_the_threshold_is_flattened_and_trading_pauses() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Worse(5_000)]);
    let _ = desk.buy("s-1", "EURUSD").await;
    assert_eq!(desk.ends("s-1", TradeState::Failed, 10).await, End::Slipped);
    assert!(desk.positions().is_empty());
    let gate = desk.rig.view(&id(0)).await.gate;
    assert!(matches!(gate, Gate::Paused { reason: FailureReason::Slippage, .. }), "{gate:?}");
    let _ = desk.buy("s-2", "EURUSD").await;
    let sent = desk.orders_sent();
    pass(20).await;
    assert_eq!(desk.orders_sent(), sent, "it waits for the gate");
    desk.reaches("s-2", TradeState::Filled, 20).await;
}

#[tokio::test(start_paused = true)]
async fn trd_5_a_stop_loss_that_vanished_is_set_again() {
    let desk = Desk::open(1).await;
    let what = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.1", "stop_loss": "1.09""#;
    let _ = desk.signal("s-1", "i0", what).await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(5).await;
    desk.rig.gateways.floor(&id(0), |floor| floor.positions[0].stop_loss = None);
    pass(45).await;
    let stop = desk.rig.gateways.floor(&id(0), |floor| floor.positions[0].stop_loss);
    assert_eq!(stop, Some("1.09".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn trd_5_a_price_beyond_the_stop_closes_what_the_trade_server_left_open() {
    let desk = Desk::open(1).await;
    let what = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.1", "stop_loss": "1.09""#;
    let _ = desk.signal("s-1", "i0", what).await;
    desk.reaches("s-1", TradeState::Filled, 1).await;
    pass(5).await;
    desk.rig.gateways.floor(&id(0), |floor| floor.quote("EURUSD", "1.0850", "1.0851"));
    assert_eq!(desk.ends("s-1", TradeState::Closed, 30).await, End::Closed);
    assert!(desk.positions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn trd_8_a_tag_of_ours_that_no_trade_knows_is_drift() {
    let desk = Desk::open(1).await;
    let tag = Magic::new(desk.rig.options.installation, 7).unwrap();
    desk.rig.gateways.floor(&id(0), |floor| floor.opened_by(tag.number(), "GBPUSD", Side::Buy, "0.5"));
    let _ = desk.buy("s-1", "EURUSD").await;
    pass(10).await;
    let text = desk.rig.fleet().registry().render();
    let alert = r#"alert="DriftFound""#;
    assert!(text.lines().any(|line| line.contains(alert) && line.ends_with(" 1")), "{text}");
    assert_eq!(desk.orders_sent(), 1, "it is not touched");
    assert_eq!(desk.rig.view(&id(0)).await.trades.externals, 0);
}

#[tokio::test(start_paused = true)]
async fn netting_a_position_collects_trades_and_each_ends_with_its_part() {
    let desk = Desk::netting().await;
    for key in ["s-1", "s-2"] {
        let _ = desk.buy(key, "EURUSD").await;
        desk.reaches(key, TradeState::Filled, 1).await;
    }
    pass(10).await;
    assert_eq!(desk.positions(), ["BUY 0.2 EURUSD"]);
    let _ = desk.signal("c-1", "i0", r#""action": "close", "of": "s-1""#).await;
    assert_eq!(desk.ends("c-1", TradeState::Closed, 5).await, End::Done);
    assert_eq!(desk.positions(), ["BUY 0.1 EURUSD"]);
    pass(60).await;
    assert_eq!(desk.newest("s-1").await.end(), Some(End::Closed));
    assert_eq!(desk.newest("s-2").await.state(), TradeState::Filled);
}
