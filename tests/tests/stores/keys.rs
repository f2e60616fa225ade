//! The key of the credentials is changed while the fleet logs in, and passwords are.

use std::{collections::BTreeSet, fs, thread};

use warden_policy::{Command, Effect, Event, Outcome};
use warden_tests::{Plan, Story, World, run, succeeded};

#[test]
fn log_1_the_key_is_rotated_while_instances_log_in_and_the_old_one_is_not_missed() {
    let names = ["a", "b", "c"];
    let mut world = World::connected(Plan::quick(&names).set("recovery.failed", "50").on_postgres());
    let files = ["warden.toml", "admin.toml"];
    let old: Vec<Vec<String>> = names.iter().map(|name| world.accounts().sealed(name)).collect();
    world.drain();
    succeeded(&run(&["accounts", "new-key", &world.path("second.key").display().to_string()]));
    for file in files {
        let both = "key_file = \"second.key\"\nprevious_key_file = \"accounts.key\"";
        replace(&world, file, "key_file = \"accounts.key\"", both);
    }
    world.start_supervisor();
    world.wait_until_all_are_connected();
    let rotated = thread::scope(|scope| {
        let rotation = scope.spawn(|| world.people(&["accounts", "rotate-key"]));
        for name in names {
            world.fault(name, "terminal_crash");
        }
        rotation.join().expect("it does not panic")
    });
    succeeded(&rotated);
    for name in names {
        world.wait_for(name, "CONNECTED", "TERMINAL_CRASHED");
    }
    for (name, old) in names.iter().zip(&old) {
        let new = world.accounts().sealed(name);
        assert_eq!(new[0], old[0], "{name}: the password is sealed as it was");
        assert_ne!(new[1], old[1], "{name}: its key is wrapped anew");
    }

    world.drain();
    fs::remove_file(world.path("accounts.key")).expect("the old key goes");
    for file in files {
        replace(&world, file, "\nprevious_key_file = \"accounts.key\"", "");
    }
    world.start_supervisor();
    world.wait_until_all_are_connected();
    succeeded(&world.cli(&["stop", "a"]));
    world.wait_for("a", "INACTIVE", "USER_STOPPED");
    succeeded(&world.cli(&["start", "a"]));
    world.wait_for_key("a", "status", "CONNECTED");
    world.judge();
}

fn replace(world: &World, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(world.path(file)).expect("it is there");
    assert!(text.contains(from), "{text}");
    world.put(file, &text.replace(from, to), 0o644);
}

#[test]
fn log_9_refused_credentials_are_not_tried_again_until_they_change_also_after_a_restart() {
    let mut world = World::connected(Plan::quick(&["a"]).on_postgres());
    set_password(&world, "canary-of-a-wrong-one");
    succeeded(&world.cli(&["stop", "a"]));
    world.wait_for("a", "INACTIVE", "USER_STOPPED");
    succeeded(&world.cli(&["start", "a"]));
    world.wait_for("a", "FAILED", "LOGIN_FAILED");
    world.wait("the refusal is remembered", || (refusals(&world) == "1").then_some(()));
    assert!(world.accounts().audit("a").iter().any(|action| action == "CREDENTIALS_REFUSED"));
    world.kill_supervisor();
    world.start_supervisor();
    succeeded(&world.cli(&["stop", "a"]));
    world.wait_for_key("a", "status", "INACTIVE");
    succeeded(&world.cli(&["start", "a"]));
    world.wait("it says why it does not try", || {
        let why = world.cli(&["why", "a"]).stdout.join("\n");
        why.contains("exactly these credentials were refused before").then_some(())
    });
    world.wait_for("a", "FAILED", "LOGIN_FAILED");

    set_password(&world, &Plan::password("a"));
    succeeded(&world.cli(&["start", "a"]));
    world.wait_for_key("a", "status", "CONNECTED");
    let outcomes = logins(&world.judge());
    let refused = outcomes.iter().filter(|outcome| **outcome == Outcome::Failed).count();
    assert_eq!(refused, 5, "LOG-2: {outcomes:?}");
    let wanted = [&[Outcome::Done][..], &[Outcome::Failed; 5], &[Outcome::NoCredentials, Outcome::Done]];
    assert_eq!(outcomes, wanted.concat(), "once refused, nothing is sent until they change");
}

/// How the logins of the instance ended, in order; [`Outcome::NoCredentials`] is one that was never sent.
fn logins(story: &Story) -> Vec<Outcome> {
    let (mut asked, mut outcomes) = (BTreeSet::new(), Vec::new());
    for told in story.of("a") {
        if let Event::Finished { id, outcome, .. } = told.step.event
            && asked.remove(&id.0)
        {
            outcomes.push(outcome);
        }
        for (_, effect) in told.step.effects.list() {
            if let Effect::Command { id, command: Command::Login, .. } = effect {
                asked.insert(id.0);
            }
        }
    }
    outcomes
}

fn set_password(world: &World, password: &str) {
    let told = world.cli_with("admin.toml", &["accounts", "set-password", "a"], &format!("{password}\n"));
    succeeded(&told);
    assert_eq!(told.stdout, ["stored; the supervisor knows"]);
}

fn refusals(world: &World) -> String {
    world.accounts().sql("SELECT count(*) FROM refusals WHERE instance = 'a'")
}
