use warden_bridge::{Command, CommandId, DealEntry, Inbound, Order, OrderAction, Outcome, SendState};
use warden_bridge_sim::{EntryKind, Reason};
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

fn send(at: &Hand) -> Vec<(u64, Option<u32>)> {
    let entries = at.world.ledger().entries().iter();
    entries.map(|entry| (entry.magic, entry.send.map(|send| send.attempt))).collect()
}

fn buy() -> Order {
    deal(OrderAction::Deal(Side::Buy))
}

#[test]
fn trd_7_a_lost_result_executed_and_a_lost_request_did_not_and_both_look_the_same() {
    for (what, executed) in [("lost_result", 1), ("lost_request", 0)] {
        let mut hand = hand(what);
        let answer = hand.order(1, buy());
        assert_eq!((answer.outcome, answer.facts.last_error), (Outcome::Failed, Some(-10_005)), "{what}");
        assert_eq!(hand.world.ledger().deals_of(42).count(), executed, "{what}");
        assert_eq!(retcode(&hand.order(1, buy())), 10_009, "it befell one order");
    }
}

#[test]
fn trd_9_an_order_may_execute_whatever_it_is_answered_with() {
    let mut hand = hand("executed_as(10031)");
    let answer = hand.order(1, buy());
    assert_eq!((retcode(&answer), answer.facts.ticket), (10_031, false));
    assert_eq!(hand.world.ledger().deals_of(42).count(), 1);
}

#[test]
fn trd_3_a_delayed_execution_comes_after_the_answer_that_nobody_knows() {
    let mut hand = hand("delayed_execution(8s)");
    let answer = hand.order(1, buy());
    assert_eq!((retcode(&answer), answer.facts.ticket), (10_012, false));
    let _ = hand.wait(Span::from_millis(7_900));
    assert_eq!(hand.world.ledger().deals_of(42).count(), 0);
    let reports = hand.reports(1, Span::from_millis(200));
    assert_eq!(hand.world.ledger().deals_of(42).count(), 1);
    assert_eq!(reports.last().map(|report| report.positions), Some(1), "the change is reported");
}

#[test]
fn net_2_a_terminal_that_dies_after_an_order_leaves_its_deal() {
    let mut hand = hand("crash_after_order");
    let answer = hand.order(1, buy());
    assert_eq!((answer.outcome, answer.facts.last_error), (Outcome::Failed, Some(-10_002)));
    assert_eq!((hand.world.ledger().deals_of(42).count(), hand.truth(1).terminal_alive), (1, false));
    assert_eq!(hand.ask(1, Command::Restart { force: false }).outcome, Outcome::Done);
    let sent = hand.world.ledger().entries()[0].send.unwrap();
    let state = hand.snapshot(1, &[sent]).sends[0];
    assert_eq!(state, SendState::Interrupted);
}

#[test]
fn trd_7_what_executed_before_its_terminal_died_is_not_torn_off_as_well() {
    for seed in 0..20 {
        let mut hand = Hand::seeded(1, seed);
        hand.log_all_in();
        hand.fault(r#"{ who = "acct-1", what = "crash_after_order" }"#);
        let _ = hand.order(1, buy());
        let _ = hand.wait(Span::from_secs(30));
        assert_eq!(hand.world.ledger().deals_of(42).count(), 1);
    }
}

#[test]
fn trd_8_a_lost_tag_leaves_a_deal_without_it_that_the_ledger_still_knows() {
    let mut hand = hand("tag_lost");
    assert_eq!(retcode(&hand.order(1, buy())), 10_009);
    assert_eq!(send(&hand), [(0, Some(1))]);
    assert_eq!(hand.truth(1).positions[0].0, 0);
}

#[test]
fn trd_8_a_lookalike_is_a_person_doing_the_same() {
    let mut hand = hand("lookalike");
    assert_eq!(retcode(&hand.order(1, buy())), 10_009);
    let entries = hand.world.ledger().entries();
    assert_eq!(send(&hand), [(0, None), (42, Some(1))]);
    let (twin, ours) = (&entries[0], &entries[1]);
    assert_eq!((&twin.symbol, twin.side, twin.volume), (&ours.symbol, ours.side, ours.volume));
    assert_eq!(twin.reason, Reason::Hand);
}

#[test]
fn trd_8_people_and_other_programs_trade_beside_us() {
    for (what, magic, reason) in [("hand_opens", 0, Reason::Hand), ("program_opens", 20_240, Reason::Program)]
    {
        let hand = hand(what);
        let [entry] = hand.world.ledger().entries() else { panic!("one deal") };
        assert_eq!((entry.magic, entry.reason, entry.send), (magic, reason, None), "{what}");
    }
    let mut hand = hand("hand_places");
    assert_eq!((hand.truth(1).orders.len(), hand.truth(1).orders[0].0), (1, 0));
    assert_eq!(retcode(&hand.order(1, buy())), 10_009);
    hand.fault(r#"{ who = "acct-1", what = "hand_closes" }"#);
    assert_eq!(hand.truth(1).positions, []);
    let last = hand.world.ledger().entries().last().unwrap();
    assert_eq!((last.magic, last.reason, last.entry), (0, Reason::Hand, Some(DealEntry::Out)));
}

#[test]
fn trd_5_a_person_lowers_a_stop_loss() {
    let mut hand = Hand::logged_in(1);
    assert_eq!(retcode(&hand.order(1, Order { stop_loss: 1.05, ..buy() })), 10_009);
    hand.fault(r#"{ who = "acct-1", what = "sl_tp_moved(500)" }"#);
    let position = &hand.snapshot(1, &[]).positions[0];
    assert_eq!(position.stop_loss.map(|price| price.to_f64()), Some(1.045));
    let last = hand.world.ledger().entries().last().unwrap();
    assert_eq!((last.kind, last.reason), (EntryKind::Protected, Reason::Hand));
}

#[test]
fn net_1_a_gateway_whose_session_is_cut_goes_on_and_says_so_when_it_is_back() {
    let mut hand = Hand::logged_in(1);
    let sent = hand.send(1, Command::Order(buy()));
    hand.fault(r#"{ who = "acct-1", what = "session_cut", for = "10s" }"#);
    let said = hand.wait(Span::from_secs(9));
    assert!(matches!(&said[..], [Inbound::Down { .. }]), "{said:?}");
    assert_eq!(hand.world.ledger().deals_of(42).count(), 1, "it executed meanwhile");
    let said = hand.wait(Span::from_secs(1));
    let [Inbound::Up { .. }, Inbound::Finished(finished), ..] = &said[..] else { panic!("{said:?}") };
    assert_eq!((finished.id, retcode(finished)), (sent, 10_009));
}

#[test]
fn the_audit_counts_the_trade_servers_repetitions_apart() {
    let mut hand = hand("duplicate_execution");
    assert_eq!(retcode(&hand.order(1, buy())), 10_009);
    let audit = hand.world.audit();
    assert_eq!((audit.intents, audit.executions, audit.repeated), (1, 1, 1));
    assert!(audit.is_clean());
}
