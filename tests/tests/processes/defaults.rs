//! The numbers of the rules as they are by default, as far as they fit into a minute.

use warden_domain::{Gate, IncidentKind, Rule};
use warden_policy::Command;
use warden_tests::{Plan, World};

#[test]
fn log_2_net_2_brk_1_brk_2_run_on_their_default_numbers() {
    let plan =
        Plan::by_default(&["login", "crash", "broker", "limited"]).fault("0s", "login", "login_flaky(2)");
    let world = World::start(plan);
    for name in ["crash", "broker", "limited"] {
        world.wait_for_key(name, "status", "CONNECTED");
    }
    world.fault("crash", "terminal_crash");
    world.fault_for("broker", "broker_down", "15s");
    world.fault("limited", "rate_limit");
    let broker = world.wait_for_state("broker", "its broker is down", |state| {
        state.incident(IncidentKind::BrokerDown).is_some()
    });
    let limited = world
        .wait_for_state("limited", "trading is paused", |state| matches!(state.gate(), Gate::Paused { .. }));
    world.wait_for("crash", "CONNECTED", "TERMINAL_CRASHED");
    world.wait_for_key("login", "status", "CONNECTED");
    let (_, opened, next) = broker.incidents().find(|(kind, ..)| *kind == IncidentKind::BrokerDown).unwrap();
    let wait = next.expect("a reconnect is planned").since(opened.opened_at).as_millis();
    assert!((30_000..=33_000).contains(&wait), "BRK-1: after 30 s: {wait} ms");
    let (_, opened, until) =
        limited.incidents().find(|(kind, ..)| *kind == IncidentKind::RateLimited).unwrap();
    let pause = until.expect("the pause ends").since(opened.opened_at).as_millis();
    assert!((60_000..=66_000).contains(&pause), "BRK-2: 60 s: {pause} ms");
    world.wait_for_within("broker", "CONNECTED", "BROKER_DOWN", 45);

    let story = world.judge();
    let logins = story.given_by("login", Rule::Log2, Command::Login);
    assert_eq!(logins.len(), 3, "{logins:?}");
    let waits = story.waits("login", IncidentKind::LoginFailed);
    assert!((5_000..=5_500).contains(&waits[0]) && (10_000..=11_000).contains(&waits[1]), "LOG-2: {waits:?}");
    let restarts = story.given_by("crash", Rule::Net2, Command::Restart { force: false });
    let crashed = story
        .states("crash")
        .find_map(|(_, state)| Some(state.incident(IncidentKind::TerminalCrashed)?.opened_at));
    let within = restarts[0].since(crashed.unwrap()).as_millis();
    assert!(within <= 30_000, "NET-2: within 30 s: {within} ms");
    assert_eq!(story.given_by("broker", Rule::Brk1, Command::Reconnect).len(), 1);
}
