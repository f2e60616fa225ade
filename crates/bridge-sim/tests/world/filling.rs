//! How orders are filled: filling modes, rests, stop-limit orders, changes of pending orders.

use warden_bridge::{Order, OrderAction, Pending};
use warden_bridge_sim::{Bars, EntryKind, FleetPlan, Market, Reason, SymbolSpec};
use warden_domain::{Filling, FillingModes, Lots, Side, Span};

use crate::hand::{Hand, deal, reply, retcode};

const ALL: [Filling; 3] = [Filling::FillOrKill, Filling::ImmediateOrCancel, Filling::Return];

/// One account on a market that goes 1.10000 → 1.09000 → 1.12000 → 1.11000 in a minute; spread 12 points.
fn hand(modes: &[Filling]) -> Hand {
    let bars = "time,open,high,low,close\n2020-01-01 00:00:00,1.1,1.12,1.09,1.11\n\
                2020-01-01 00:01:00,1.11,1.111,1.109,1.11\n";
    let spec = SymbolSpec { filling: FillingModes::of(modes), ..SymbolSpec::pair("EURUSD", 5) };
    let mut hand = Hand::of(FleetPlan::demo(1, 7), Market::new(vec![(spec, Bars::parse(bars).unwrap())]));
    hand.log_all_in();
    hand
}

fn buy(filling: Option<Filling>) -> Order {
    Order { filling, ..deal(OrderAction::Deal(Side::Buy)) }
}

fn place(side: Side, pending: Pending, price: f64) -> Order {
    Order { price, ..deal(OrderAction::Place(side, pending)) }
}

fn fault(hand: &mut Hand, what: &str) {
    hand.fault(&format!(r#"{{ who = "acct-1", what = "{what}" }}"#));
}

fn lots(text: &str) -> Lots {
    text.parse().unwrap()
}

#[test]
fn trd_9_a_filling_mode_that_the_symbol_does_not_allow_is_refused_with_10030() {
    for allowed in ALL {
        let mut hand = hand(&[allowed]);
        for asked in ALL {
            let code = if asked == allowed { 10_009 } else { 10_030 };
            assert_eq!(retcode(&hand.order(1, buy(Some(asked)))), code, "{asked:?} where {allowed:?}");
        }
        let (_, position) = hand.truth(1).positions[0];
        let close = Order { filling: Some(allowed), ..deal(OrderAction::Close { position }) };
        let other = Order { filling: ALL.into_iter().find(|mode| *mode != allowed), ..close.clone() };
        assert_eq!((retcode(&hand.order(1, other)), retcode(&hand.order(1, close))), (10_030, 10_009));
    }
    assert_eq!(retcode(&hand(&[Filling::FillOrKill]).order(1, buy(None))), 10_009, "type_filling 0 is FOK");
    assert_eq!(retcode(&hand(&[Filling::Return]).order(1, buy(None))), 10_030);
}

#[test]
fn trd_1_what_is_not_filled_is_cancelled_kept_or_refused_as_the_mode_says() {
    let cases = [
        (Filling::FillOrKill, 10_006, 0.0, 0),
        (Filling::ImmediateOrCancel, 10_010, 0.05, 0),
        (Filling::Return, 10_010, 0.05, 1),
    ];
    for (filling, code, filled, rests) in cases {
        let mut hand = hand(&ALL);
        fault(&mut hand, "partial_fill(50%)");
        let answer = hand.order(1, buy(Some(filling)));
        assert_eq!((retcode(&answer), reply(&answer).volume), (code, filled), "{filling:?}");
        assert_eq!(hand.snapshot(1, &[]).orders.len(), rests, "{filling:?}");
    }
}

#[test]
fn trd_1_the_rest_of_an_order_fills_later_into_the_same_position() {
    let mut hand = hand(&[Filling::Return]);
    fault(&mut hand, "partial_fill(40%)");
    let order = reply(&hand.order(1, buy(Some(Filling::Return)))).order;
    let snapshot = hand.snapshot(1, &[]);
    let ([open], [position]) = (&snapshot.orders[..], &snapshot.positions[..]) else {
        panic!("{snapshot:?}")
    };
    assert_eq!((open.ticket, open.volume, position.volume), (order, lots("0.06"), lots("0.04")));
    let _ = hand.wait(Span::from_secs(10));
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!((snapshot.orders.len(), snapshot.positions.len()), (0, 1));
    assert_eq!(snapshot.positions[0].volume, lots("0.1"));
    assert!(snapshot.deals.iter().all(|deal| (deal.order, deal.position) == (order, order)), "{snapshot:?}");
    assert_eq!(snapshot.past_orders[0].volume, lots("0.1"));
    assert!(hand.world.audit().is_clean());
}

#[test]
fn trd_1_a_rest_that_never_fills_stays_until_it_is_cancelled() {
    let mut hand = hand(&[Filling::Return]);
    fault(&mut hand, "partial_fill_forever(0%)");
    let placed = hand.order(1, buy(Some(Filling::Return)));
    assert_eq!((retcode(&placed), reply(&placed).deal), (10_008, 0), "nothing of it was filled");
    let _ = hand.wait(Span::from_secs(600));
    let order = reply(&placed).order;
    assert_eq!(hand.truth(1).orders, [(42, order)]);
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Cancel { order }))), 10_009);
    assert_eq!((hand.truth(1).orders.len(), hand.truth(1).positions.len()), (0, 0));
}

