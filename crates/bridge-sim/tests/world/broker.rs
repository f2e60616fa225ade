use warden_bridge::{Command, Inbound, OrderAction, Outcome};
use warden_domain::{JournalLine, Side, Span};

use crate::hand::{Hand, deal, retcode};

#[test]
fn brk_1_a_broker_that_is_down_serves_nobody_until_it_is_back() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "broker_down", for = "45s" }"#);
    let reports = hand.reports(1, Span::ZERO);
    let [report] = &reports[..] else { panic!("one report of the loss: {reports:?}") };
    assert!(!report.facts.terminal.unwrap().connected);
    assert_eq!(report.facts.journal, Some(JournalLine::NoConnection));
    assert!(report.terminal_alive);
    let refused = hand.ask(1, Command::Reconnect);
    assert_eq!(refused.outcome, Outcome::Failed);
    assert_eq!(refused.facts.journal, Some(JournalLine::ServiceUnavailable));
    assert_eq!(hand.ask(1, Command::Confirm).outcome, Outcome::Failed, "a lost connection is never flat");
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_031);
    let _ = hand.wait(Span::from_secs(45));
    assert!(!hand.truth(1).connected, "a terminal waits for its gateway");
    assert_eq!(hand.ask(1, Command::Reconnect).outcome, Outcome::Done);
    assert!(hand.truth(1).trade_permitted);
}

#[test]
fn brk_5_a_trade_server_goes_down_with_all_its_instances() {
    let mut hand = Hand::logged_in(9);
    hand.fault(r#"{ who = "server:Broker-Live", what = "broker_down", for = "60s" }"#);
    let connected: Vec<bool> = (1..=9).map(|at| hand.truth(at).connected).collect();
    assert_eq!(connected, [false, true, true, false, true, true, false, true, true]);
}

#[test]
fn brk_4_a_closed_market_answers_10018_until_it_opens() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "maintenance", for = "5m" }"#);
    let reports = hand.reports(1, Span::ZERO);
    assert_eq!(reports[0].facts.retcode, Some(10_018));
    assert!(hand.truth(1).connected, "a terminal stays connected while the market is closed");
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_018);
    let login = hand.login(1);
    assert_eq!((login.outcome.clone(), retcode(&login)), (Outcome::Failed, 10_018));
    let _ = hand.wait(Span::from_secs(300));
    assert_eq!(hand.login(1).outcome, Outcome::Done);
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_009);
}

#[test]
fn heartbeats_go_on_without_repeating_what_was_told_once() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "broker_down" }"#);
    let _ = hand.wait(Span::ZERO);
    let reports = hand.reports(1, Span::from_secs(20));
    assert_eq!(reports.len(), 4, "one every 5 s");
    assert!(reports.iter().all(|report| report.facts.journal.is_none() && report.facts.retcode.is_none()));
    assert!(hand.wait(Span::ZERO).iter().all(|inbound| !matches!(inbound, Inbound::Down { .. })));
}
