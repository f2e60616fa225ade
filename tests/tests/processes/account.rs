//! ACC-1 to ACC-3, ACC-7: accounts that end, and people who stop them.

use warden_domain::{Desired, FailureReason, Gate, Status};
use warden_policy::{Command, Notice, StoreAction, account::Closure};
use warden_tests::{Plan, World, keys};

#[test]
fn acc_1_acc_2_acc_3_a_closed_account_leaves_nothing_in_redis_and_inactive_in_the_journal() {
    let world = World::connected(
        Plan::quick(&["closed", "disabled", "other"]).set("account.closure.proof_interval", r#""8s""#),
    );
    world.fault("closed", "account_closed");
    world.fault("disabled", "account_disabled");
    world.wait_for("closed", "FAILED", "ACCOUNT_CLOSED");
    for (name, reason) in [("closed", "ACCOUNT_CLOSED"), ("disabled", "ACCOUNT_DISABLED")] {
        let suspected = world.wait_for_state(name, reason, |state| state.closure().is_suspected());
        assert!(matches!(suspected.gate(), Gate::Shut(_)), "{name}: its gate shuts at the first proof");
    }
    for name in ["closed", "disabled"] {
        world.wait(&format!("no key of {name} is left"), || {
            world.redis.cli(&["KEYS", &format!("*{name}*")]).ok()?.is_empty().then_some(())
        });
    }
    let reset = world.cli(&["reset", "closed"]);
    assert_eq!(reset.code, Some(6), "LOG-7: not from a closed account");
    assert_eq!(keys::documented(&world.redis, "other")["status"], "CONNECTED");
    world.wait("the credentials are deleted", || {
        let told = world.cli(&["why", "disabled", "--json"]);
        let stdout = told.stdout.join("\n");
        stdout.contains("the credentials of the account were destroyed").then_some(())
    });

    let story = world.judge();
    for (name, reason) in
        [("closed", FailureReason::AccountClosed), ("disabled", FailureReason::AccountDisabled)]
    {
        let state = &story.last(name).step.state;
        assert_eq!((state.status(), state.last_failure_reason()), (Status::Inactive, reason), "{name}");
        assert_eq!((state.closure(), state.login_attempt_count()), (Closure::Done, 0), "{name}");
        assert_eq!(state.desired(), Desired::Stopped, "{name}");
        let steps = [StoreAction::Revoke, StoreAction::RemoveHotState, StoreAction::DeleteCredentials];
        let steps = steps.map(|action| story.actions(name, action).first().copied());
        assert!(steps.iter().all(Option::is_some) && steps.is_sorted(), "{name}: staged in order, {steps:?}");
        assert_eq!(story.notices(name, Notice::CredentialsDeleted).len(), 1, "{name}");
    }
    let proofs: Vec<_> = story
        .states("closed")
        .filter_map(|(_, state)| match state.closure() {
            Closure::Suspected { last_at, .. } => Some(last_at),
            Closure::None
            | Closure::Revoking
            | Closure::RemovingHotState
            | Closure::Deleting
            | Closure::Done => None,
        })
        .collect();
    let revoked = story.actions("closed", StoreAction::Revoke)[0];
    assert!(revoked.since(proofs[0]).as_millis() >= 8_000, "two proofs, 8 s apart at least");
}

#[test]
fn acc_7_a_user_stops_an_instance_and_starts_it_again() {
    let world = World::connected(Plan::quick(&["a"]));
    let stop = world.cli(&["stop", "a"]);
    assert_eq!(stop.code, Some(0), "{stop:?}");
    world.wait_for("a", "INACTIVE", "USER_STOPPED");
    assert_eq!(keys::documented(&world.redis, "a")["connection_state"], "DISCONNECTED");
    let nobody = world.cli(&["stop", "nobody"]);
    assert_eq!(nobody.code, Some(6), "an instance that is not there is refused");
    let start = world.cli(&["start", "a"]);
    assert_eq!(start.code, Some(0), "{start:?}");
    world.wait_for_key("a", "status", "CONNECTED");

    let story = world.judge();
    let commands: Vec<Command> = story.commands("a").into_iter().map(|given| given.command).collect();
    let closed = commands
        .iter()
        .position(|command| matches!(command, Command::CloseTrades(_)))
        .expect("trades are closed");
    assert_eq!(commands[closed + 1], Command::EndSession, "and then the session");
    let stopped = story
        .states("a")
        .find(|(_, state)| state.status() == Status::Inactive && state.desired() == Desired::Stopped);
    assert!(stopped.is_some());
}
