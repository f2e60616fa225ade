//! NET-2: the terminal crashes.

use warden_domain::{FailureReason, IncidentKind, Rule, Status};
use warden_policy::{Command, Notice};
use warden_tests::{Plan, World, keys};

const RESTART: Command = Command::Restart { force: false };

#[test]
fn net_2_a_crashed_terminal_is_restarted_and_one_that_keeps_crashing_is_given_up_after_three() {
    let world = World::connected(Plan::quick(&["once", "always"]).set("network.crash.waits", r#"["3s"]"#));
    world.fault("once", "terminal_crash");
    world.fault("always", "terminal_crash_loop");
    world.wait_for("once", "FAILED", "TERMINAL_CRASHED");
    assert_eq!(keys::documented(&world.redis, "once")["connection_state"], "DISCONNECTED");
    world.wait_for("once", "CONNECTED", "TERMINAL_CRASHED");
    let state = world.wait_for_state("always", "it is given up", |state| {
        state.status() == Status::Failed && state.next_deadline().is_none()
    });
    assert_eq!(state.last_failure_reason(), FailureReason::TerminalCrashed);
    assert_eq!(keys::documented(&world.redis, "always")["connection_state"], "FAILED");

    let story = world.judge();
    assert_eq!(story.given_by("once", Rule::Net2, RESTART).len(), 1);
    assert_eq!(story.given_by("always", Rule::Net2, RESTART).len(), 3);
    let waits = story.waits("always", IncidentKind::TerminalCrashed);
    assert!(waits.len() == 3 && waits.iter().all(|wait| (3_000..=3_300).contains(wait)), "{waits:?}");
    assert_eq!(story.notices("always", Notice::RestartGivenUp).len(), 1);
    let confirmed = story.given_by("once", Rule::Ses1, Command::Confirm);
    assert!(confirmed.last() > story.given_by("once", Rule::Net2, RESTART).last(), "SES-1 after the restart");
}
