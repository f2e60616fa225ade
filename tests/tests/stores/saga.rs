//! ACC-3: a destruction that is killed at each of its stages completes, once.

use warden_policy::{Notice, StoreAction, account::Closure};
use warden_testkit::Fault;
use warden_tests::{Plan, World, servers::HISTORY, succeeded};

use crate::destruction::{nothing_is_left, wait_until_destroyed};

const NAMES: [&str; 5] = ["revoking", "removing", "deleting", "archiving", "other"];

/// Each stage is held by taking the store away that it needs. The supervisor dies there, everything comes back, and the
/// next supervisor goes on.
#[test]
fn acc_3_rec_4_a_destruction_killed_at_each_stage_completes_exactly_once() {
    let plan = Plan::quick(&NAMES).set("network.state_store.attempts", "200").on_four_stores();
    let mut world = World::connected(plan);
    let sealed = NAMES.map(|name| world.accounts().sealed(name));

    world.accounts().net.set(Fault::Cut);
    confirm(&world, "revoking");
    world.wait_for_state("revoking", "it is revoked", |state| state.closure() == Closure::Revoking);
    goes_on(&mut world, "revoking");

    hold_removal(&mut world, "removing");
    goes_on(&mut world, "removing");

    hold_removal(&mut world, "deleting");
    world.accounts().net.set(Fault::Cut);
    world.redis.resume().expect("redis wakes up");
    wait_until_asked(&world, "deleting", "delete the credentials");
    goes_on(&mut world, "deleting");

    world.history_mut().server.kill().expect("clickhouse is killed");
    confirm(&world, "archiving");
    wait_until_destroyed(&world, "archiving");
    world.kill_supervisor();
    world.start_supervisor();
    world.history_mut().server.restart().expect("clickhouse comes back");

    world.wait_for_key("other", "status", "CONNECTED");
    for (name, sealed) in NAMES.iter().zip(&sealed).take(4) {
        nothing_is_left(&world, name, sealed);
        let deleted = world.accounts().audit(name);
        let deleted: Vec<_> = deleted.iter().filter(|action| *action == "CREDENTIALS_DELETED").collect();
        assert_eq!(deleted.len(), 1, "{name}: the audit log");
    }
    let _ = world.wait_until_exported();
    for name in NAMES.iter().take(4) {
        let sql = format!(
            "SELECT count() FROM {HISTORY}.notifications FINAL \
             WHERE instance_id = '{name}' AND notice = 'CredentialsDeleted'"
        );
        assert_eq!(world.history().ask(&sql).as_deref(), Some("1"), "{name}: the history");
    }
    succeeded(&world.people(&["accounts", "verify-audit"]));
    let story = world.judge();
    for name in NAMES.iter().take(4) {
        assert_eq!(story.notices(name, Notice::CredentialsDeleted).len(), 1, "{name}: the journal");
        let steps = [StoreAction::Revoke, StoreAction::RemoveHotState, StoreAction::DeleteCredentials];
        let steps = steps.map(|action| story.actions(name, action).first().copied());
        assert!(steps.iter().all(Option::is_some) && steps.is_sorted(), "{name}: in order, {steps:?}");
        assert_eq!(story.last(name).step.state.closure(), Closure::Done, "{name}");
    }
}

/// The supervisor dies after PostgreSQL was told to commit a step and before it heard that this was done.
#[test]
fn acc_3_rec_4_a_step_that_was_committed_when_the_supervisor_died_is_not_done_again() {
    let names = ["revoked", "deleted", "other"];
    let mut world = World::connected(Plan::quick(&names).on_postgres());
    for (name, event, action) in [
        ("revoked", "UPDATE ON credentials", "CREDENTIALS_REVOKED"),
        ("deleted", "DELETE ON instances", "CREDENTIALS_DELETED"),
    ] {
        let sealed = world.accounts().sealed(name);
        hold_commit(&world, event);
        confirm(&world, name);
        world.wait(&format!("{action} is being committed"), || {
            let held =
                world.accounts().sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
            (held != "0").then_some(())
        });
        assert!(!world.accounts().audit(name).iter().any(|done| done == action), "{name}: not committed yet");
        world.kill_supervisor();
        let _ = world.accounts().sql("INSERT INTO go VALUES (true)");
        world.wait(&format!("{action} is committed"), || {
            world.accounts().audit(name).iter().any(|done| done == action).then_some(())
        });
        let _ = world.accounts().sql("DROP FUNCTION hold CASCADE; DROP TABLE go");

        world.start_supervisor();
        wait_until_destroyed(&world, name);
        nothing_is_left(&world, name, &sealed);
        let done = world.accounts().audit(name);
        for action in ["CREDENTIALS_REVOKED", "CREDENTIALS_DELETED"] {
            assert_eq!(done.iter().filter(|done| *done == action).count(), 1, "{name}: {action} in {done:?}");
        }
        world.wait_for_key("other", "status", "CONNECTED");
    }
    let story = world.judge();
    for name in ["revoked", "deleted"] {
        assert_eq!(story.notices(name, Notice::CredentialsDeleted).len(), 1, "{name}: the journal");
    }
}

/// A transaction that does this to a row waits, while it commits, until the table `go` has a row.
fn hold_commit(world: &World, event: &str) {
    let _ = world.accounts().sql(&format!(
        "CREATE TABLE go (now boolean);
         CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN
             WHILE NOT EXISTS (SELECT FROM public.go) LOOP PERFORM pg_sleep(0.02); END LOOP;
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER hold AFTER {event} DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION hold();"
    ));
}

/// A person says that an account is closed.
fn confirm(world: &World, name: &str) {
    succeeded(&world.cli(&["confirm-closure", name]));
}

/// A destruction stands before the removal of its keys: Redis hangs.
fn hold_removal(world: &mut World, name: &str) {
    world.redis.pause().expect("redis hangs");
    confirm(world, name);
    wait_until_asked(world, name, "remove the hot state");
}

fn wait_until_asked(world: &World, name: &str, step: &str) {
    world.wait(&format!("{name} is to {step}"), || {
        let told = world.cli(&["why", name, "--json"]);
        told.stdout.join("\n").contains(step).then_some(())
    });
}

/// The supervisor dies, everything comes back, and the destruction goes on to its end.
fn goes_on(world: &mut World, name: &str) {
    let before = world.accounts().audit(name);
    assert!(!before.iter().any(|action| action == "CREDENTIALS_DELETED"), "{name} is held: {before:?}");
    world.kill_supervisor();
    world.accounts().net.heal();
    world.redis.resume().expect("redis wakes up");
    world.start_supervisor();
    wait_until_destroyed(world, name);
    world.wait_for_key("other", "status", "CONNECTED");
}
