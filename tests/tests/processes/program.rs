//! The supervisor as a program: its end, its refusals, its explanations.

use warden_tests::{Plan, World, keys, run};

#[test]
fn sigterm_drains_and_gives_the_leases_back() {
    let mut world = World::connected(Plan::quick(&["a"]));
    assert!(keys::text(&world.redis, "a", "lease").is_some());
    world.drain();
    assert_eq!(keys::text(&world.redis, "a", "lease"), None, "the lease is given back");
    assert_eq!(keys::text(&world.redis, "a", "login_attempt"), None, "no lock is left");
    world.start_supervisor();
    world.wait_for_key("a", "status", "CONNECTED");
    world.judge();
}

#[test]
fn a_second_supervisor_on_the_same_data_folder_is_refused() {
    let world = World::connected(Plan::quick(&["a"]));
    let config = world.second_config();
    let second = run(&["run", "--config", &config]);
    assert_eq!(second.code, Some(5), "{second:?}");
    let said = second.stderr.join("\n");
    assert!(said.contains("in use by another process"), "it says why: {said}");
    assert_eq!(world.cli(&["run"]).code, Some(5), "nor on the same control socket");
    assert_eq!(keys::documented(&world.redis, "a")["status"], "CONNECTED");
    world.judge();
}

#[test]
fn a_bad_configuration_is_told_with_all_its_faults_and_exit_code_2() {
    let world = World::prepare(
        Plan::quick(&["a"])
            .set("login.attempts", "0")
            .set("broker.down.reconnect_after", "30")
            .set("no.such", "1"),
    );
    let file = world.path("warden.toml").display().to_string();
    for command in [&["run", "--config", &file][..], &["check-config", &file]] {
        let told = run(command);
        assert_eq!(told.code, Some(2), "{told:?}");
        let said = told.stderr.join("\n") + &told.stdout.join("\n");
        for fault in ["policy.login.attempts", "policy.broker.down.reconnect_after", "policy.no"] {
            assert!(said.contains(fault), "{command:?} names {fault}: {said}");
        }
        assert!(said.contains("warden.toml:"), "each with its file and line: {said}");
    }
}

#[test]
fn net_2_why_explains_an_incident_with_its_evidence_rule_and_next_action() {
    let world = World::connected(Plan::quick(&["a"]).set("network.crash.waits", r#"["30s"]"#));
    world.fault("a", "terminal_crash_loop");
    world.wait_for("a", "FAILED", "TERMINAL_CRASHED");
    let told = world.cli(&["why", "a"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let text = told.stdout.join("\n");
    for part in [
        "a is FAILED (last failure TERMINAL_CRASHED)",
        "NET-2",
        "terminal gone",
        "open:",
        "terminal process gone",
        "next: TERMINAL_CRASHED in ",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    let told = world.cli(&["why", "a", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&told.stdout.join("\n")).expect("it is JSON");
    let explained = json.get("explanation").unwrap_or(&json);
    assert_eq!(explained["status"], "FAILED");
    assert_eq!(explained["next"]["of"], "TERMINAL_CRASHED");
    let rules: Vec<&str> =
        explained["chain"].as_array().unwrap().iter().filter_map(|link| link["rule"].as_str()).collect();
    assert!(rules.contains(&"NET-2"), "{rules:?}");
    let nobody = world.cli(&["why", "nobody"]);
    assert_eq!(nobody.code, Some(6), "{nobody:?}");
    world.judge();
}