#[test]
fn a_stop_limit_order_becomes_a_limit_order_at_its_stop_and_fills_at_its_limit() {
    let mut hand = hand(&ALL);
    // 1.12 comes after 40 s, and then the price falls to 1.11.
    let order = place(Side::Buy, Pending::StopLimit { limit: 1.112 }, 1.118);
    assert_eq!(retcode(&hand.order(1, order)), 10_008);
    let _ = hand.wait(Span::from_secs(39));
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!(snapshot.orders[0].price.to_f64(), 1.112, "it was triggered");
    let _ = hand.wait(Span::from_secs(20));
    let snapshot = hand.snapshot(1, &[]);
    assert_eq!((snapshot.orders.len(), snapshot.positions.len()), (0, 1));
    assert!(snapshot.deals[0].price.to_f64() <= 1.112, "{snapshot:?}");
}

#[test]
fn trd_9_a_pending_price_on_the_wrong_side_is_refused() {
    let cases = [
        place(Side::Buy, Pending::Limit, 1.115),
        place(Side::Buy, Pending::Stop, 1.095),
        place(Side::Sell, Pending::Limit, 1.095),
        place(Side::Sell, Pending::Stop, 1.115),
        place(Side::Buy, Pending::StopLimit { limit: 1.12 }, 1.115),
        place(Side::Sell, Pending::StopLimit { limit: 1.08 }, 1.09),
        place(Side::Buy, Pending::StopLimit { limit: f64::NAN }, 1.115),
    ];
    for order in cases {
        assert_eq!(retcode(&hand(&ALL).order(1, order.clone())), 10_015, "{order:?}");
    }
}

#[test]
fn a_pending_order_is_changed_once_and_where_it_may_be() {
    let mut hand = hand(&ALL);
    let order = reply(&hand.order(1, place(Side::Buy, Pending::Limit, 1.05))).order;
    let modify = |price, stop_loss| Order { price, stop_loss, ..deal(OrderAction::Modify { order }) };
    assert_eq!(retcode(&hand.order(1, modify(1.06, 1.04))), 10_009);
    assert_eq!(retcode(&hand.order(1, modify(1.06, 1.04))), 10_025);
    assert_eq!(retcode(&hand.order(1, modify(1.2, 0.0))), 10_015);
    assert_eq!(retcode(&hand.order(1, modify(1.06, 1.08))), 10_016);
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Modify { order: 77 }))), 10_035);
    let snapshot = hand.snapshot(1, &[]);
    let [open] = &snapshot.orders[..] else { panic!("{snapshot:?}") };
    assert_eq!((open.ticket, open.magic, open.price.to_f64()), (order, 42, 1.06));
    assert_eq!(open.stop_loss.map(|price| price.to_f64()), Some(1.04));
    let kinds: Vec<_> = hand.world.ledger().entries().iter().map(|e| (e.kind, e.reason)).collect();
    assert_eq!(kinds, [(EntryKind::Placed, Reason::Client), (EntryKind::Modified, Reason::Client)]);
}

#[test]
fn trd_2_a_price_beyond_the_deviation_is_requoted() {
    let mut hand = hand(&ALL);
    let away = |points: f64| Order { price: 1.10002 - points / 1e5, deviation: 20, ..buy(Some(ALL[0])) };
    assert_eq!(retcode(&hand.order(1, away(19.0))), 10_009);
    assert_eq!(retcode(&hand.order(1, away(500.0))), 10_004);
}
