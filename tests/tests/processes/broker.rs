//! BRK-1, BRK-5: the broker is away.

use std::collections::BTreeMap;

use warden_domain::{ConnectionState, FailureReason, IncidentKind, Rule, Status, Timestamp};
use warden_policy::{Command, Notice};
use warden_tests::{Plan, World, keys};

#[test]
fn brk_1_ses_1_a_broker_that_is_down_is_failed_under_the_documented_keys_and_comes_back() {
    let world = World::connected(Plan::quick(&["a", "b"]));
    world.fault_for("a", "broker_down", "6s");
    world.wait_for("a", "FAILED", "BROKER_DOWN");
    let mut found = keys::documented(&world.redis, "a");
    let last_login = found.remove("last_login_attempt").expect("a login was attempted");
    let wanted = BTreeMap::from([
        ("status", "FAILED"),
        ("connection_state", "FAILED"),
        ("login_attempt_count", "0"),
        ("login_failure_reason", "NONE"),
        ("last_failure_reason", "BROKER_DOWN"),
    ]);
    assert_eq!(found, wanted.into_iter().map(|(key, text)| (key, text.to_owned())).collect());
    assert!(
        last_login.ends_with('Z') && Timestamp::parse(&last_login).is_ok(),
        "{last_login} is RFC 3339 in UTC"
    );

    world.wait("the alert", || world.alerts("BrokerDown", "a").then_some(()));
    assert!(!world.alerts("BrokerDown", "b"));

    world.wait_for("a", "CONNECTED", "BROKER_DOWN");
    world.wait("the end of the alert", || (!world.alerts("BrokerDown", "a")).then_some(()));
    assert_eq!(keys::documented(&world.redis, "a")["connection_state"], "CONNECTED");
    assert_eq!(keys::documented(&world.redis, "b")["last_failure_reason"], "NONE", "b is at another broker");

    let story = world.judge();
    let (begun, state) =
        story.states("a").find(|(_, state)| state.incident(IncidentKind::BrokerDown).is_some()).unwrap();
    assert_eq!((state.status(), state.connection_state()), (Status::Failed, ConnectionState::Failed));
    let attempts = story.given_by("a", Rule::Brk1, Command::Reconnect);
    assert!(!attempts.is_empty() && attempts.len() <= 5, "{attempts:?}");
    assert!(attempts[0].since(begun).as_millis() >= 1_000, "reconnect after 1 s, never earlier");
    let confirmed = story.given_by("a", Rule::Ses1, Command::Confirm);
    assert!(
        confirmed.iter().any(|at| *at > attempts[attempts.len() - 1]),
        "a session is confirmed before trading opens"
    );
}

#[test]
fn brk_1_five_reconnects_in_vain_fail_it_for_good() {
    let world = World::connected(Plan::quick(&["a"]).set("broker.down.reconnect_after", r#""500ms""#));
    world.fault("a", "broker_down");
    world.wait_for("a", "PERMANENTLY_FAILED", "BROKER_DOWN");
    assert_eq!(keys::documented(&world.redis, "a")["connection_state"], "FAILED");
    world.wait("the alert for a person", || world.alerts("InstanceStopped", "a").then_some(()));

    let story = world.judge();
    let attempts = story.given_by("a", Rule::Brk1, Command::Reconnect);
    assert_eq!(attempts.len(), 5);
    let waits = story.waits("a", IncidentKind::BrokerDown);
    assert!(waits.len() == 5 && waits.iter().all(|wait| (500..=550).contains(wait)), "{waits:?}");
    assert_eq!(story.notices("a", Notice::BrokerGivenUp).len(), 1);
    assert_eq!(story.last("a").step.state.next_deadline(), None, "only a person starts it again");
}

#[test]
fn brk_5_many_that_fail_together_are_one_incident_with_one_canary() {
    let names = ["a", "b", "c", "d"];
    let plan = Plan::quick(&names).at_one_server().set("broker.incident.release_spread", r#""1s""#);
    let world = World::connected(plan);
    world.fault_for("all", "broker_down", "5s");
    for name in names {
        world.wait_for_state(name, "its broker is away", |state| {
            state.incident(IncidentKind::NetworkLost).is_some()
                || state.incident(IncidentKind::BrokerDown).is_some()
        });
    }
    let held = |world: &World| names.iter().filter(|name| world.snapshot(name).1.is_held()).count();
    world.wait("three of the four wait", || (held(&world) == 3).then_some(()));
    let incident = || world.metric("warden_broker_incident_active{server=\"Broker-All\"}");
    world.wait("one alert for all", || (incident() == Some(1.0)).then_some(()));
    assert!(
        names.iter().filter(|name| world.alerts("BrokerDown", name)).count() <= 1,
        "and none of its members'"
    );
    world.wait_until_all_are_connected();
    let story = world.judge();
    let probes = |name: &&str| story.given_by(name, Rule::Brk1, Command::Reconnect).len();
    let of_held = names.iter().filter(|name| story.states(name).any(|(_, state)| state.is_held()));
    for name in of_held {
        let used = story
            .states(name)
            .filter_map(|(_, state)| state.incident(IncidentKind::BrokerDown))
            .map(|it| it.attempt);
        assert!(used.max().unwrap_or(0) <= 1, "{name} waited without using up its budget");
    }
    let prober = names.iter().filter(|name| story.states(name).all(|(_, state)| !state.is_held()));
    let prober: Vec<&&str> = prober.collect();
    assert_eq!(prober.len(), 1, "one canary probes");
    assert!(probes(prober[0]) >= 1, "and it probes on its own budget");
    assert!(story.path(prober[0]).contains(&(Status::Failed, FailureReason::BrokerDown)));
}
