use std::process::Command;

use crate::{cases::Engine, setup::Setup};

/// Without any key for the accounts they are in an SQLite file.
fn fresh() -> Setup {
    Setup::new("")
}

const ENGINE: Engine<'_> = Engine { store: "accounts", kills: 12, fresh: &fresh };

/// Python has SQLite with it, and the tests have Python for ClickHouse.
fn sql(setup: &Setup, sql: &str) {
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
    let mut python = Command::new("python3");
    let output = python.args(["-c", script]).arg(setup.path("data/accounts.db")).arg(sql).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn it_comes_up_once() {
    ENGINE.comes_up_once();
}

#[test]
fn looking_makes_no_file() {
    let setup = fresh();
    for task in ["status", "plan", "verify"] {
        setup.run(&[task]);
    }
    assert!(!setup.path("data").exists());
}

#[test]
fn several_take_turns() {
    ENGINE.takes_turns();
}

#[test]
fn a_killed_one_is_gone_on_with() {
    ENGINE.outlives_kills();
}

#[test]
fn a_ledger_that_does_not_fit_is_refused() {
    for (change, code, state, remedy) in [
        (
            "UPDATE schema_step SET checksum = 'x' WHERE version = 1",
            5,
            "edited",
            "restore the file in migrations/",
        ),
        ("INSERT INTO schema_step VALUES (99, 'later', 'x', 0, true)", 6, "newer", "run the newer program"),
    ] {
        let setup = fresh();
        setup.ends(0, &["up", "--store", "accounts"]);
        sql(&setup, change);
        ENGINE.refuses(&setup, code, state, remedy);
    }
}

#[test]
fn a_step_that_fails_leaves_nothing_of_itself_and_is_run_again() {
    let setup = fresh();
    setup.ends(0, &["up", "--store", "accounts"]);
    sql(&setup, "DELETE FROM schema_step");
    let (_, said) = setup.ends(7, &["up", "--store", "accounts"]);
    assert!(said.contains("step 0001_accounts of ") && said.contains("already exists"), "{said}");
    assert_eq!(setup.json(1, "verify", "accounts")["state"], "differs", "tables that no applied step made");
    std::fs::remove_file(setup.path("data/accounts.db")).unwrap();
    setup.ends(0, &["up", "--store", "accounts"]);
    ENGINE.is_clean(&setup);
}
