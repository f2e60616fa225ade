//! NET-3: Redis goes away.

use warden_domain::{FailureReason, IncidentKind, Rule, Status};
use warden_policy::Notice;
use warden_tests::{Plan, World, keys};

#[test]
fn net_3_redis_killed_and_empty_again_gets_every_key_back_and_right() {
    let mut world =
        World::connected(Plan::quick(&["a", "b", "c", "rests"]).set("network.state_store.attempts", "100"));
    let rest = world.cli(&["stop", "rests"]);
    assert_eq!(rest.code, Some(0), "{rest:?}");
    world.wait_for("rests", "INACTIVE", "USER_STOPPED");
    let before = ["a", "b", "c"].map(|name| world.snapshot(name).0);
    world.redis.kill().unwrap();
    world.fault("a", "terminal_crash");
    let stop = world.cli(&["stop", "b"]);
    assert_eq!(stop.code, Some(0), "{stop:?}");
    world.redis.restart_empty().unwrap();
    world.wait_for("a", "CONNECTED", "TERMINAL_CRASHED");
    world.wait_for("b", "INACTIVE", "USER_STOPPED");
    world.wait_for("rests", "INACTIVE", "USER_STOPPED"); // nothing happened to it meanwhile
    world.wait_for_key("c", "status", "CONNECTED");
    for (name, old) in ["a", "b", "c"].into_iter().zip(before) {
        world.wait_for_state(name, "the store is known to be back", |state| {
            state.incident(IncidentKind::StateStoreLost).is_none()
        });
        let (now, _) = world.snapshot(name);
        assert!(now.version > old.version, "{name}: nothing is lost");
        let found = keys::names(&world.redis, name);
        for key in [
            "connection_state",
            "last_failure_reason",
            "last_login_attempt",
            "lease",
            "login_attempt_count",
            "login_failure_reason",
            "snapshot",
            "status",
        ] {
            assert!(found.iter().any(|it| it == key), "{name}: {key} is back; there are {found:?}");
        }
    }
    let story = world.judge();
    assert!(story.rules("c").contains(&Rule::Net3), "{:?}", story.rules("c"));
}

#[test]
fn net_3_a_redis_that_stays_away_stops_the_instances_after_five_attempts() {
    let mut world = World::connected(Plan::quick(&["a"]));
    world.redis.kill().unwrap();
    world.wait("the instance stops", || {
        let told = world.cli(&["why", "a", "--json"]);
        told.stdout.join("\n").contains(Notice::StateStoreGivenUp.text()).then_some(())
    });
    world.redis.restart_empty().unwrap();
    world.wait_for("a", "FAILED", "STATE_STORE_LOST");

    let story = world.judge();
    let attempts: Vec<u8> = story
        .states("a")
        .filter_map(|(_, state)| Some(state.incident(IncidentKind::StateStoreLost)?.attempt))
        .collect();
    assert!(attempts.is_sorted() && attempts.contains(&0) && attempts.contains(&4), "{attempts:?}");
    assert_eq!(story.notices("a", Notice::StateStoreGivenUp).len(), 1);
    let state = &story.last("a").step.state;
    assert_eq!(
        (state.status(), state.last_failure_reason()),
        (Status::Failed, FailureReason::StateStoreLost)
    );
}
