//! A whole fleet starts at once.

use warden_tests::{Plan, World};

const FLEET: usize = 300;
/// Far fewer than one for each instance.
const FEW: usize = 60;

#[test]
fn log_1_300_instances_start_on_postgres_with_few_statements() {
    let names: Vec<String> = (0..FLEET).map(|number| format!("acct-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = World::prepare(Plan::quick(&names).on_postgres().gateways(4));
    let accounts = world.accounts();
    for setting in ["log_statement = 'all'", "log_line_prefix = '%u: '"] {
        let _ = accounts.sql(&format!("ALTER SYSTEM SET {setting}"));
    }
    let _ = accounts.sql("SELECT pg_reload_conf()");
    world.wait("statements are logged", || {
        (world.accounts().sql("SHOW log_statement") == "all").then_some(())
    });

    world.start_supervisor();
    world.start_simulator();
    world.wait_until_all_are_connected();
    let log = world.accounts().server.log().expect("it is there");
    let statements: Vec<&str> = log.lines().filter(|line| line.starts_with("warden_one: LOG:  ")).collect();
    let asked = statements.len();
    assert!((1..=FEW).contains(&asked), "{asked} statements:\n{}", statements[..asked.min(200)].join("\n"));
    world.drain();
}
