//! How logins end in the history, along every path by which the policy leaves one.

use warden_domain::{Facts, JournalLine, StopMode, TerminalFlags};
use warden_policy::{
    Escalation, Event, Outcome, Phase, Report, StateEvent, StateStoreEvent, Trouble, TroubleKind,
};
use warden_store::history::LoginOutcome;

use super::{
    rows::Teller,
    walk::{SESSION, Walk, fine, idle, line, ready},
};

/// A login under way, and what tells of the steps after it.
fn under_way() -> (Walk, Teller) {
    let (walk, records) = Walk::logging_in(0);
    (walk, Teller::after(records))
}

/// The same for an account that logged in before, so that a refusal speaks of the account.
fn under_way_again() -> (Walk, Teller) {
    let (mut walk, mut records) = Walk::up(0);
    records.push(walk.give(Event::Stop(StopMode::Preserve)));
    records.push(walk.give(Event::Start));
    records.extend(walk.log_in());
    (walk, Teller::after(records))
}

/// What the login under way comes to when it ends so.
fn ended(outcome: Outcome, facts: Facts) -> LoginOutcome {
    let (mut walk, mut teller) = under_way();
    let told = teller.tell(walk.end(outcome, facts)).events[0].login;
    assert_ne!(walk.state.phase(), Phase::LoggingIn);
    told
}

/// What it comes to when this happens meanwhile.
fn met(event: Event) -> LoginOutcome {
    let (mut walk, mut teller) = under_way();
    teller.tell(walk.give(event)).events[0].login
}

fn error(number: i32) -> Facts {
    Facts { last_error: Some(number), ..Facts::default() }
}

fn code(number: u32) -> Facts {
    Facts { retcode: Some(number), ..Facts::default() }
}

#[test]
fn log_6_a_login_that_leads_to_a_session_succeeded() {
    assert_eq!(ended(Outcome::Done, fine()), LoginOutcome::Succeeded);
    assert_eq!(ended(SESSION, fine()), LoginOutcome::Succeeded);
}

#[test]
fn log_6_the_confirmation_of_the_session_ends_no_login() {
    let (mut walk, mut teller) = under_way();
    teller.tell(walk.end(Outcome::Done, fine()));
    assert_eq!(teller.tell(walk.end(SESSION, fine())).events[0].login, LoginOutcome::None);
    assert_eq!(walk.state.phase(), Phase::Up);
}

#[test]
fn log_2_a_session_of_another_account_ends_no_login_and_is_an_incident() {
    let (mut walk, mut teller) = under_way();
    teller.tell(walk.end(Outcome::Done, fine()));
    let another = Outcome::Session { matches: false, reconciled: true, positions: 0 };
    let rows = teller.tell(walk.end(another, fine()));
    assert_eq!((rows.events[0].login, rows.incidents.len()), (LoginOutcome::None, 1));
}

#[test]
fn log_9_what_the_broker_refuses_is_refused() {
    assert_eq!(ended(Outcome::Failed, line(JournalLine::InvalidAccount)), LoginOutcome::Refused);
    assert_eq!(ended(Outcome::Failed, error(-6)), LoginOutcome::Refused);
    assert_eq!(ended(Outcome::Failed, line(JournalLine::AccountDisabled)), LoginOutcome::Refused);
    let both = Facts { journal: Some(JournalLine::InvalidAccount), ..code(10_008) };
    assert_eq!(ended(Outcome::Failed, both), LoginOutcome::Refused, "a line beats a retcode");
}

#[test]
fn log_3_the_last_refused_login_is_refused_too() {
    let (mut walk, mut teller) = under_way();
    let mut outcomes = Vec::new();
    for _ in 0..5 {
        for record in walk.log_in() {
            assert_eq!(teller.tell(record).events[0].login, LoginOutcome::None);
        }
        outcomes.push(teller.tell(walk.end(Outcome::Failed, error(-6))).events[0].login);
    }
    assert_eq!(outcomes, [LoginOutcome::Refused; 5]);
    assert!(matches!(walk.state.phase(), Phase::Stopped { .. }));
}

#[test]
fn acc_1_acc_2_a_login_that_proves_the_accounts_end_is_refused_each_time() {
    for proof in [JournalLine::InvalidAccount, JournalLine::AccountDisabled] {
        let (mut walk, mut teller) = under_way_again();
        let first = teller.tell(walk.end(Outcome::Failed, line(proof)));
        assert_eq!(first.events[0].login, LoginOutcome::Refused);
        assert_eq!(walk.state.login_attempt_count(), 0, "it is not counted as a wrong password");
        for record in walk.log_in() {
            teller.tell(record);
        }
        let second = teller.tell(walk.end(Outcome::Failed, line(proof)));
        assert_eq!(second.events[0].login, LoginOutcome::Refused);
        assert!(walk.state.closure().is_final());
    }
}

