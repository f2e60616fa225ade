use warden_testkit::Postgres;

use crate::{cases::Engine, setup::Setup};

/// A setup over an empty database of a cluster.
fn fresh(postgres: &Postgres) -> (Setup, String) {
    let database = postgres.database().unwrap();
    (over(postgres, &database), database)
}

fn over(postgres: &Postgres, database: &str) -> Setup {
    let setup = Setup::new(&format!(
        "[accounts]\nurl = \"{}\"\nauth_file = \"postgres.auth\"\nkey_file = \"accounts.key\"\n",
        postgres.url(database)
    ));
    setup.put("postgres.auth", postgres.password(), 0o600);
    setup
}

fn engine(fresh: &dyn Fn() -> Setup) -> Engine<'_> {
    Engine { store: "accounts", kills: 12, fresh }
}

#[test]
fn it_comes_up_once() {
    let postgres = Postgres::start().unwrap();
    engine(&|| fresh(&postgres).0).comes_up_once();
}

#[test]
fn several_take_turns() {
    let postgres = Postgres::start().unwrap();
    engine(&|| fresh(&postgres).0).takes_turns();
}

#[test]
fn a_killed_one_is_gone_on_with() {
    let postgres = Postgres::start().unwrap();
    engine(&|| fresh(&postgres).0).outlives_kills();
}

#[test]
fn a_ledger_that_does_not_fit_is_refused() {
    let postgres = Postgres::start().unwrap();
    let fresh_one = || fresh(&postgres).0;
    let engine = engine(&fresh_one);
    for (change, code, state, remedy) in [
        (
            "UPDATE schema_step SET checksum = 'x' WHERE version = 1",
            5,
            "edited",
            "restore the file in migrations/",
        ),
        ("DELETE FROM schema_step WHERE version = 1", 5, "missing", "restore the store from its backup"),
        ("INSERT INTO schema_step VALUES (99, 'later', 'x', 0, true)", 6, "newer", "run the newer program"),
    ] {
        let (setup, database) = fresh(&postgres);
        setup.ends(0, &["up", "--store", "accounts"]);
        postgres.psql(&database, change).unwrap();
        let before = postgres.pg_dump(&database).unwrap();
        engine.refuses(&setup, code, state, remedy);
        assert_eq!(postgres.pg_dump(&database).unwrap(), before, "{change}");
    }
}

#[test]
fn what_no_step_made_is_a_difference_each() {
    let postgres = Postgres::start().unwrap();
    let (setup, database) = fresh(&postgres);
    setup.ends(0, &["up", "--store", "accounts"]);
    let changes = "ALTER TABLE instances ADD COLUMN intruder int; ALTER TABLE instances ALTER COLUMN login DROP NOT NULL";
    postgres.psql(&database, changes).unwrap();
    let before = postgres.pg_dump(&database).unwrap();
    let proof = setup.json(1, "verify", "accounts");
    let found = proof["differences"].as_array().unwrap();
    assert!(found.len() >= 2, "{proof}");
    assert!(found.iter().any(|it| it.as_str().unwrap().contains("intruder")), "{proof}");
    let (told, _) = setup.ends(1, &["verify", "--store", "accounts"]);
    assert_eq!(told.lines().count(), found.len(), "a line each: {told}");
    assert_eq!(postgres.pg_dump(&database).unwrap(), before, "comparing leaves nothing behind");
}

#[test]
fn a_step_that_fails_leaves_nothing_of_itself_and_is_run_again() {
    let postgres = Postgres::start().unwrap();
    let (setup, database) = fresh(&postgres);
    postgres.psql(&database, "CREATE TABLE owners (in_the_way int)").unwrap();
    let before = postgres.pg_dump(&database).unwrap();
    let (_, said) = setup.ends(7, &["up", "--store", "accounts"]);
    assert!(said.contains("step 0001_accounts of ") && said.contains("\"owners\" already exists"), "{said}");
    assert!(said.contains("mend the cause and run `up` again"), "{said}");
    assert_eq!(postgres.pg_dump(&database).unwrap(), before, "nothing of the step is left");
    assert_eq!(setup.json(3, "status", "accounts")["applied"], 0);
    postgres.psql(&database, "DROP TABLE owners").unwrap();
    setup.ends(0, &["up", "--store", "accounts"]);
    engine(&|| over(&postgres, &database)).is_clean(&setup);
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let postgres = Postgres::start().unwrap();
    let (setup, _) = fresh(&postgres);
    setup.put("postgres.auth", "postgres:hunter2-canary", 0o600);
    for task in ["status", "plan", "up", "verify"] {
        let (told, said) = setup.ends(2, &[task, "--store", "accounts"]);
        assert!(said.contains("accounts.url: ") && said.contains("check user, password"), "{said}");
        assert!(!said.contains("canary") && !told.contains("canary"), "{told}{said}");
    }
}

#[test]
fn the_migrator_may_be_another_user_than_the_supervisor() {
    let postgres = Postgres::start().unwrap();
    let (setup, database) = fresh(&postgres);
    let password = postgres.password();
    // the supervisor's user may not make a table
    postgres.create_user("supervisor", "canary-1", &[]).unwrap();
    setup.put("postgres.auth", "supervisor:canary-1", 0o600);
    let (_, said) = setup.ends(7, &["up", "--store", "accounts"]);
    assert!(said.contains("permission denied") && !said.contains("canary"), "{said}");
    setup.put("migrator.auth", &format!("postgres:{password}"), 0o600);
    let up = ["up", "--store", "accounts", "--accounts-auth", "migrator.auth"];
    setup.ends(0, &up);
    // with its role it sees that everything is there, and can change nothing
    postgres.psql(&database, "GRANT warden_supervisor TO supervisor").unwrap();
    assert_eq!(setup.json(0, "status", "accounts")["state"], "current");
    setup.put("migrator.auth", &format!("postgres:{password}"), 0o644);
    let (_, said) = setup.ends(2, &up);
    assert!(said.contains("can be read by others") && said.contains("chmod 600"), "{said}");
}

#[test]
fn a_member_of_the_migrators_role_brings_up_the_next_database() {
    let postgres = Postgres::start().unwrap();
    let (first, _) = fresh(&postgres);
    first.ends(0, &["up", "--store", "accounts"]);
    postgres.create_user("mira", "canary-2", &["warden_migrator"]).unwrap();
    let database = postgres.database().unwrap();
    postgres.psql(&database, &format!("GRANT CREATE ON DATABASE {database} TO mira")).unwrap();
    postgres.psql(&database, "GRANT CREATE, USAGE ON SCHEMA public TO mira WITH GRANT OPTION").unwrap();
    let setup = over(&postgres, &database);
    setup.put("postgres.auth", "mira:canary-2", 0o600);
    setup.ends(0, &["up", "--store", "accounts"]);
    engine(&|| over(&postgres, &database)).is_clean(&setup);
}
