use warden_bridge::{Command, Outcome};
use warden_domain::Span;

use crate::hand::{Hand, id};

#[test]
fn net_2_a_terminal_that_crashed_is_gone_until_it_is_restarted() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "terminal_crash" }"#);
    let report = hand.reports(1, Span::ZERO).remove(0);
    assert!(!report.terminal_alive);
    assert_eq!((report.facts.terminal, report.facts.last_error), (None, Some(-10_004)));
    assert_eq!(hand.ask(1, Command::Reconnect).facts.last_error, Some(-10_004));
    assert_eq!(hand.ask(1, Command::Confirm).outcome, Outcome::Failed);
    assert_eq!(hand.ask(1, Command::Restart { force: false }).outcome, Outcome::Done);
    assert!(hand.truth(1).trade_permitted, "it logs in with what it was last told, as MT5 does");
}

#[test]
fn net_2_a_crash_loop_fails_every_restart_while_it_lasts() {
    for line in [
        r#"{ who = "acct-1", what = "terminal_crash_loop", for = "60s" }"#,
        r#"{ who = "acct-1", what = "terminal_crash", for = "60s" }"#,
    ] {
        let mut hand = Hand::logged_in(1);
        hand.fault(line);
        for _ in 0..3 {
            let failed = hand.ask(1, Command::Restart { force: false });
            assert_eq!((failed.outcome, failed.facts.last_error), (Outcome::Failed, Some(-10_003)));
        }
        assert!(!hand.truth(1).terminal_alive);
        let _ = hand.wait(Span::from_secs(60));
        assert_eq!(hand.ask(1, Command::Restart { force: false }).outcome, Outcome::Done);
    }
}

#[test]
fn net_2_a_terminal_that_runs_is_restarted_by_force_only() {
    let mut hand = Hand::logged_in(1);
    assert_eq!(hand.ask(1, Command::Restart { force: false }).outcome, Outcome::Failed);
    assert!(hand.truth(1).connected);
    assert_eq!(hand.ask(1, Command::Restart { force: true }).outcome, Outcome::Done);
}

#[test]
fn a_login_starts_a_terminal_that_does_not_run() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "terminal_crash" }"#);
    assert_eq!(hand.login(1).outcome, Outcome::Done);
    assert!(hand.world.journal(&id(1)).iter().any(|line| line.contains("started")));
}

#[test]
fn acc_7_an_ended_session_leaves_no_terminal_behind() {
    let mut hand = Hand::logged_in(1);
    assert_eq!(hand.ask(1, Command::EndSession).outcome, Outcome::Done);
    let truth = hand.truth(1);
    assert!(!truth.terminal_alive && !truth.connected && !truth.logged_in);
    assert_eq!(hand.ask(1, Command::Restart { force: false }).outcome, Outcome::Done);
    assert!(!hand.truth(1).logged_in, "what it was told to log in with is forgotten");
}
