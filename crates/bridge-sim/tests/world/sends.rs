//! The gateway's order inbox: each send at most once, whatever restarts.

use warden_bridge::{Command, Finished, Inbound, Order, OrderAction, Outcome, SendId, SendState};
use warden_domain::{Epoch, Side, Span};

use crate::hand::{Hand, deal, id, reply, retcode};

const SEND: SendId = SendId { magic: 42, attempt: 1 };

fn buy() -> Order {
    deal(OrderAction::Deal(Side::Buy))
}

fn state(hand: &mut Hand, send: SendId) -> SendState {
    hand.snapshot(1, &[send]).sends[0]
}

fn finished(said: Vec<Inbound>) -> Vec<Finished> {
    let of = |inbound| if let Inbound::Finished(finished) = inbound { Some(finished) } else { None };
    said.into_iter().filter_map(of).collect()
}

#[test]
fn trd_7_a_send_that_was_answered_is_answered_again_and_not_executed() {
    let mut hand = Hand::logged_in(1);
    assert_eq!(state(&mut hand, SEND), SendState::Unseen);
    let first = hand.ask(1, Command::Order(buy()));
    assert_eq!(retcode(&first), 10_009);
    let SendState::Answered { facts, reply: Some(kept) } = state(&mut hand, SEND) else { panic!("answered") };
    assert_eq!((kept, facts.retcode), (reply(&first), Some(10_009)));
    hand.fault(r#"{ who = "gateway:gw1", what = "gateway_down", for = "5s" }"#);
    let _ = hand.wait(Span::from_secs(5));
    let again = hand.ask(1, Command::Order(buy()));
    assert_eq!((reply(&again), again.facts), (kept, facts));
    assert_eq!(hand.world.ledger().deals_of(42).count(), 1);
}

#[test]
fn trd_7_a_send_runs_once_under_a_newer_epoch_too() {
    let mut hand = Hand::logged_in(1);
    assert_eq!(retcode(&hand.ask(1, Command::Order(buy()))), 10_009);
    let mut newer = hand.envelope(1, warden_bridge::CommandId(900), Command::Order(buy()));
    newer.epoch = Epoch(7);
    hand.world.command(newer, hand.now).unwrap();
    let said = finished(hand.wait(Span::from_secs(1)));
    assert!(matches!(&said[..], [one] if matches!(one.outcome, Outcome::Trade(_))), "{said:?}");
    assert_eq!(hand.world.ledger().deals_of(42).count(), 1);
}

#[test]
fn trd_7_a_send_that_came_too_late_is_never_started() {
    let mut hand = Hand::logged_in(1);
    let mut late = hand.envelope(1, warden_bridge::CommandId(900), Command::Order(buy()));
    late.deadline = hand.now;
    let _ = hand.wait(Span::from_millis(1));
    hand.world.command(late, hand.now).unwrap();
    assert_eq!(finished(hand.wait(Span::ZERO))[0].outcome, Outcome::NotStarted);
    assert_eq!(state(&mut hand, SEND), SendState::NotStarted);
    assert_eq!(hand.ask(1, Command::Order(buy())).outcome, Outcome::NotStarted, "for good");
    assert!(hand.world.ledger().entries().is_empty());
}

#[test]
fn trd_7_a_send_under_a_stale_epoch_is_not_started_and_a_known_one_stays_known() {
    let mut hand = Hand::logged_in(1);
    assert_eq!(retcode(&hand.ask(1, Command::Order(buy()))), 10_009);
    for attempt in [1, 2] {
        let order = Order { send: SendId { attempt, ..SEND }, ..buy() };
        let mut stale =
            hand.envelope(1, warden_bridge::CommandId(900 + u64::from(attempt)), Command::Order(order));
        stale.epoch = Epoch(0);
        hand.world.command(stale, hand.now).unwrap();
        assert_eq!(finished(hand.wait(Span::ZERO))[0].outcome, Outcome::NotStarted);
    }
    assert!(matches!(state(&mut hand, SEND), SendState::Answered { .. }));
    assert_eq!(state(&mut hand, SendId { attempt: 2, ..SEND }), SendState::NotStarted);
}

#[test]
fn what_waits_or_runs_is_in_progress_and_counted() {
    let mut hand = Hand::logged_in(1);
    hand.send(1, Command::Snapshot(crate::hand::query()));
    let second = hand.fresh(buy());
    let sent = second.send;
    let query = warden_bridge::SnapshotQuery { sends: vec![sent], ..crate::hand::query() };
    hand.send(1, Command::Snapshot(query));
    hand.send(1, Command::Order(second));
    let said = finished(hand.wait(Span::from_millis(200)));
    let [_, Finished { outcome: Outcome::Snapshot(snapshot), .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!((snapshot.waiting, snapshot.sends[0]), (1, SendState::InProgress));
    let _ = hand.wait(Span::from_secs(1));
    assert_eq!(hand.snapshot(1, &[]).waiting, 0);
}

#[test]
fn what_waits_at_a_gateway_that_dies_is_lost_and_was_not_begun() {
    let mut hand = Hand::logged_in(1);
    hand.send(1, Command::Confirm);
    hand.send(1, Command::Order(buy()));
    hand.fault(r#"{ who = "gateway:gw1", what = "gateway_down", for = "5s" }"#);
    let _ = hand.wait(Span::from_secs(30));
    assert_eq!(state(&mut hand, SEND), SendState::Unseen);
    assert!(hand.world.ledger().entries().is_empty());
}

/// How often of many worlds the order executed, when this befell it half-way.
fn executed_of(worlds: u64, befalls: impl Fn(&mut Hand)) -> u64 {
    let executed = |seed| {
        let mut hand = Hand::seeded(1, seed);
        hand.log_all_in();
        hand.send(1, Command::Order(buy()));
        let _ = hand.wait(Span::from_millis(50));
        befalls(&mut hand);
        let _ = hand.wait(Span::from_secs(30));
        hand.world.clear_faults(hand.now);
        let state = {
            assert_eq!(hand.ask(1, Command::Restart { force: true }).outcome, Outcome::Done);
            state(&mut hand, SEND)
        };
        let known = match state {
            SendState::Interrupted => true,
            SendState::Answered { facts, .. } => facts.retcode == Some(10_031),
            SendState::Unseen | SendState::InProgress | SendState::NotStarted => false,
        };
        assert!(known, "it was begun, and its end was not seen: {state:?}");
        let _ = hand.ask(1, Command::Order(buy()));
        let deals = hand.world.ledger().deals_of(42).count();
        assert!(deals <= 1 && hand.world.audit().is_clean(), "at most once");
        deals == 1
    };
    (0..worlds).map(|seed| u64::from(executed(seed))).sum()
}

#[test]
fn trd_7_an_order_whose_terminal_gateway_or_connection_dies_while_it_runs_may_have_executed() {
    for what in ["terminal_crash", "gateway_down", "network_drop", "broker_down"] {
        let executed = executed_of(40, |hand| {
            hand.fault(&format!(r#"{{ who = "acct-1", what = "{what}", for = "10s" }}"#));
        });
        assert!((5..=35).contains(&executed), "{what}: the seed decides, {executed} of 40");
    }
}

#[test]
fn what_was_torn_off_may_come_to_the_trade_server_later() {
    let late = (0..40).any(|seed| {
        let mut hand = Hand::seeded(1, seed);
        hand.log_all_in();
        hand.send(1, Command::Order(buy()));
        hand.fault(r#"{ who = "acct-1", what = "terminal_crash" }"#);
        let _ = hand.wait(Span::from_millis(500));
        let before = hand.world.ledger().deals_of(42).count();
        let _ = hand.wait(Span::from_secs(10));
        before == 0 && hand.world.ledger().deals_of(42).count() == 1
    });
    assert!(late);
}

#[test]
fn the_answer_of_a_terminal_that_died_says_that_nobody_knows() {
    let mut hand = Hand::logged_in(1);
    let sent = hand.send(1, Command::Order(buy()));
    hand.fault(r#"{ who = "acct-1", what = "terminal_crash" }"#);
    let said = finished(hand.wait(Span::from_secs(1)));
    let [one] = &said[..] else { panic!("{said:?}") };
    assert_eq!((one.id, &one.outcome, one.facts.last_error), (sent, &Outcome::Failed, Some(-10_002)));
    assert_eq!(one.instance, id(1));
}
