use warden_bridge::{Command, CommandId, Inbound, Outcome, SendError};
use warden_domain::{Epoch, Span};

use crate::hand::{Hand, LATENCY, id};

#[test]
fn a_gateway_that_is_down_takes_its_terminals_sessions_with_it_and_brings_them_back() {
    let mut hand = Hand::logged_in(2);
    hand.fault(r#"{ who = "gateway:gw1", what = "gateway_down", for = "20s" }"#);
    assert_eq!(hand.wait(Span::ZERO), [Inbound::Down { instance: id(1) }, Inbound::Down { instance: id(2) }]);
    let envelope = hand.envelope(1, CommandId(900), Command::Confirm);
    assert_eq!(hand.world.command(envelope, hand.now), Err(SendError::NotConnected(id(1))));
    assert!(hand.truth(1).connected, "the terminal goes on");
    assert_eq!(hand.wait(Span::from_secs(19)), []);
    let up = |inbound: &Inbound| match inbound {
        Inbound::Up { instance, epoch, report } => Some((instance.clone(), *epoch, report.positions)),
        _ => None,
    };
    let back: Vec<_> = hand.wait(Span::from_secs(1)).iter().filter_map(up).collect();
    assert_eq!(back, [(id(1), Epoch(1), 0), (id(2), Epoch(1), 1)]);
}

#[test]
fn what_a_gateway_did_before_it_went_down_is_answered_from_its_inbox() {
    let mut hand = Hand::logged_in(1);
    let sent = hand.send(1, Command::Confirm);
    hand.fault(r#"{ who = "acct-1", what = "gateway_down", for = "5s" }"#);
    let said = hand.wait(Span::from_secs(5));
    assert!(!said.iter().any(|inbound| matches!(inbound, Inbound::Finished(_))), "the answer was lost");
    let envelope = hand.envelope(1, sent, Command::Confirm);
    hand.world.command(envelope, hand.now).unwrap();
    let said = hand.wait(Span::ZERO);
    assert!(
        matches!(&said[..], [Inbound::Finished(f)] if f.id == sent && matches!(f.outcome, Outcome::Session(_)))
    );
}

#[test]
fn a_command_seen_twice_runs_once() {
    let mut hand = Hand::logged_in(1);
    let sent = hand.send(1, Command::Confirm);
    let again = hand.envelope(1, sent, Command::Confirm);
    hand.world.command(again, hand.now).unwrap();
    let said = hand.wait(Span::from_secs(1));
    assert_eq!(said.iter().filter(|inbound| matches!(inbound, Inbound::Finished(_))).count(), 1, "{said:?}");
}

#[test]
fn a_stale_epoch_is_not_started() {
    let mut hand = Hand::logged_in(1);
    let mut newer = hand.envelope(1, CommandId(901), Command::Confirm);
    newer.epoch = Epoch(5);
    hand.world.command(newer, hand.now).unwrap();
    let older = hand.envelope(1, CommandId(902), Command::EndSession);
    hand.world.command(older, hand.now).unwrap();
    let said = hand.wait(Span::ZERO);
    assert!(
        matches!(&said[..], [Inbound::Finished(f)] if f.id == CommandId(902) && f.outcome == Outcome::NotStarted)
    );
    let _ = hand.wait(Span::from_secs(1));
    assert!(hand.truth(1).terminal_alive);
}

#[test]
fn a_slow_gateway_says_everything_late_and_in_order() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "gateway_slow(2s)", for = "3s" }"#);
    let sent = hand.send(1, Command::Confirm);
    let nearly = LATENCY.as_millis() + 1_999;
    assert_eq!(hand.wait(Span::from_millis(nearly)), []);
    let said = hand.wait(Span::from_millis(1));
    assert!(matches!(&said[..], [Inbound::Finished(finished)] if finished.id == sent), "{said:?}");
}

#[test]
fn what_a_slow_gateway_had_not_said_yet_dies_with_it() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "gateway_slow(10s)", for = "60s" }"#);
    hand.send(1, Command::Confirm);
    assert_eq!(hand.wait(Span::from_secs(5)), []);
    hand.fault(r#"{ who = "acct-1", what = "gateway_down", for = "30s" }"#);
    assert_eq!(hand.wait(Span::from_secs(25)), [Inbound::Down { instance: id(1) }]);
}
