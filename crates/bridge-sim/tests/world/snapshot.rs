//! What a terminal shows: open orders, positions, history, and what the gateway's inbox knows.

use warden_bridge::{Command, DealEntry, Order, OrderAction, Outcome, Pending, Snapshot, SnapshotQuery};
use warden_bridge_sim::{Bars, FleetPlan, Market};
use warden_domain::{AccountMode, Lots, Side, Span};

use crate::hand::{Hand, deal, query, reply, retcode, tagged};

fn hand(mode: AccountMode) -> Hand {
    let mut plan = FleetPlan::demo(1, 7);
    plan.accounts[0].mode = mode;
    let mut hand = Hand::of(plan, Market::usual(Bars::eurusd(), 7));
    hand.log_all_in();
    hand
}

fn buy(volume: f64) -> Order {
    Order { volume, ..deal(OrderAction::Deal(Side::Buy)) }
}

fn sell(volume: f64) -> Order {
    Order { volume, ..deal(OrderAction::Deal(Side::Sell)) }
}

fn lots(text: &str) -> Lots {
    text.parse().unwrap()
}

fn entries(snapshot: &Snapshot) -> Vec<(DealEntry, Lots, u64)> {
    snapshot.deals.iter().map(|deal| (deal.entry, deal.volume, deal.position)).collect()
}

#[test]
fn a_position_and_its_deal_and_order_are_shown_with_their_tag() {
    let mut hand = hand(AccountMode::Hedging);
    let opened = hand.order(1, Order { stop_loss: 1.05, ..buy(0.1) });
    let snapshot = hand.snapshot(1, &[]);
    let (reply, [position]) = (reply(&opened), &snapshot.positions[..]) else { panic!("{snapshot:?}") };
    assert!(snapshot.connected && snapshot.login == 5_001 && snapshot.server == "Broker-Live");
    assert_eq!((position.ticket, position.magic, position.volume), (reply.order, 42, lots("0.1")));
    assert_eq!((position.side, position.price.to_f64()), (Side::Buy, reply.price));
    assert_eq!((position.stop_loss, position.take_profit), (Some("1.05".parse().unwrap()), None));
    let [order] = &snapshot.past_orders[..] else { panic!("{snapshot:?}") };
    assert_eq!((order.ticket, order.position, order.volume), (reply.order, reply.order, lots("0.1")));
    let [deal] = &snapshot.deals[..] else { panic!("{snapshot:?}") };
    assert_eq!((deal.ticket, deal.order, deal.magic), (reply.deal, reply.order, 42));
    assert_eq!(entries(&snapshot), [(DealEntry::In, lots("0.1"), reply.order)]);
    let newest = snapshot.newest;
    assert_eq!((newest.order, newest.deal, newest.position), (reply.order, reply.deal, reply.order));
}

#[test]
fn on_hedging_a_close_by_anybody_is_shown_with_what_it_closed() {
    let mut hand = hand(AccountMode::Hedging);
    let position = reply(&hand.order(1, buy(0.3))).order;
    let close = OrderAction::Close { position };
    assert_eq!(retcode(&hand.order(1, tagged(43, Order { volume: 0.1, ..deal(close) }))), 10_009);
    hand.fault(r#"{ who = "acct-1", what = "hand_closes" }"#);
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!(snapshot.positions, []);
    assert_eq!(
        entries(&snapshot),
        [
            (DealEntry::In, lots("0.3"), position),
            (DealEntry::Out, lots("0.1"), position),
            (DealEntry::Out, lots("0.2"), position)
        ]
    );
    assert_eq!(snapshot.deals.iter().map(|deal| deal.magic).collect::<Vec<_>>(), [42, 43, 0]);
    assert_eq!(snapshot.past_orders.len(), 1, "the closing orders carry other tags: {snapshot:?}");
}

#[test]
fn on_netting_a_position_keeps_its_id_when_it_is_turned() {
    let mut hand = hand(AccountMode::Netting);
    let first = reply(&hand.order(1, buy(0.1))).order;
    assert_eq!(retcode(&hand.order(1, buy(0.1))), 10_009);
    assert_eq!(retcode(&hand.order(1, sell(0.1))), 10_009);
    let turned = reply(&hand.order(1, sell(0.3))).order;
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!(
        entries(&snapshot),
        [
            (DealEntry::In, lots("0.1"), first),
            (DealEntry::In, lots("0.1"), first),
            (DealEntry::Out, lots("0.1"), first),
            (DealEntry::InOut, lots("0.3"), first)
        ]
    );
    let [position] = &snapshot.positions[..] else { panic!("{snapshot:?}") };
    assert_eq!((position.ticket, position.side, position.volume), (turned, Side::Sell, lots("0.2")));
}

#[test]
fn the_past_is_asked_for_by_tag_by_ticket_and_by_time() {
    let mut hand = hand(AccountMode::Hedging);
    let ours = reply(&hand.order(1, buy(0.1))).deal;
    let theirs = reply(&hand.order(1, tagged(43, buy(0.1)))).deal;
    let mut deals = |query: SnapshotQuery| match hand.ask(1, Command::Snapshot(query)).outcome {
        Outcome::Snapshot(snapshot) => snapshot.deals.iter().map(|deal| deal.ticket).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(deals(query()), [ours]);
    assert_eq!(deals(SnapshotQuery { newer_than: 0, ..query() }), [ours, theirs]);
    assert_eq!(deals(SnapshotQuery { tags: vec![], newer_than: ours, ..query() }), [theirs]);
    assert!(deals(SnapshotQuery { tags: vec![], ..query() }).is_empty());
    let _ = hand.wait(Span::from_secs(3_600));
    let recent = SnapshotQuery { newer_than: 0, back: Span::from_secs(60), ..query() };
    let snapshot = match hand.ask(1, Command::Snapshot(recent)).outcome {
        Outcome::Snapshot(snapshot) => *snapshot,
        other => panic!("{other:?}"),
    };
    assert_eq!((snapshot.deals.len(), snapshot.newest.deal), (0, theirs), "the newest is known all the same");
    assert_eq!(snapshot.positions.len(), 2);
}

#[test]
fn an_order_is_open_until_it_is_cancelled_and_then_past() {
    let mut hand = hand(AccountMode::Hedging);
    let limit = Order { price: 1.05, ..deal(OrderAction::Place(Side::Buy, Pending::Limit)) };
    let order = reply(&hand.order(1, limit)).order;
    let snapshot = hand.snapshot(1, &[]);
    let [open] = &snapshot.orders[..] else { panic!("{snapshot:?}") };
    assert_eq!((open.ticket, open.price.to_f64(), open.volume), (order, 1.05, lots("0.1")));
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Cancel { order }))), 10_009);
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!((snapshot.orders.len(), snapshot.deals.len()), (0, 0));
    let [past] = &snapshot.past_orders[..] else { panic!("{snapshot:?}") };
    assert_eq!((past.ticket, past.position), (order, 0), "it opened nothing");
}

