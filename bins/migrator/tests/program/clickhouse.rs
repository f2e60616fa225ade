use std::sync::atomic::{AtomicU32, Ordering};

use warden_testkit::ClickHouse;

use crate::{cases::Engine, setup::Setup};

/// A setup over a database of its own.
fn fresh(clickhouse: &ClickHouse) -> Setup {
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    over(clickhouse, &format!("warden_{}", DATABASES.fetch_add(1, Ordering::Relaxed)))
}

fn over(clickhouse: &ClickHouse, database: &str) -> Setup {
    over_with(clickhouse, database, "")
}

fn over_with(clickhouse: &ClickHouse, database: &str, keys: &str) -> Setup {
    Setup::new(&format!("[history]\nurl = \"{}\"\ndatabase = \"{database}\"\n{keys}", clickhouse.url()))
}

fn engine(fresh: &dyn Fn() -> Setup) -> Engine<'_> {
    // a lock that is left behind is waited out: few
    Engine { store: "history", kills: 3, fresh }
}

#[test]
fn it_comes_up_once() {
    let clickhouse = ClickHouse::start().unwrap();
    engine(&|| fresh(&clickhouse)).comes_up_once();
}

#[test]
fn several_take_turns() {
    let clickhouse = ClickHouse::start().unwrap();
    engine(&|| fresh(&clickhouse)).takes_turns();
}

#[test]
fn a_killed_one_is_gone_on_with() {
    let clickhouse = ClickHouse::start().unwrap();
    engine(&|| fresh(&clickhouse)).outlives_kills();
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let clickhouse = ClickHouse::start().unwrap();
    let setup = over_with(&clickhouse, "warden", "auth_file = \"clickhouse.auth\"\n");
    setup.put("clickhouse.auth", "default:hunter2-canary", 0o600);
    for task in ["status", "plan", "up", "verify"] {
        let (told, said) = setup.ends(2, &[task, "--store", "history"]);
        assert!(said.contains("history.url: ") && said.contains("check user, password"), "{said}");
        assert!(!said.contains("canary") && !told.contains("canary"), "{told}{said}");
    }
}

#[test]
fn a_ledger_that_does_not_fit_is_refused() {
    let clickhouse = ClickHouse::start().unwrap();
    let fresh_one = || fresh(&clickhouse);
    let engine = engine(&fresh_one);
    for (version, code, state, remedy) in
        [(1, 5, "edited", "restore the file in migrations/"), (99, 6, "newer", "run the newer program")]
    {
        let database = format!("unfit_{version}");
        let setup = over(&clickhouse, &database);
        setup.ends(0, &["up", "--store", "history"]);
        let line = format!("INSERT INTO {database}.schema_step VALUES ({version}, 'it', 'x', now(), true)");
        clickhouse.query(&line).unwrap();
        engine.refuses(&setup, code, state, remedy);
    }
}

#[test]
fn a_step_that_fails_is_begun_in_the_ledger_and_run_again() {
    let clickhouse = ClickHouse::start().unwrap();
    let setup = over(&clickhouse, "failing");
    let sql = |sql: &str| clickhouse.query(sql).unwrap();
    setup.ends(0, &["up", "--store", "history"]);
    // as it was before the second step, but for a table that its views read
    sql("ALTER TABLE failing.schema_step DELETE WHERE version = 2 SETTINGS mutations_sync = 2");
    for view in
        sql("SELECT name FROM system.tables WHERE database = 'failing' AND engine = 'MaterializedView'")
            .lines()
    {
        sql(&format!("DROP VIEW failing.{view} SYNC"));
    }
    sql("RENAME TABLE failing.incidents TO failing.away");
    let (_, said) = setup.ends(7, &["up", "--store", "history"]);
    assert!(said.contains("step 0002_") && said.contains("mend the cause and run `up` again"), "{said}");
    let (status, _) = setup.ends(3, &["status", "--store", "history"]);
    assert!(status.contains("1/2  behind by 1; 0002_") && status.contains("did not end"), "{status}");
    sql("RENAME TABLE failing.away TO failing.incidents");
    let (told, _) = setup.ends(0, &["up", "--store", "history"]);
    assert!(told.contains("one step applied"), "{told}");
    engine(&|| over(&clickhouse, "failing")).is_clean(&setup);
}

#[test]
fn what_no_step_made_is_a_difference_each() {
    let clickhouse = ClickHouse::start().unwrap();
    let setup = over(&clickhouse, "differing");
    setup.ends(0, &["up", "--store", "history"]);
    clickhouse.query("ALTER TABLE differing.alerts ADD COLUMN intruder UInt8").unwrap();
    clickhouse.query("DROP TABLE differing.notifications SYNC").unwrap();
    let (told, _) = setup.ends(1, &["verify", "--store", "history"]);
    assert!(told.contains("intruder") && told.contains("notifications"), "{told}");
    let proof = setup.json(1, "verify", "history");
    assert_eq!(proof["differences"].as_array().unwrap().len(), told.lines().count(), "a line each: {told}");
}

#[test]
fn a_changed_retention_is_a_difference_until_up() {
    let clickhouse = ClickHouse::start().unwrap();
    let setup = over(&clickhouse, "kept");
    setup.ends(0, &["up", "--store", "history"]);
    let shorter = over_with(&clickhouse, "kept", "retention_days = 10\n");
    let (told, _) = shorter.ends(1, &["verify", "--store", "history"]);
    assert!(told.contains("history: "), "{told}");
    shorter.ends(0, &["up", "--store", "history"]);
    engine(&|| fresh(&clickhouse)).is_clean(&shorter);
    let table = clickhouse.query("SHOW CREATE TABLE kept.alerts").unwrap();
    assert!(table.contains("TTL") && table.contains("10"), "{table}");
}