#[test]
fn acc_3_a_probe_that_the_network_loses_failed() {
    let (mut walk, mut teller) = under_way_again();
    teller.tell(walk.end(Outcome::Failed, line(JournalLine::InvalidAccount)));
    for record in walk.log_in() {
        teller.tell(record);
    }
    let rows = teller.tell(walk.end(Outcome::Failed, line(JournalLine::NoConnection)));
    assert_eq!(rows.events[0].login, LoginOutcome::Failed);
}

#[test]
fn acc_1_a_report_that_the_account_is_disabled_refuses_the_login_under_way() {
    let disabled = Report { facts: line(JournalLine::AccountDisabled), ..idle() };
    assert_eq!(met(Event::Report(disabled)), LoginOutcome::Refused);
}

#[test]
fn log_8_what_comes_to_nothing_for_another_reason_failed() {
    let without_connection = Facts {
        terminal: Some(TerminalFlags { connected: false, trade_allowed: true, tradeapi_disabled: false }),
        ..error(-6)
    };
    for facts in [
        Facts::default(),
        line(JournalLine::NoConnection),
        line(JournalLine::ServiceUnavailable),
        line(JournalLine::CommonError),
        line(JournalLine::InvestorMode),
        without_connection,
        error(-10_003),
        error(-10_005),
        code(10_024),
        code(10_008),
        code(10_018),
        code(10_031),
    ] {
        assert_eq!(ended(Outcome::Failed, facts), LoginOutcome::Failed, "{facts:?}");
    }
    for outcome in [Outcome::NotStarted, Outcome::NoCredentials, Outcome::CredentialsUnavailable] {
        assert_eq!(ended(outcome, Facts::default()), LoginOutcome::Failed, "{outcome:?}");
    }
}

#[test]
fn log_8_a_login_without_an_answer_in_time_failed() {
    let (mut walk, mut teller) = under_way();
    let rows = teller.tell(walk.tick());
    assert_eq!(rows.events[0].login, LoginOutcome::Failed);
    assert_eq!(walk.state.phase(), Phase::LoginDue);
}

#[test]
fn rec_4_a_login_whose_outcome_is_lost_failed() {
    assert_eq!(met(Event::Resume), LoginOutcome::Failed);
    assert_eq!(met(Event::GatewayDown), LoginOutcome::Failed);
    assert_eq!(met(Event::GatewayUp(idle())), LoginOutcome::Failed);
}

#[test]
fn rec_4_a_new_gateway_that_has_the_session_shows_that_the_login_succeeded() {
    let (mut walk, mut teller) = under_way_again();
    let rows = teller.tell(walk.give(Event::GatewayUp(ready())));
    assert_eq!(walk.state.phase(), Phase::Confirming);
    assert_eq!(rows.events[0].login, LoginOutcome::Succeeded);
}

#[test]
fn acc_7_a_login_that_people_or_stops_end_failed() {
    let stop = Trouble { kind: TroubleKind::Slippage, escalation: Escalation::Stop };
    for event in [
        Event::Stop(StopMode::Close),
        Event::ConfirmClosure,
        Event::StateStore(StateStoreEvent::Exhausted),
        Event::Trade(stop),
    ] {
        assert_eq!(met(event), LoginOutcome::Failed, "{event:?}");
    }
    let (mut walk, mut teller) = under_way();
    assert_eq!(
        teller.tell(walk.give(Event::State(StateEvent::Corrupted))).events[0].login,
        LoginOutcome::None
    );
    let rows = teller.tell(walk.give(Event::State(StateEvent::RebuildFailed)));
    assert_eq!(rows.events[0].login, LoginOutcome::Failed);
    let (mut walk, mut teller) = under_way();
    teller.tell(walk.give(Event::StateStore(StateStoreEvent::Lost { attempts: 0 })));
    assert_eq!(teller.tell(walk.give(Event::Reset)).events[0].login, LoginOutcome::Failed);
}

#[test]
fn what_leaves_the_login_under_way_ends_nothing() {
    for event in [
        Event::Hold,
        Event::Report(Report { positions: 4, ..idle() }),
        Event::UnresolvedSends(2),
        Event::StateStore(StateStoreEvent::Lost { attempts: 1 }),
    ] {
        assert_eq!(met(event), LoginOutcome::None, "{event:?}");
    }
}

#[test]
fn a_login_that_ends_and_is_followed_by_the_next_in_one_step_failed() {
    let (mut walk, records) = {
        let mut walk = Walk::new(0);
        walk.params.login.network_wait = warden_domain::Span::ZERO;
        let mut records = vec![walk.give(Event::Start), walk.give(Event::GatewayUp(idle()))];
        records.extend(walk.log_in());
        (walk, records)
    };
    let mut teller = Teller::after(records);
    let first = walk.state.awaited();
    let rows = teller.tell(walk.tick());
    assert_eq!(walk.state.phase(), Phase::LoggingIn);
    assert_ne!(walk.state.awaited(), first);
    assert_eq!(rows.events[0].login, LoginOutcome::Failed);
}
