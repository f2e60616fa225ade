use warden_bridge::{Order, OrderAction, Outcome, Pending, TradeReply};
use warden_bridge_sim::{Bars, EntryKind, FleetPlan, Market, Reason, SymbolSpec};
use warden_domain::{AccountMode, Side, Span};

use crate::hand::{Hand, deal, retcode};

/// One account on a market that goes 1.10000 → 1.09000 → 1.12000 → 1.11000 in a minute; spread 12 points.
fn hand(mode: AccountMode) -> Hand {
    let bars = "time,open,high,low,close\n2020-01-01 00:00:00,1.1,1.12,1.09,1.11\n\
                2020-01-01 00:01:00,1.11,1.111,1.109,1.11\n";
    let market = Market::new(vec![(SymbolSpec::pair("EURUSD", 5), Bars::parse(bars).unwrap())]);
    let mut plan = FleetPlan::demo(1, 7);
    plan.accounts[0].mode = mode;
    let mut hand = Hand::of(plan, market);
    hand.log_all_in();
    hand
}

fn reply(outcome: &Outcome) -> TradeReply {
    match outcome {
        Outcome::Trade(reply) => *reply,
        other => panic!("a trade reply, not {other:?}"),
    }
}

fn bought(hand: &mut Hand, volume: f64) -> TradeReply {
    let finished = hand.order(1, Order { volume, ..deal(OrderAction::Deal(Side::Buy)) });
    assert_eq!(retcode(&finished), 10_009);
    reply(&finished.outcome)
}

#[test]
fn a_market_order_is_dealt_at_the_ask_and_stands_in_the_ledger() {
    let mut hand = hand(AccountMode::Hedging);
    let reply = bought(&mut hand, 0.1);
    // 100 ms into the bar, and 100 ms for the login: 1.1 less 0.01 × 0.2 s / 20 s, and the spread.
    assert_eq!((reply.volume, reply.price), (0.1, 1.10002));
    let [entry] = hand.world.ledger().entries() else { panic!("one entry") };
    assert_eq!((entry.kind, entry.reason, entry.side), (EntryKind::Deal, Reason::Client, Side::Buy));
    assert_eq!(
        (entry.magic, entry.login.number(), entry.ticket, entry.order),
        (42, 5_001, reply.deal, reply.order)
    );
    assert_eq!(hand.truth(1).positions, [(42, entry.position)]);
}

#[test]
fn hedging_keeps_a_position_for_each_deal_and_netting_one_for_the_symbol() {
    for (mode, positions) in [(AccountMode::Hedging, 2), (AccountMode::Netting, 1)] {
        let mut hand = hand(mode);
        bought(&mut hand, 0.1);
        bought(&mut hand, 0.2);
        assert_eq!(hand.truth(1).positions.len(), positions, "{mode:?}");
        let sold = hand.order(1, Order { volume: 0.3, ..deal(OrderAction::Deal(Side::Sell)) });
        assert_eq!(retcode(&sold), 10_009);
        let left = if mode == AccountMode::Netting { 0 } else { 3 };
        assert_eq!(hand.truth(1).positions.len(), left, "{mode:?}");
    }
}

#[test]
fn netting_turns_a_position_round_when_more_is_sold_than_held() {
    let mut hand = hand(AccountMode::Netting);
    let first = bought(&mut hand, 0.1);
    let sold = hand.order(1, Order { volume: 0.3, ..deal(OrderAction::Deal(Side::Sell)) });
    let [(magic, ticket)] = hand.truth(1).positions[..] else { panic!("one position") };
    assert_eq!((magic, ticket), (42, reply(&sold.outcome).order));
    assert_ne!(ticket, first.order, "it is another position");
    let position = OrderAction::Close { position: ticket };
    let closed = hand.order(1, Order { volume: 0.2, ..deal(position) });
    assert_eq!(retcode(&closed), 10_009);
    assert_eq!(hand.truth(1).positions, [], "0.2 were left");
}

#[test]
fn a_position_is_closed_in_part_and_as_a_whole() {
    let mut hand = hand(AccountMode::Hedging);
    let ticket = bought(&mut hand, 0.3).order;
    let close = |volume| Order { volume, ..deal(OrderAction::Close { position: ticket }) };
    assert_eq!(retcode(&hand.order(1, close(0.4))), 10_038);
    assert_eq!(retcode(&hand.order(1, close(0.1))), 10_009);
    let last = hand.order(1, close(0.0));
    assert_eq!(reply(&last.outcome).volume, 0.2);
    assert_eq!(retcode(&hand.order(1, close(0.0))), 10_036);
}

#[test]
fn pending_orders_trigger_when_the_market_comes_to_them() {
    let cases = [
        (OrderAction::Place(Side::Buy, Pending::Limit), 1.095),
        (OrderAction::Place(Side::Sell, Pending::Limit), 1.115),
        (OrderAction::Place(Side::Buy, Pending::Stop), 1.115),
    ];
    for (action, price) in cases {
        let mut hand = hand(AccountMode::Hedging);
        let placed = hand.order(1, Order { price, ..deal(action) });
        assert_eq!((retcode(&placed), placed.facts.ticket), (10_008, true));
        assert_eq!(hand.truth(1).orders.len(), 1);
        let reports = hand.reports(1, Span::from_secs(58));
        let truth = hand.truth(1);
        assert_eq!((truth.orders.len(), truth.positions.len()), (0, 1), "{action:?} at {price}");
        assert!(reports.iter().any(|report| report.positions == 1), "the change is reported");
        let kinds: Vec<_> = hand.world.ledger().entries().iter().map(|e| (e.kind, e.reason)).collect();
        assert_eq!(kinds, [(EntryKind::Placed, Reason::Client), (EntryKind::Deal, Reason::Trigger)]);
    }
}

#[test]
fn a_pending_order_is_cancelled_once() {
    let mut hand = hand(AccountMode::Hedging);
    let placed = hand.order(1, Order { price: 1.05, ..deal(OrderAction::Place(Side::Buy, Pending::Limit)) });
    let cancel = deal(OrderAction::Cancel { order: reply(&placed.outcome).order });
    assert_eq!(retcode(&hand.order(1, cancel.clone())), 10_009);
    assert_eq!(retcode(&hand.order(1, cancel)), 10_035);
}

#[test]
fn stop_loss_and_take_profit_close_a_position_at_the_market() {
    for (stop_loss, take_profit, reason) in [(1.095, 0.0, Reason::StopLoss), (0.0, 1.115, Reason::TakeProfit)]
    {
        let mut hand = hand(AccountMode::Hedging);
        let opened = hand.order(1, Order { stop_loss, take_profit, ..deal(OrderAction::Deal(Side::Buy)) });
        assert_eq!(retcode(&opened), 10_009);
        let _ = hand.wait(Span::from_secs(58));
        assert_eq!(hand.truth(1).positions, []);
        assert_eq!(hand.world.ledger().entries().last().unwrap().reason, reason);
    }
}

#[test]
fn a_position_is_protected_once() {
    let mut hand = hand(AccountMode::Hedging);
    let position = bought(&mut hand, 0.1).order;
    let protect = Order { stop_loss: 1.08, ..deal(OrderAction::Protect { position }) };
    assert_eq!(retcode(&hand.order(1, protect.clone())), 10_009);
    assert_eq!(retcode(&hand.order(1, protect)), 10_025);
}
