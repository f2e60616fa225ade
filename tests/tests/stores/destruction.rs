//! ACC-1 to ACC-3: what an account that ended leaves behind, in every store.

use warden_domain::{FailureReason, Status};
use warden_policy::{Command, Notice, account::Closure};
use warden_tests::{Plan, World, servers::HISTORY, succeeded};

#[test]
fn acc_1_acc_2_acc_3_an_account_that_ended_is_nowhere_and_its_archive_is_inactive() {
    let mut world = World::connected(Plan::quick(&["closed", "disabled", "other"]).on_four_stores());
    let ended = ["closed", "disabled"];
    let sealed = ended.map(|name| world.accounts().sealed(name));
    let kept = world.accounts().sealed("other");
    assert!(sealed.iter().all(|sealed| sealed.len() == 2), "it was there: {sealed:?}");
    world.fault("closed", "account_closed");
    world.fault("disabled", "account_disabled");
    for (name, sealed) in ended.into_iter().zip(&sealed) {
        wait_until_destroyed(&world, name);
        nothing_is_left(&world, name, sealed);
    }
    assert_eq!(world.accounts().sealed("other"), kept, "the other account is as it was");
    is_archived(&world);
    let listed = listed(&world);
    assert!(rests(&listed, "closed").starts_with("closed ACCOUNT_CLOSED"), "{listed}");
    assert!(rests(&listed, "disabled").starts_with("closed ACCOUNT_DISABLED"), "{listed}");
    assert_eq!(rests(&listed, "other"), "");

    world.drain();
    world.start_supervisor();
    world.wait_for_key("other", "status", "CONNECTED");
    for (name, sealed) in ended.into_iter().zip(&sealed) {
        nothing_is_left(&world, name, sealed);
        assert_eq!(world.cli(&["reset", name]).code, Some(6), "LOG-7: not from a closed account");
    }
    is_archived(&world);
    succeeded(&world.people(&["accounts", "verify-audit"]));
    no_login_after_the_end(world);
}

fn no_login_after_the_end(world: World) {
    let story = world.judge();
    for (name, reason) in
        [("closed", FailureReason::AccountClosed), ("disabled", FailureReason::AccountDisabled)]
    {
        let state = &story.last(name).step.state;
        assert_eq!((state.status(), state.last_failure_reason()), (Status::Inactive, reason), "{name}");
        assert_eq!((state.closure(), state.login_attempt_count()), (Closure::Done, 0), "{name}");
        assert_eq!(story.notices(name, Notice::CredentialsDeleted).len(), 1, "{name}");
        let deleted = story.notices(name, Notice::CredentialsDeleted)[0];
        let mut logins = story.commands(name).into_iter().filter(|given| given.command == Command::Login);
        assert!(logins.next_back().is_some_and(|login| login.at < deleted), "{name}: no login afterwards");
    }
}

/// Waits until the saga has run to its end.
pub(crate) fn wait_until_destroyed(world: &World, name: &str) {
    world.wait(&format!("the credentials of {name} are deleted"), || {
        let told = world.cli(&["why", name, "--json"]);
        told.stdout.join("\n").contains(Notice::CredentialsDeleted.text()).then_some(())
    });
}

/// PostgreSQL and Redis hold nothing of an account but its tombstone and its audit log.
pub(crate) fn nothing_is_left(world: &World, name: &str, sealed: &[String]) {
    let accounts = world.accounts();
    for table in ["instances", "credentials", "refusals"] {
        let rows = accounts.sql(&format!("SELECT count(*) FROM {table} WHERE instance = '{name}'"));
        assert_eq!(rows, "0", "{name}: {table}");
    }
    let tombstone = accounts.sql(&format!("SELECT kind FROM absorbed WHERE instance = '{name}'"));
    assert_eq!(tombstone, "CLOSED", "{name}: its tombstone");
    let dump = accounts.dump();
    let login = world.login(name).to_string();
    let words = dump.split(|c: char| !c.is_ascii_alphanumeric());
    assert_eq!(words.filter(|word| *word == login).count(), 0, "{name}: its number is in the dump");
    assert!(!dump.contains(&Plan::password(name)), "{name}: its password is in the dump");
    for sealed in sealed {
        assert!(!dump.contains(sealed), "{name}: what its password was sealed into is in the dump");
    }
    let told_of = dump.lines().filter(|line| line.split('\t').any(|cell| cell == name)).count();
    let allowed = accounts.audit(name).len() + 2; // the tombstone, and how many owners it had
    assert_eq!(told_of, allowed, "{name}: rows that name it beside tombstone, owners and audit log");
    let keys = world.redis.cli(&["KEYS", &format!("*{name}*")]).expect("redis answers");
    assert_eq!(keys, "", "{name}: keys of Redis");
}

/// The newest step of each account that ended says so in ClickHouse.
fn is_archived(world: &World) {
    let _ = world.wait_until_exported();
    for name in ["closed", "disabled"] {
        let sql = format!(
            "SELECT status FROM {HISTORY}.instance_events FINAL WHERE instance_id = '{name}' \
             ORDER BY epoch DESC, version DESC LIMIT 1"
        );
        assert_eq!(world.history().ask(&sql).as_deref(), Some("INACTIVE"), "{name}");
    }
}

fn listed(world: &World) -> serde_json::Value {
    let told = world.cli(&["accounts", "list", "--json"]);
    succeeded(&told);
    serde_json::from_str(&told.stdout.join("\n")).expect("it is JSON")
}

/// Where an account rests, as `accounts list` says; empty when it does not.
fn rests(listed: &serde_json::Value, name: &str) -> String {
    let row = listed.as_array().and_then(|rows| rows.iter().find(|row| row["instance"] == name));
    let row = row.unwrap_or_else(|| panic!("{name} is not listed: {listed}"));
    assert_eq!(row["login"].is_null(), name != "other", "{name}: {listed}");
    row["rests"].as_str().unwrap_or_default().to_owned()
}
