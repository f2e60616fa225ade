//! LOG-2 to LOG-9: logins that are refused.

use std::collections::BTreeMap;

use warden_domain::{IncidentKind, Rule, Timestamp};
use warden_policy::{Command, Notice, StoreAction};
use warden_tests::{Plan, World, keys};

#[test]
fn log_2_log_3_log_4_log_7_five_refused_logins_stop_it_and_a_reset_brings_it_back() {
    let plan = Plan::quick(&["a", "b"]).fault("0s", "a", "login_flaky(5)").fault("0s", "b", "login_flaky(3)");
    let world = World::start(plan);
    world.wait_for("a", "FAILED", "LOGIN_FAILED");
    let mut found = keys::documented(&world.redis, "a");
    let last = Timestamp::parse(&found.remove("last_login_attempt").unwrap()).unwrap();
    let wanted = BTreeMap::from([
        ("status", "FAILED"),
        ("connection_state", "FAILED"),
        ("login_attempt_count", "5"),
        ("login_failure_reason", "LOGIN_FAILED"),
        ("last_failure_reason", "LOGIN_FAILED"),
    ]);
    assert_eq!(found, wanted.into_iter().map(|(key, text)| (key, text.to_owned())).collect());

    world.wait("LOG-3: the alert", || world.alerts("LoginFailure", "a").then_some(()));
    assert!(world.alerts("RepeatedLoginFailure", "a"), "LOG-5");
    let reset = world.cli(&["reset", "a"]);
    assert_eq!(reset.code, Some(0), "{reset:?}");
    world.wait_for_key("a", "status", "CONNECTED");
    assert_eq!(keys::documented(&world.redis, "a")["login_attempt_count"], "0");
    assert_eq!(keys::documented(&world.redis, "a")["login_failure_reason"], "NONE");
    for alert in ["LoginFailure", "RepeatedLoginFailure"] {
        world.wait(alert, || (!world.alerts(alert, "a")).then_some(()));
    }
    world.wait_for_key("b", "status", "CONNECTED");

    let story = world.judge();
    let logins = story.given_by("a", Rule::Log2, Command::Login);
    assert_eq!(logins.len(), 6, "five that were refused and one after the reset");
    assert_eq!(logins[4], last, "the last attempt was stored when it was made");
    let waits = story.waits("a", IncidentKind::LoginFailed);
    assert!(waits.len() >= 4, "{waits:?}");
    for (wait, least) in waits.iter().zip([300, 400, 500, 600]) {
        assert!(
            (least..=least + least / 10).contains(wait),
            "{least} ms, lengthened by a tenth at most: {waits:?}"
        );
    }
    let stored: Vec<u8> = story
        .of("a")
        .filter(|told| told.step.effects.list().iter().any(|(_, effect)| is_login(effect)))
        .map(|told| told.step.state.login_attempt_count())
        .collect();
    assert_eq!(stored, [1, 2, 3, 4, 5, 1], "each attempt is counted before it is made");
    assert_eq!(story.notices("a", Notice::RepeatedLoginFailure).len(), 1, "LOG-5");
    assert_eq!(story.notices("a", Notice::LoginFailed).len(), 1, "LOG-3");
    assert_eq!(story.actions("a", StoreAction::RememberRejected).len(), 1, "LOG-9");
    assert_eq!(story.actions("a", StoreAction::ForgetRejected).len(), 1, "LOG-7");
    let given_up = story.of("a").find(|told| told.row.rule == "LOG-3").unwrap().row.at;
    assert!(
        logins[5].since(given_up).as_millis() >= 2_000,
        "LOG-4: the login starts when the cool-down ends"
    );
    assert_eq!(story.notices("b", Notice::LoginRecovered).len(), 1, "LOG-6: it says so once");
}

fn is_login(effect: &warden_policy::Effect) -> bool {
    matches!(effect, warden_policy::Effect::Command { command: Command::Login, .. })
}
