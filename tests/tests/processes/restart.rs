//! REC-4: the supervisor is killed in the middle of incidents and goes on where it was.

use warden_domain::{Epoch, Gate, IncidentKind, Rule, Status, Timestamp};
use warden_policy::{Command, Instance, Notice, Phase, StoreAction, account::Closure};
use warden_tests::{Plan, Story, World};

const RESTART: Command = Command::Restart { force: false };
const NAMES: [&str; 6] = ["broker", "login", "crash", "limited", "closed", "calm"];

/// Waits long enough beside the time an attempt takes, so that all incidents wait at once for a while.
fn plan() -> Plan {
    Plan::quick(&NAMES)
        .set("broker.down.reconnect_after", r#""6s""#)
        .set("broker.down.attempts", "3")
        .set("login.waits", r#"["6s"]"#)
        .set("login.attempts", "6")
        .set("network.crash.waits", r#"["7s"]"#)
        .set("broker.rate_limit.pause", r#""24s""#)
        .set("broker.rate_limit.pause_cap", r#""60s""#)
        .set("account.closure.proof_interval", r#""24s""#)
        .fault("0s", "login", "login_flaky(9)")
}

fn attempts(state: &Instance, kind: IncidentKind) -> u8 {
    state.incident(kind).map_or(0, |incident| incident.attempt)
}

/// Something was tried already, and the next attempt waits for its time.
fn is_in_the_middle(name: &str, state: &Instance) -> bool {
    match name {
        "broker" => {
            state.phase() == Phase::Waiting(IncidentKind::BrokerDown)
                && attempts(state, IncidentKind::BrokerDown) > 0
        }
        "login" => state.phase() == Phase::LoginDue && state.login_attempt_count() > 0,
        "crash" => state.phase() == Phase::Waiting(IncidentKind::TerminalCrashed),
        "limited" => matches!(state.gate(), Gate::Paused { .. }),
        "closed" => state.closure().is_suspected(),
        _ => state.status() == Status::Connected,
    }
}

#[test]
fn rec_4_counters_and_deadlines_go_on_after_a_kill_in_the_middle_of_incidents() {
    let mut world = World::start(plan());
    for name in NAMES.iter().filter(|name| **name != "login") {
        world.wait_for_key(name, "status", "CONNECTED");
    }
    world.fault("broker", "broker_down");
    world.fault("crash", "terminal_crash_loop");
    world.fault("limited", "rate_limit");
    world.fault("closed", "account_closed");
    world.wait("every incident to be in its middle", || {
        NAMES.iter().all(|name| is_in_the_middle(name, &world.snapshot(name).1)).then_some(())
    });
    world.kill_supervisor();
    world.start_supervisor();

    world.wait_for("broker", "PERMANENTLY_FAILED", "BROKER_DOWN");
    world.wait_for("login", "FAILED", "LOGIN_FAILED");
    world.wait_for_state("crash", "it is given up", |state| {
        state.status() == Status::Failed && state.next_deadline().is_none()
    });
    world.wait_for_state("limited", "the pause ends", |state| state.gate() == Gate::Open);
    world.wait("no key of the closed account is left", || {
        world.redis.cli(&["KEYS", "*closed*"]).ok()?.is_empty().then_some(())
    });
    world.wait_for_key("calm", "status", "CONNECTED");

    let story = world.judge();
    assert_eq!(
        story.given_by("broker", Rule::Brk1, Command::Reconnect).len(),
        3,
        "the budget did not begin again"
    );
    assert_eq!(story.given_by("login", Rule::Log2, Command::Login).len(), 6, "the count did not begin again");
    assert_eq!(story.given_by("crash", Rule::Net2, RESTART).len(), 3, "the budget did not begin again");
    for (name, kind, command) in [
        ("broker", IncidentKind::BrokerDown, Command::Reconnect),
        ("login", IncidentKind::LoginFailed, Command::Login),
        ("crash", IncidentKind::TerminalCrashed, RESTART),
    ] {
        goes_on(&story, name, kind, command);
    }
    let (before, after) = halves(&story, "limited");
    let until = |state: &Instance| match state.gate() {
        Gate::Paused { until, .. } => until,
        Gate::Open | Gate::ReduceOnly(_) | Gate::Shut(_) => Timestamp::MAX,
    };
    let planned = until(&before[before.len() - 1].1);
    let (opened, _) = after.iter().find(|(_, state)| state.gate() == Gate::Open).expect("the pause ended");
    assert!(*opened >= planned, "the pause ended at its time and not before: {opened} ≥ {planned}");
}

/// What was journalled before the kill, and what afterwards.
type Half = Vec<(Timestamp, Instance)>;

fn halves(story: &Story, name: &str) -> (Half, Half) {
    let first: Epoch = story.of(name).next().expect("it was journalled").row.epoch;
    let all = story.of(name).map(|told| (told.row.epoch == first, (told.row.at, told.step.state.clone())));
    let (before, after): (Vec<_>, Vec<_>) = all.partition(|(first, _)| *first);
    let strip = |half: Vec<(bool, (Timestamp, Instance))>| half.into_iter().map(|(_, it)| it).collect();
    (strip(before), strip(after))
}

/// The incident is the one of before, its count never falls, and its next attempt is neither early nor left out.
fn goes_on(story: &Story, name: &str, kind: IncidentKind, command: Command) {
    let (before, after) = halves(story, name);
    let (_, last) = &before[before.len() - 1];
    let known = last.incident(kind).unwrap_or_else(|| panic!("{name}: the incident is open before the kill"));
    let planned = last.incidents().find(|(found, ..)| *found == kind).and_then(|(.., next)| next);
    let counts: Vec<u8> = after.iter().filter_map(|(_, state)| Some(state.incident(kind)?.attempt)).collect();
    assert!(
        !counts.is_empty() && counts[0] >= known.attempt && counts.is_sorted(),
        "{name}: {known:?}, then {counts:?}"
    );
    let opened = after[0].1.incident(kind).map(|incident| incident.opened_at);
    assert_eq!(opened, Some(known.opened_at), "{name}: it is the same incident");
    let resumed = after[0].0;
    let next = story.commands(name).into_iter().find(|given| given.at >= resumed && given.command == command);
    let next = next.unwrap_or_else(|| panic!("{name}: the next attempt was left out")).at;
    if let Some(planned) = planned {
        assert!(next >= planned, "{name}: the next attempt waits for its time, {next} ≥ {planned}");
    }
    let due = planned.unwrap_or(resumed).max(resumed);
    assert!(
        next.since(due).as_millis() < 30_000,
        "{name}: the next attempt comes in time, {next} after {due}"
    );
}

#[test]
fn rec_4_an_attempt_under_way_when_the_supervisor_is_killed_stays_counted() {
    let mut world = World::connected(Plan::quick(&["a"]));
    world.fault("a", "broker_down");
    world.wait_for_state("a", "a later reconnect is under way", |state| {
        state.phase() == Phase::Recovering(IncidentKind::BrokerDown)
            && (2..=4).contains(&attempts(state, IncidentKind::BrokerDown))
    });
    world.kill_supervisor();
    world.start_supervisor();
    world.wait_for("a", "PERMANENTLY_FAILED", "BROKER_DOWN");

    let story = world.judge();
    assert_eq!(
        story.given_by("a", Rule::Brk1, Command::Reconnect).len(),
        5,
        "the one that was under way is one of the five"
    );
    goes_on(&story, "a", IncidentKind::BrokerDown, Command::Reconnect);
}

#[test]
fn acc_3_the_destruction_of_an_account_goes_on_after_a_kill_while_redis_hangs() {
    let mut world = World::connected(Plan::quick(&["a"]).set("network.state_store.attempts", "200"));
    world.redis.pause().unwrap();
    let confirmed = world.cli(&["confirm-closure", "a"]);
    assert_eq!(confirmed.code, Some(0), "{confirmed:?}");
    world.wait("the hot state is to be removed", || {
        let told = world.cli(&["why", "a", "--json"]);
        told.stdout.join("\n").contains("remove the hot state").then_some(())
    });
    world.kill_supervisor();
    world.start_supervisor();
    world.redis.resume().unwrap();
    world.wait("no key is left", || {
        world.redis.cli(&["KEYS", "instance_state:a:*"]).ok()?.is_empty().then_some(())
    });
    world.wait("the credentials are deleted", || {
        let told = world.cli(&["why", "a", "--json"]);
        told.stdout.join("\n").contains(Notice::CredentialsDeleted.text()).then_some(())
    });

    let story = world.judge();
    let state = &story.last("a").step.state;
    assert_eq!((state.closure(), state.status()), (Closure::Done, Status::Inactive));
    let logins = story.commands("a").into_iter().filter(|given| given.command == Command::Login);
    let last_login = logins.map(|given| given.at).next_back();
    assert!(
        last_login < story.actions("a", StoreAction::Revoke).first().copied(),
        "no login after the credentials are revoked"
    );
    assert_eq!(story.notices("a", Notice::CredentialsDeleted).len(), 1);
}

#[test]
fn rec_4_nothing_is_lost_when_the_supervisor_is_killed_again_and_again() {
    let names = ["a", "b", "c", "d"];
    let mut world = World::connected(Plan::quick(&names).set("recovery.failed", "50").gateways(2));
    for round in 0..3 {
        let old = names.map(|name| world.snapshot(name).0.version);
        world.fault_for("a", "network_drop", "1s");
        world.fault("b", "terminal_crash");
        world.fault("c", "rate_limit");
        world.fault_for("d", "broker_down", "1s");
        world.wait(&format!("round {round} to be under way"), || {
            let moved = names.iter().zip(old).filter(|(name, old)| world.snapshot(name).0.version > *old);
            (moved.count() == names.len()).then_some(())
        });
        world.kill_supervisor();
        world.start_supervisor();
        world.wait_until_all_are_connected();
    }
    for name in names {
        world.wait_for_state(name, "its gate is open", |state| state.gate() == Gate::Open);
    }
    let story = world.judge();
    for name in names {
        let mut epochs: Vec<u64> = story.of(name).map(|told| told.row.epoch.0).collect();
        epochs.dedup();
        assert_eq!(epochs.len(), 4, "{name}: each supervisor has an epoch of its own, {epochs:?}");
    }
}
