use warden_bridge::{Command, Inbound, OrderAction, Outcome};
use warden_domain::{Side, Span};

use crate::hand::{Hand, deal, retcode};

#[test]
fn net_4_a_dropped_connection_says_nothing_but_that_it_is_gone() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "network_drop", for = "35s" }"#);
    let report = hand.reports(1, Span::ZERO).remove(0);
    assert!(!report.facts.terminal.unwrap().connected);
    assert_eq!((report.facts.journal, report.detail.as_str()), (None, ""));
    assert!(report.facts.account.is_some(), "the terminal still shows the account it was logged in with");
    let failed = hand.ask(1, Command::Reconnect);
    assert_eq!((failed.outcome, failed.facts.last_error), (Outcome::Failed, Some(-10_005)));
    let _ = hand.wait(Span::from_secs(35));
    assert_eq!(hand.ask(1, Command::Reconnect).outcome, Outcome::Done);
}

#[test]
fn net_1_an_order_without_a_connection_is_not_executed() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "network_drop", for = "5s" }"#);
    let failed = hand.order(1, deal(OrderAction::Deal(Side::Buy)));
    assert_eq!((failed.outcome.clone(), retcode(&failed)), (Outcome::Failed, 10_031));
    assert_eq!(hand.world.ledger().deals_of(42).count(), 0);
}

#[test]
fn two_drops_that_overlap_end_one_by_one() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "network_drop", for = "10s" }"#);
    hand.fault(r#"{ who = "acct-1", what = "network_drop", for = "20s" }"#);
    let _ = hand.wait(Span::from_secs(15));
    assert_eq!(hand.ask(1, Command::Reconnect).outcome, Outcome::Failed, "the longer one stands");
    let _ = hand.wait(Span::from_secs(10));
    assert_eq!(hand.ask(1, Command::Reconnect).outcome, Outcome::Done);
}

#[test]
fn a_terminal_that_hangs_answers_and_reports_nothing_until_it_is_over() {
    let mut hand = Hand::logged_in(1);
    let sent = hand.send(1, Command::Confirm);
    hand.fault(r#"{ who = "acct-1", what = "freeze", for = "20s" }"#);
    assert_eq!(hand.wait(Span::from_secs(19)), [], "no answer, no heartbeat");
    let said = hand.wait(Span::from_secs(1));
    let answered = |inbound: &Inbound| matches!(inbound, Inbound::Finished(f) if f.id == sent);
    assert!(said.iter().any(answered), "the call that hung came back: {said:?}");
}

#[test]
fn a_command_whose_deadline_passes_while_the_terminal_hangs_is_not_started() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "freeze", for = "60s" }"#);
    let sent = hand.send(1, Command::Order(deal(OrderAction::Deal(Side::Buy))));
    let said = hand.wait(Span::from_secs(61));
    let of = |inbound: &Inbound| match inbound {
        Inbound::Finished(finished) if finished.id == sent => Some(finished.outcome.clone()),
        _ => None,
    };
    assert_eq!(said.iter().find_map(of), Some(Outcome::NotStarted));
    assert!(hand.world.ledger().entries().is_empty());
}
