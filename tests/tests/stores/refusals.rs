//! What is wrong is named with its remedy, by the program that people run.

use std::fs;

use warden_testkit::Finished;
use warden_tests::{Plan, World, run};

/// Changes the configuration of a person and gives the new file's name.
fn changed(world: &World, name: &str, from: &str, to: &str) -> String {
    let text = fs::read_to_string(world.path("admin.toml")).expect("it is there");
    assert!(text.contains(from), "{from}: {text}");
    world.put(name, &text.replacen(from, to, 1), 0o644);
    name.to_owned()
}

/// It ended with a code and said all of this.
#[track_caller]
fn says(told: &Finished, code: i32, words: &[&str]) {
    let said = told.stderr.join("\n");
    assert_eq!(told.code, Some(code), "{words:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in\n{said}");
    }
    assert!(!said.contains("panicked") && !said.contains("Error {"), "{said}");
}

#[test]
fn log_1_whatever_is_wrong_with_accounts_and_keys_is_named_with_its_remedy() {
    let world = World::prepare(Plan::quick(&["a", "b"]).on_postgres());
    let list = ["accounts", "list"];
    keys(&world);
    let password = changed(&world, "password.toml", "people.auth", "wrong.auth");
    world.put("wrong.auth", "people:nonsense\n", 0o600);
    says(&world.cli_with(&password, &list, ""), 2, &["accounts.url", "refuses us", "check user, password"]);
    says(&world.cli_with(&password, &["run"], ""), 2, &["accounts.url", "refuses us"]);
    world.put("open.auth", "people:nonsense\n", 0o644);
    let open = changed(&world, "open.toml", "people.auth", "open.auth");
    says(&world.cli_with(&open, &list, ""), 2, &["open.auth", "can be read by others", "chmod 600"]);
    let database = changed(&world, "database.toml", "/warden_1", "/nowhere");
    says(&world.cli_with(&database, &list, ""), 2, &["accounts.url", "nowhere"]);

    let (login, server) = (world.login("a").to_string(), "Broker-a");
    let add = |name, login| ["accounts", "add", name, "--login", login, "--server", server];
    says(&world.cli_with("admin.toml", &add("a", "5001"), "p\n"), 6, &["instance a has an account already"]);
    says(&world.cli_with("admin.toml", &add("c", &login), "p\n"), 6, &["the account of instance a"]);
    says(&world.cli_with("admin.toml", &add("c", "5001"), "\n"), 1, &["no password was given"]);
    let nobody = ["accounts", "set-password", "nobody"];
    says(&world.cli_with("admin.toml", &nobody, "p\n"), 6, &["no account is stored for instance nobody"]);
    // Who runs supervisors may do none of this.
    says(
        &world.cli_with("warden.toml", &add("c", "5001"), "p\n"),
        1,
        &["permission denied", "people need a login of warden_admin"],
    );
    says(&world.cli(&["accounts", "set-password", "a"]), 1, &["no password was given"]);
    says(
        &world.cli(&["accounts", "verify-audit"]),
        1,
        &["permission denied", "people need a login of warden_admin"],
    );

    let named = format!("{}\n[[instance]]\nid = \"missing\"\n", config(&world));
    world.put("missing.toml", &named, 0o644);
    let told = run(&["run", "--config", &world.path("missing.toml").display().to_string()]);
    says(&told, 2, &["no account is stored for instance missing", "add it to the accounts"]);

    let _ = world.accounts().sql("DELETE FROM schema_step WHERE version = 2");
    says(&world.people(&list), 1, &["lacks step", "run `warden-migrator up`"]);
    says(&world.cli(&["run"]), 1, &["lacks step", "run `warden-migrator up`"]);
    let _ = world.accounts().sql("UPDATE schema_step SET checksum = 'another' WHERE version = 1");
    says(&world.people(&list), 1, &["was applied with another text", "restore the file in migrations/"]);
}

fn config(world: &World) -> String {
    fs::read_to_string(world.path("warden.toml")).expect("it is there")
}

fn keys(world: &World) {
    let key = fs::read_to_string(world.path("accounts.key")).expect("it is there");
    let rotate = ["accounts", "rotate-key"];
    for (name, text, mode, words) in [
        ("open.key", key.clone(), 0o644, ["has mode 0644", "chmod 0400"]),
        ("short.key", key[..20].to_owned(), 0o400, ["short.key", "64"]),
        ("odd.key", key.replace(|c: char| c.is_ascii_digit(), "x"), 0o400, ["odd.key", "hexadecimal"]),
    ] {
        world.put(name, &text, mode);
        let file = changed(world, &format!("{name}.toml"), "accounts.key", name);
        says(&world.cli_with(&file, &rotate, ""), 2, &[&["accounts.key_file"][..], &words].concat());
    }
    let file = changed(world, "gone.toml", "accounts.key", "gone.key");
    says(&world.cli_with(&file, &rotate, ""), 2, &["accounts.key_file", "gone.key"]);
    let again = run(&["accounts", "new-key", &world.path("accounts.key").display().to_string()]);
    says(&again, 1, &["accounts.key"]);
    assert_eq!(fs::read_to_string(world.path("accounts.key")).expect("it is there"), key, "never touched");
}
