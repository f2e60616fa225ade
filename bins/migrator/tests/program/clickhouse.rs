use std::sync::atomic::{AtomicU32, Ordering};

use warden_testkit::ClickHouse;

use crate::{cases::Engine, setup::Setup};

/// A setup over a database of its own.
fn fresh(clickhouse: &ClickHouse) -> Setup {
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    over(clickhouse, &format!("warden_{}", DATABASES.fetch_add(1, Ordering::Relaxed)))
}

fn over(clickhouse: &ClickHouse, database: &str) -> Setup {
    Setup::new(&format!("[history]\nurl = \"{}\"\ndatabase = \"{database}\"\n", clickhouse.url()))
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
    // a table of another shape is in the way of a view that reads it
    clickhouse.query("CREATE DATABASE failing").unwrap();
    let columns = "CREATE TABLE failing.instance_events (nothing UInt8) ENGINE = MergeTree ORDER BY nothing";
    clickhouse.query(columns).unwrap();
    let (_, said) = setup.ends(7, &["up", "--store", "history"]);
    assert!(said.contains("mend the cause and run `up` again"), "{said}");
    let (status, _) = setup.ends(3, &["status", "--store", "history"]);
    assert!(status.contains("did not end"), "{status}");
    clickhouse.query("DROP TABLE failing.instance_events SYNC").unwrap();
    // the step before it had found its table there: the ledger says it is done, the comparison that it is not
    let differs = setup.json(1, "verify", "history");
    assert!(!differs["differences"].as_array().unwrap().is_empty(), "{differs}");
}