#[test]
fn without_a_connection_a_terminal_shows_what_it_remembers() {
    let mut hand = hand(AccountMode::Hedging);
    assert_eq!(retcode(&hand.order(1, buy(0.1))), 10_009);
    hand.fault(r#"{ who = "acct-1", what = "network_drop", for = "10s" }"#);
    hand.fault(r#"{ who = "acct-1", what = "hand_closes" }"#);
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!((snapshot.connected, snapshot.positions.len(), snapshot.deals.len()), (false, 1, 1));
    assert!(hand.truth(1).positions.is_empty(), "it was closed meanwhile");
    let _ = hand.wait(Span::from_secs(10));
    assert_eq!(hand.ask(1, Command::Reconnect).outcome, Outcome::Done);
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!((snapshot.connected, snapshot.positions.len(), snapshot.deals.len()), (true, 0, 2));
}

#[test]
fn a_stale_terminal_shows_what_it_remembers_for_a_while_after_a_login() {
    let mut hand = hand(AccountMode::Hedging);
    assert_eq!(retcode(&hand.order(1, buy(0.1))), 10_009);
    hand.fault(r#"{ who = "acct-1", what = "stale_memory(10s)" }"#);
    hand.fault(r#"{ who = "acct-1", what = "network_drop", for = "5s" }"#);
    hand.fault(r#"{ who = "acct-1", what = "hand_closes" }"#);
    let _ = hand.wait(Span::from_secs(5));
    assert_eq!(hand.ask(1, Command::Reconnect).outcome, Outcome::Done);
    let snapshot = hand.snapshot(1, &[]);
    assert!(snapshot.connected);
    assert_eq!((snapshot.positions.len(), snapshot.deals.len()), (1, 1), "as before the loss");
    let _ = hand.wait(Span::from_secs(10));
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!((snapshot.positions.len(), snapshot.deals.len()), (0, 2));
}

#[test]
fn a_late_history_shows_a_deal_after_its_position() {
    let mut hand = hand(AccountMode::Hedging);
    hand.fault(r#"{ who = "acct-1", what = "late_history(5s)" }"#);
    assert_eq!(retcode(&hand.order(1, buy(0.1))), 10_009);
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!((snapshot.positions.len(), snapshot.deals.len(), snapshot.past_orders.len()), (1, 0, 0));
    assert_eq!(snapshot.newest.deal, 0, "nor is it known otherwise");
    let _ = hand.wait(Span::from_secs(5));
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!((snapshot.deals.len(), snapshot.past_orders.len()), (1, 1));
}

#[test]
fn a_query_that_fails_says_nothing() {
    let mut hand = hand(AccountMode::Hedging);
    hand.fault(r#"{ who = "acct-1", what = "query_fails" }"#);
    let failed = hand.ask(1, Command::Snapshot(query()));
    assert_eq!((failed.outcome, failed.facts.last_error), (Outcome::Failed, Some(-10_002)));
    assert!(hand.snapshot(1, &[]).connected, "it befell one query");
    hand.fault(r#"{ who = "acct-1", what = "terminal_crash" }"#);
    let failed = hand.ask(1, Command::Snapshot(query()));
    assert_eq!((failed.outcome, failed.facts.last_error), (Outcome::Failed, Some(-10_004)));
}
