use warden_domain::JournalLine;
use warden_policy::{Effects, Event};

use super::*;
use crate::invariant::story::{Happens, STARTED, UP, faults, refused};

/// The row as it would be, had its step told nobody.
fn silenced(row: &StepRow) -> StepRow {
    let mut silent = row.clone();
    silent.step.effects = Effects::default();
    silent
}

/// Three logins are refused, then the fourth works.
fn recovered() -> Vec<Happens> {
    let refusal = [refused(JournalLine::InvalidAccount), Happens::Deadline];
    [&STARTED[..], &refusal, &refusal, &refusal, &UP].concat()
}

/// Every login is refused, until the budget is used up.
fn given_up() -> Vec<Happens> {
    let refusal = [refused(JournalLine::InvalidAccount), Happens::Deadline];
    [&STARTED[..], &refusal, &refusal, &refusal, &refusal, &refusal[..1]].concat()
}

/// The connection of a session stays away.
fn lost_for_long() -> Vec<Happens> {
    let lost = [Happens::Event(Event::GatewayDown), Happens::Deadline];
    [&STARTED[..], &UP, &lost].concat()
}

#[test]
fn log_3_log_6_a_stop_and_a_recovery_of_which_nobody_is_told_are_seen() {
    for (story, fault) in [(given_up(), "stopped for"), (recovered(), "works again")] {
        let seen = |judge| faults(&story, &Params::default(), judge);
        assert_eq!(seen(|member, row, _| notified(member, row)), Vec::<String>::new(), "{fault}");
        let silent = seen(|member, row, _| notified(member, &silenced(row)));
        assert!(silent.iter().any(|what| what.contains(fault)), "{silent:?}");
    }
}

#[test]
fn net_4_a_long_disconnection_of_which_nobody_is_told_is_seen() {
    let seen = |judge| faults(&lost_for_long(), &Params::default(), judge);
    assert_eq!(seen(|member, row, _| a_long_loss_is_told(member, row)), Vec::<String>::new());
    let silent = seen(|member, row, _| a_long_loss_is_told(member, &silenced(row)));
    assert!(silent.iter().any(|what| what.contains("nobody is told")), "{silent:?}");
}

#[test]
fn log_5_an_alert_that_does_not_stand_is_seen() {
    let mut eager = Params::default();
    eager.login.alert_after = 2;
    assert_eq!(faults(&given_up(), &Params::default(), raised), Vec::<String>::new());
    // People who expect it after two refusals miss it.
    let seen = faults(&given_up(), &eager, raised);
    assert!(seen.iter().any(|what| what.contains("RepeatedLoginFailure")), "{seen:?}");
}
