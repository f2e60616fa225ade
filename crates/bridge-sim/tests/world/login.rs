use warden_bridge::{Command, Outcome, message::Secret};
use warden_domain::{JournalLine, Login, TradeServer};

use crate::hand::{Hand, id};

#[test]
fn log_1_a_login_brings_a_connected_session() {
    let mut hand = Hand::new(1);
    assert!(!hand.truth(1).logged_in, "nobody is logged in at first");
    let finished = hand.login(1);
    assert_eq!(finished.outcome, Outcome::Done);
    assert_eq!(finished.facts.trading_permitted(), Some(true));
    assert!(hand.truth(1).trade_permitted);
    let journal = hand.world.journal(&id(1)).join("\n");
    assert!(journal.contains("'5001': authorized on Broker-Live"), "{journal}");
    assert!(journal.contains("trading has been enabled - hedging mode"), "{journal}");
}

#[test]
fn log_9_a_wrong_password_is_refused_in_mt5s_words() {
    let mut hand = Hand::new(1);
    let account = hand.plan.accounts[0].clone();
    let password = Secret::new("guess".into());
    let finished = hand.ask(1, Command::Login { login: account.login, server: account.server, password });
    assert_eq!(finished.outcome, Outcome::Failed);
    assert_eq!(finished.facts.journal, Some(JournalLine::InvalidAccount));
    assert_eq!(finished.facts.last_error, Some(-6));
    assert!(finished.detail.ends_with("'5001': authorization on Broker-Live failed (Invalid account)"));
    assert!(!hand.truth(1).logged_in);
}

#[test]
fn log_9_an_unknown_server_is_no_refusal() {
    let mut hand = Hand::new(1);
    let account = hand.plan.accounts[0].clone();
    let server = TradeServer::new("Nowhere").unwrap();
    let finished = hand.ask(1, Command::Login { login: account.login, server, password: account.password });
    assert_eq!(finished.outcome, Outcome::Failed);
    assert_eq!(finished.facts.journal, Some(JournalLine::NoConnection));
}

#[test]
fn ses_1_somebody_elses_account_is_not_the_expected_one() {
    let mut hand = Hand::new(4);
    let other = hand.plan.accounts[3].clone();
    let finished = hand.ask(
        1,
        Command::Login { login: other.login, server: other.server.clone(), password: other.password },
    );
    assert_eq!(finished.outcome, Outcome::Done);
    assert!(!finished.facts.account.unwrap().expected);
    let Outcome::Session(session) = hand.ask(1, Command::Confirm).outcome else { panic!("a session") };
    assert_eq!((session.login, session.server.as_str()), (other.login.number(), other.server.as_str()));
    assert!(!hand.truth(1).logged_in);
}

#[test]
fn log_9_a_login_that_does_not_exist_is_an_invalid_account() {
    let mut hand = Hand::new(1);
    let account = hand.plan.accounts[0].clone();
    let login = Login::new(99).unwrap();
    let finished = hand.ask(1, Command::Login { login, server: account.server, password: account.password });
    assert_eq!(finished.facts.journal, Some(JournalLine::InvalidAccount));
}

#[test]
fn log_6_flaky_logins_are_refused_so_many_times_and_then_work() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "login_flaky(2)" }"#);
    assert!(!hand.truth(1).connected, "the session ended");
    for _ in 0..2 {
        let finished = hand.login(1);
        assert_eq!(finished.outcome, Outcome::Failed);
        assert_eq!(finished.facts.journal, Some(JournalLine::InvalidAccount));
    }
    assert_eq!(hand.login(1).outcome, Outcome::Done);
}

#[test]
fn log_3_a_changed_password_is_refused_until_it_is_changed_back() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "wrong_password", for = "60s" }"#);
    for _ in 0..5 {
        assert_eq!(hand.login(1).facts.journal, Some(JournalLine::InvalidAccount));
    }
    let _ = hand.wait("60s".parse().unwrap());
    assert_eq!(hand.login(1).outcome, Outcome::Done);
}

#[test]
fn log_8_the_network_lost_during_a_login_refuses_nothing() {
    let mut hand = Hand::new(1);
    hand.fault(r#"{ who = "acct-1", what = "network_lost_during_login" }"#);
    let finished = hand.login(1);
    assert_eq!(finished.outcome, Outcome::Failed);
    assert_eq!((finished.facts.journal, finished.facts.last_error), (None, Some(-10_005)));
    assert_eq!(hand.login(1).outcome, Outcome::Done, "it happens once");
}
