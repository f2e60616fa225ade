use warden_bridge::{Command, OrderAction, Outcome};
use warden_domain::{
    Side, Span,
    retcode::{Class, PlacedReading, class_of_retcode},
};

use crate::hand::{Hand, deal, retcode};

#[test]
fn brk_2_a_rate_limit_is_told_once_by_the_gateways_own_call() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "rate_limit" }"#);
    let reports = hand.reports(1, Span::from_secs(10));
    let limits = reports.iter().filter(|report| report.facts.retcode == Some(10_024)).count();
    assert_eq!(limits, 1);
    assert_eq!(hand.ask(1, Command::Confirm).facts.retcode, None, "it is over");
}

#[test]
fn brk_2_every_call_meets_a_rate_limit_that_lasts() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "rate_limit", for = "60s" }"#);
    for command in [Command::Confirm, Command::Reconnect, Command::Order(deal(OrderAction::Deal(Side::Buy)))]
    {
        let finished = hand.ask(1, command);
        assert_eq!(retcode(&finished), 10_024, "{finished:?}");
    }
    assert_eq!(retcode(&hand.login(1)), 10_024);
    let _ = hand.wait(Span::from_secs(60));
    assert_eq!(hand.login(1).outcome, Outcome::Done);
}

#[test]
fn brk_3_10008_without_a_ticket_is_a_rate_limit_and_with_one_it_is_harmless() {
    for (what, class) in [("rate_limit_10008", Class::RateLimit), ("placed_10008", Class::Success)] {
        let mut hand = Hand::logged_in(1);
        hand.fault(&format!(r#"{{ who = "acct-1", what = "{what}", for = "60s" }}"#));
        let facts = hand.reports(1, Span::ZERO)[0].facts;
        assert_eq!(facts.retcode, Some(10_008));
        assert_eq!(class_of_retcode(10_008, facts.ticket, PlacedReading::Evidence), class);
        let order = hand.order(1, deal(OrderAction::Deal(Side::Buy)));
        assert_eq!((retcode(&order), order.facts.ticket), (10_008, class == Class::Success));
        let executed = hand.world.ledger().deals_of(42).count();
        assert_eq!(executed, usize::from(class == Class::Success), "{what}");
    }
}
