use warden_bridge::{Command, CommandId, Inbound, Order, OrderAction, Outcome};
use warden_domain::{Side, Span};

use crate::hand::{Hand, deal, retcode};

fn hand(fault: &str) -> Hand {
    let mut hand = Hand::logged_in(1);
    hand.fault(&format!(r#"{{ who = "acct-1", what = "{fault}" }}"#));
    hand
}

fn filled(outcome: &Outcome) -> (f64, f64) {
    match outcome {
        Outcome::Trade(reply) => (reply.volume, reply.price),
        other => panic!("a trade reply, not {other:?}"),
    }
}

#[test]
fn a_part_is_filled_in_whole_steps() {
    let mut hand = hand("partial_fill(45%)");
    let order = hand.order(1, deal(OrderAction::Deal(Side::Buy)));
    assert_eq!((retcode(&order), filled(&order.outcome).0), (10_010, 0.04));
    let order = hand.order(1, deal(OrderAction::Deal(Side::Buy)));
    assert_eq!((retcode(&order), filled(&order.outcome).0), (10_009, 0.1), "it befell one order");
}

#[test]
fn slippage_ignores_the_deviation() {
    let mut hand = hand("slippage(3000)");
    let slipped = filled(&hand.order(1, deal(OrderAction::Deal(Side::Buy))).outcome).1;
    let usual = filled(&hand.order(1, deal(OrderAction::Deal(Side::Buy))).outcome).1;
    assert!((slipped - usual - 0.03).abs() < 0.001, "{slipped} is 3,000 points worse than {usual}");
}

#[test]
fn trd_9_requotes_and_moving_prices_refuse_one_order() {
    for (fault, code) in [("requote", 10_004), ("price_changed", 10_020), ("no_quotes", 10_021)] {
        let mut hand = hand(fault);
        assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), code);
        assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_009);
    }
}

#[test]
fn a_lost_reply_leaves_a_deal_and_a_repeated_command_finds_it() {
    let mut hand = hand("lost_reply");
    let sent = hand.send(1, Command::Order(deal(OrderAction::Deal(Side::Buy))));
    let said = hand.wait(Span::from_secs(60));
    assert!(!said.iter().any(|inbound| matches!(inbound, Inbound::Finished(_))), "no answer ever");
    assert_eq!(hand.world.ledger().deals_of(42).count(), 1, "it executed");
    assert_eq!(hand.truth(1).positions.len(), 1);
    let probe = hand.ask(1, Command::Confirm);
    assert!(
        matches!(probe.outcome, Outcome::Session(session) if session.positions[0].0 == 42),
        "found by magic"
    );
    assert_ne!(sent, CommandId(0));
}

#[test]
fn a_duplicate_execution_is_seen_twice_under_one_magic() {
    let mut hand = hand("duplicate_execution");
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_009);
    assert_eq!(hand.world.ledger().deals_of(42).count(), 2);
    assert_eq!(hand.truth(1).positions.len(), 2);
}

#[test]
fn stops_misfire_while_it_lasts() {
    let mut hand = hand("sl_tp_misfire");
    let order = Order { take_profit: 1.0722, ..deal(OrderAction::Deal(Side::Buy)) };
    assert_eq!(retcode(&hand.order(1, order)), 10_009);
    let _ = hand.wait(Span::from_secs(3_000));
    assert_eq!(hand.truth(1).positions.len(), 1, "the price passed it, and the position stands");
    hand.world.clear_faults(hand.now);
    let _ = hand.wait(Span::from_secs(20_000));
    assert_eq!(hand.truth(1).positions.len(), 0);
}

#[test]
fn vanished_stops_are_gone() {
    let mut hand = Hand::logged_in(1);
    let order = Order { stop_loss: 1.0, ..deal(OrderAction::Deal(Side::Buy)) };
    assert_eq!(retcode(&hand.order(1, order.clone())), 10_009);
    hand.fault(r#"{ who = "acct-1", what = "sl_tp_vanish" }"#);
    let (_, position) = hand.truth(1).positions[0];
    let again = Order { action: OrderAction::Protect { position }, ..order };
    assert_eq!(retcode(&hand.order(1, again)), 10_009, "not 10025: there was no stop loss any more");
}
