//! ACC-6: what stands in Redis is not what was written there.

use warden_domain::{IncidentKind, Rule, Status};
use warden_policy::{Command, StoreAction};
use warden_tests::{Plan, World, keys};

#[test]
fn acc_6_a_damaged_snapshot_is_rebuilt_while_the_supervisor_runs() {
    let names = ["type", "version", "schema"];
    let world = World::connected(Plan::quick(&names));
    let key = |name: &str| format!("instance_state:{name}:snapshot");
    world.redis.cli(&["SET", &key("type"), "garbage"]).unwrap();
    world.redis.cli(&["HDEL", &key("version"), "version"]).unwrap();
    world.redis.cli(&["HSET", &key("schema"), "schema", "99"]).unwrap();
    for name in names {
        world.fault(name, "rate_limit"); // the next step finds it, unless it was found before
    }
    for name in names {
        world.wait(&format!("{name}: its snapshot is whole again"), || {
            let kind = world.redis.cli(&["TYPE", &key(name)]).ok()?;
            let schema = world.redis.cli(&["HGET", &key(name), "schema"]).ok()?;
            let version = world.redis.cli(&["HGET", &key(name), "version"]).ok()?;
            (kind == "hash" && schema != "99" && !version.is_empty()).then_some(())
        });
        world.wait_for_state(name, "it is over", |state| {
            state.status() == Status::Connected && state.incident(IncidentKind::StateCorrupted).is_none()
        });
    }
    let story = world.judge();
    for name in names {
        let opened =
            story.states(name).filter(|(_, state)| state.incident(IncidentKind::StateCorrupted).is_some());
        assert!(opened.count() > 0, "{name}: it is an incident");
        assert_eq!(story.actions(name, StoreAction::Rebuild).len(), 1, "{name}: one rebuild is enough");
        assert!(
            story.last(name).step.state.incident(IncidentKind::StateCorrupted).is_none(),
            "{name}: and it is over"
        );
        assert!(story.rules(name).contains(&Rule::Acc6), "{name}");
        assert!(
            story.given_by(name, Rule::Ses1, Command::Confirm).len() > 1,
            "{name}: the session is confirmed again"
        );
    }
}

#[test]
fn acc_6_what_was_damaged_while_no_supervisor_ran_is_rebuilt_at_the_start() {
    let names = ["status", "state", "gone"];
    let mut world = World::connected(Plan::quick(&names));
    world.kill_supervisor();
    world.redis.cli(&["SET", "instance_state:status:status", "BROKEN"]).unwrap();
    world.redis.cli(&["HSET", "instance_state:state:snapshot", "state", "other"]).unwrap();
    world.redis.cli(&["DEL", "instance_state:gone:snapshot", "instance_state:gone:status"]).unwrap();
    world.start_supervisor();
    world.wait_until_all_are_connected();
    for name in names {
        world.wait_for_state(name, "it is whole", |state| {
            state.incident(IncidentKind::StateCorrupted).is_none()
        });
        assert_eq!(keys::documented(&world.redis, name)["status"], "CONNECTED", "{name}");
    }
    let _ = world.judge();
}

#[test]
fn acc_6_a_damaged_journal_is_set_aside_and_the_incident_goes_on_from_redis() {
    let mut world = World::connected(Plan::quick(&["a", "b"]));
    world.fault("a", "broker_down");
    world.wait_for_state("a", "a later reconnect", |state| {
        state.incident(IncidentKind::BrokerDown).is_some_and(|incident| (2..=4).contains(&incident.attempt))
    });
    world.kill_supervisor();
    let (before, known) = world.snapshot("a");
    let head = world.path("data/journal/journal.head");
    let mut bytes = std::fs::read(&head).unwrap();
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
    std::fs::write(&head, bytes).unwrap();

    let refused = world.cli(&["run"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(world.path("data/journal/quarantine").is_dir(), "it is set aside, not deleted");
    world.start_supervisor();
    world.wait_for("a", "PERMANENTLY_FAILED", "BROKER_DOWN");
    world.wait_for_key("b", "status", "CONNECTED");

    let story = world.judge();
    let first = story.of("a").next().unwrap();
    assert!(first.row.version > before.version, "it goes on after what Redis held");
    let kept = first.step.state.incident(IncidentKind::BrokerDown).expect("the incident is kept");
    assert_eq!(Some(kept.opened_at), known.incident(IncidentKind::BrokerDown).map(|it| it.opened_at));
    let made = known.incident(IncidentKind::BrokerDown).expect("it is open").attempt;
    let left = story.given_by("a", Rule::Brk1, Command::Reconnect).len();
    assert_eq!(left, 5 - usize::from(made), "what was left of the five");
}
