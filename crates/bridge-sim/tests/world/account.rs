use warden_bridge::{Command, Order, OrderAction, Outcome, Pending};
use warden_domain::{JournalLine, Side, Span, StopMode};

use crate::hand::{Hand, INSTALLATION, deal, retcode, tag, tagged};

fn closing(mode: StopMode) -> Command {
    Command::CloseTrades { mode, installation: INSTALLATION }
}

/// A deal of the installation.
fn ours() -> Order {
    tagged(tag(INSTALLATION, 41), deal(OrderAction::Deal(Side::Buy)))
}

#[test]
fn acc_1_a_disabled_account_is_refused_as_such() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "account_disabled" }"#);
    let report = hand.reports(1, Span::ZERO).remove(0);
    assert_eq!(report.facts.journal, Some(JournalLine::AccountDisabled));
    assert_eq!(hand.login(1).facts.journal, Some(JournalLine::AccountDisabled));
    assert!(!hand.truth(1).account_enabled);
}

#[test]
fn acc_2_a_closed_account_loses_its_session_and_is_unknown_from_then_on() {
    let mut hand = Hand::logged_in(1);
    assert_eq!(retcode(&hand.order(1, ours())), 10_009);
    hand.fault(r#"{ who = "acct-1", what = "account_closed" }"#);
    let report = hand.reports(1, Span::ZERO).remove(0);
    assert_eq!(report.facts.journal, Some(JournalLine::InvalidAccount));
    assert!(!report.facts.terminal.unwrap().connected && report.facts.account.is_none());
    assert_eq!(report.positions, 1, "what was last known");
    for _ in 0..2 {
        assert_eq!(hand.login(1).facts.journal, Some(JournalLine::InvalidAccount));
    }
    let closing = hand.ask(1, closing(StopMode::Close));
    assert_eq!(
        (closing.outcome.clone(), retcode(&closing)),
        (Outcome::Failed, 10_031),
        "the broker does not answer"
    );
}

#[test]
fn acc_5_an_investor_password_lets_in_but_not_trade() {
    let mut hand = Hand::logged_in(1);
    hand.fault(r#"{ who = "acct-1", what = "investor_mode" }"#);
    let report = hand.reports(1, Span::ZERO).remove(0);
    assert_eq!(report.facts.journal, Some(JournalLine::InvestorMode));
    assert_eq!(report.facts.trading_permitted(), Some(false));
    let login = hand.login(1);
    assert_eq!((login.outcome, login.facts.journal), (Outcome::Done, Some(JournalLine::InvestorMode)));
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_017);
}

#[test]
fn acc_5_revoked_permissions_come_back_when_the_fault_ends() {
    for (what, code) in [("permissions_revoked", 10_026), ("autotrading_off", 10_027)] {
        let mut hand = Hand::logged_in(1);
        hand.fault(&format!(r#"{{ who = "acct-1", what = "{what}", for = "30s" }}"#));
        assert_eq!(hand.reports(1, Span::ZERO)[0].facts.trading_permitted(), Some(false));
        assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), code);
        let reports = hand.reports(1, Span::from_secs(30));
        assert_eq!(reports.last().unwrap().facts.trading_permitted(), Some(true));
    }
}

/// Whose each of these is.
fn owners(open: &[(u64, u64)]) -> Vec<u64> {
    open.iter().map(|(magic, _)| *magic).collect()
}

#[test]
fn acc_7_trd_8_closing_trades_deals_with_the_installations_own_and_with_nothing_else() {
    let (ours, others, program) = (tag(INSTALLATION, 41), tag(INSTALLATION + 1, 41), 77);
    let all = || vec![ours, others, program];
    let left = || vec![others, program];
    for (mode, positions, orders) in [
        (StopMode::Close, left(), left()),
        (StopMode::CancelPending, all(), left()),
        (StopMode::Preserve, all(), all()),
    ] {
        // acct-5 has a position that was opened by hand.
        let mut hand = Hand::logged_in(5);
        for magic in [ours, others, program] {
            let bought = hand.order(5, tagged(magic, deal(OrderAction::Deal(Side::Buy))));
            assert_eq!(retcode(&bought), 10_009);
            let limit = Order { price: 0.9, ..deal(OrderAction::Place(Side::Buy, Pending::Limit)) };
            assert_eq!(retcode(&hand.order(5, tagged(magic, limit))), 10_008);
        }
        assert_eq!(hand.ask(5, closing(mode)).outcome, Outcome::Done);
        let truth = hand.truth(5);
        assert_eq!(owners(&truth.positions), [vec![0], positions].concat(), "{mode}");
        assert_eq!(owners(&truth.orders), orders, "{mode}");
    }
}

#[test]
fn acc_2_a_locked_book_refuses_to_close() {
    let mut hand = Hand::logged_in(1);
    assert_eq!(retcode(&hand.order(1, ours())), 10_009);
    hand.fault(r#"{ who = "acct-1", what = "reject(10028)", for = "30s" }"#);
    let closing = hand.ask(1, closing(StopMode::Close));
    assert_eq!((closing.outcome.clone(), retcode(&closing)), (Outcome::Failed, 10_028));
    assert_eq!(hand.truth(1).positions.len(), 1);
}
