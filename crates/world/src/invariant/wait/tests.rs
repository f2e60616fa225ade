use warden_domain::{JournalLine, Span};
use warden_policy::{Event, Outcome, params::Waits};

use super::*;
use crate::invariant::story::{
    CUT_OFF, Happens, NOT_PERMITTED, STARTED, UP, WELL, answered, faults, refused, report,
};

/// A story, and the number without which its wait is another.
type Case = (&'static str, Vec<Happens>, fn(&mut Params));

fn told(parts: &[&[Happens]]) -> Vec<Happens> {
    parts.concat()
}

fn cases() -> Vec<Case> {
    let lost = [Happens::Event(Event::GatewayDown)];
    let back = [Happens::Event(Event::GatewayUp(warden_policy::Report {
        terminal_alive: true,
        positions: 0,
        facts: CUT_OFF,
    }))];
    let fails = [Happens::Deadline, refused(JournalLine::CommonError)];
    let confirming = [Happens::Ends(Outcome::Done, WELL)];
    vec![
        ("LOG-2", told(&[&STARTED, &[refused(JournalLine::InvalidAccount)]]), |p| {
            p.login.waits = Waits::secs(&[4, 10, 30, 60]);
        }),
        ("LOG-8", told(&[&STARTED, &lost]), |p| p.login.network_wait = Span::from_secs(11)),
        ("NET-1", told(&[&STARTED, &UP, &lost]), |p| p.drop.waits = Waits::secs(&[3, 5, 10, 20, 40])),
        ("NET-4", told(&[&STARTED, &UP, &lost]), |p| p.drop.alert_after = Span::from_secs(29)),
        ("NET-5", told(&[&STARTED, &UP, &lost, &back, &fails]), |p| {
            p.drop.waits = Waits::secs(&[2, 8, 10, 20, 40]);
        }),
        (
            "BRK-1",
            told(&[&STARTED, &UP, &lost, &back, &[Happens::Deadline, refused(JournalLine::NoConnection)]]),
            |p| {
                p.down.reconnect_after = Span::from_secs(40);
            },
        ),
        ("NET-2", told(&[&STARTED, &UP, &[report(false, CUT_OFF)]]), |p| {
            p.crash.waits = Waits::secs(&[1, 10, 25]);
        }),
        ("BRK-2", told(&[&STARTED, &confirming, &[answered(10_024)]]), |p| {
            p.rate_limit.pause = Span::from_secs(50);
        }),
        ("BRK-4", told(&[&STARTED, &confirming, &[answered(10_018)]]), |p| {
            p.maintenance.retry_after = Span::from_secs(3_000);
        }),
        ("ACC-5", told(&[&STARTED, &confirming, &[Happens::Ends(SESSION, NOT_PERMITTED)]]), |p| {
            p.permissions.reconnect_after = Span::from_secs(80);
        }),
        ("REC-1", told(&[&STARTED, &UP, &lost, &back, &[Happens::Deadline], &UP]), |p| {
            p.recovery.healthy = Span::from_secs(500);
        }),
    ]
}

const SESSION: Outcome = Outcome::Session { matches: true, reconciled: true, positions: 0 };

#[test]
fn a_deadline_that_is_set_as_the_rules_do_not_say_is_seen() {
    for (rule, story, change) in cases() {
        let mut believed = Params::default();
        assert_eq!(faults(&story, &believed, set_as_ruled), Vec::<String>::new(), "{rule}");
        change(&mut believed);
        let seen = faults(&story, &believed, set_as_ruled);
        assert!(seen.iter().any(|fault| fault.contains(rule)), "{rule}: {seen:?}");
    }
}

#[test]
fn an_attempt_that_starts_without_its_deadline_is_seen() {
    let (_, story, _) = cases().swap_remove(4);
    let early: crate::invariant::story::Judged = |member, row, _| {
        let mut before = Member::default();
        before.state.clone_from(&member.state);
        // The same row, as if it had come before everything that it waited for.
        let row = StepRow { at: Timestamp::from_millis(0), ..row.clone() };
        attempts_are_due(&before, &row)
    };
    assert_eq!(
        faults(&story, &Params::default(), |m, row, _| attempts_are_due(m, row)),
        Vec::<String>::new()
    );
    let seen = faults(&story, &Params::default(), early);
    assert!(seen.iter().any(|fault| fault.contains("Login")), "{seen:?}");
    assert!(seen.iter().any(|fault| fault.contains("Reconnect")), "{seen:?}");
}

#[test]
fn an_attempt_that_is_brought_forward_is_seen() {
    // What is planned after the first refusal, seen as if it had been planned later before.
    let story = told(&[&STARTED, &[refused(JournalLine::InvalidAccount), Happens::Event(Event::Reset)]]);
    let judged = |member: &Member, row: &StepRow, _: &Params| none_is_brought_forward(member, row);
    assert_eq!(faults(&story, &Params::default(), judged), Vec::<String>::new());
    let by_nobody: crate::invariant::story::Judged =
        |member, row, _| none_is_brought_forward(member, &StepRow { kind: "REPORT", ..row.clone() });
    let seen = faults(&story, &Params::default(), by_nobody);
    assert!(seen.iter().any(|fault| fault.contains("Login was due")), "{seen:?}");
}

#[test]
fn a_question_to_the_terminal_that_a_restart_drops_is_no_attempt_brought_forward() {
    let unreconciled = Outcome::Session { matches: true, reconciled: false, positions: 0 };
    let story = told(&[
        &STARTED,
        &[Happens::Ends(Outcome::Done, WELL), Happens::Event(Event::Hold)],
        &[Happens::Ends(unreconciled, WELL)],
        &[Happens::Event(Event::Release { after: Span::from_secs(10) }), Happens::Event(Event::Resume)],
    ]);
    let judged = |member: &Member, row: &StepRow, _: &Params| none_is_brought_forward(member, row);
    assert_eq!(faults(&story, &Params::default(), judged), Vec::<String>::new());
}

#[test]
fn rec_1_a_recovery_that_did_not_last_and_is_not_counted_is_seen() {
    let lost = [Happens::Event(Event::GatewayDown)];
    let back = [report_up()];
    let story = told(&[&STARTED, &UP, &lost, &back, &[Happens::Deadline], &UP, &lost]);
    let judged: crate::invariant::story::Judged = |member, row, _| recoveries_are_counted(member, row);
    assert_eq!(faults(&story, &Params::default(), judged), Vec::<String>::new());
    let uncounted: crate::invariant::story::Judged = |member, row, _| {
        let mut row = row.clone();
        // The loss, with the count of before.
        if row.step.state.failed_recoveries() > 0
            && let Some(before) = &member.state
        {
            let mut forgetful = before.clone();
            let _ = warden_policy::step(
                &mut forgetful,
                &Event::Resume,
                row.at,
                &Params::default(),
                &mut warden_policy::Effects::default(),
            );
            row.step.state = forgetful;
        }
        recoveries_are_counted(member, &row)
    };
    let seen = faults(&story, &Params::default(), uncounted);
    assert!(seen.iter().any(|fault| fault.contains("failed recoveries")), "{seen:?}");
}

fn report_up() -> Happens {
    Happens::Event(Event::GatewayUp(warden_policy::Report {
        terminal_alive: true,
        positions: 0,
        facts: CUT_OFF,
    }))
}
