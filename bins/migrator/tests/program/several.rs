use warden_testkit::{Postgres, free_port};

use crate::setup::Setup;

#[test]
fn a_store_that_does_not_answer_keeps_no_other_back() {
    let nowhere = free_port().unwrap();
    let setup = Setup::new(&format!(
        "[accounts]\nurl = \"postgres://warden@127.0.0.1:{nowhere}/warden\"\nkey_file = \"accounts.key\"\n"
    ));
    let (told, said) = setup.ends(4, &["up"]);
    assert!(told.contains("journal: current, ") && told.contains("history: current, "), "{told}");
    assert!(said.contains("warden-migrator: accounts: "), "{said}");
    assert!(said.contains("did not answer") && said.contains("check that it runs"), "{said}");
    let (status, _) = setup.ends(4, &["status"]);
    let lines: Vec<&str> = status.lines().collect();
    assert_eq!(lines.len(), 4, "{status}");
    assert!(lines[1].starts_with("accounts") && lines[1].contains("unreachable"), "{status}");
    assert!(lines[2..].iter().all(|line| line.contains("current")), "{status}");
}

#[test]
fn a_server_that_stops_in_between_is_told_and_the_next_run_goes_on() {
    let mut postgres = Postgres::start().unwrap();
    let database = postgres.database().unwrap();
    let setup = Setup::new(&format!(
        "[accounts]\nurl = \"{}\"\nauth_file = \"postgres.auth\"\nkey_file = \"accounts.key\"\n",
        postgres.url(&database)
    ));
    setup.put("postgres.auth", postgres.password(), 0o600);
    postgres.kill().unwrap();
    setup.ends(4, &["up", "--store", "accounts"]);
    postgres.restart().unwrap();
    setup.ends(0, &["up", "--store", "accounts"]);
    postgres.kill().unwrap();
    setup.ends(4, &["verify", "--store", "accounts"]);
    postgres.restart().unwrap();
    setup.ends(0, &["verify", "--store", "accounts"]);
}

#[test]
fn accounts_from_a_file_have_no_schema() {
    let setup = Setup::new("[accounts]\nfile = \"accounts.toml\"\n");
    let account = "[accounts.acct-1]\nlogin = 1\nserver = \"Broker-Live\"\npassword = \"hunter2\"\n";
    setup.put("accounts.toml", account, 0o600);
    for task in ["status", "plan", "up", "verify"] {
        let (told, _) = setup.ends(0, &[task, "--store", "accounts"]);
        assert!(told.contains("in memory, from ") && told.contains("no schema"), "{task}: {told}");
    }
}

#[test]
fn every_fault_of_a_configuration_is_told_and_ends_with_2() {
    let setup = Setup::new("[history]\ndatabase = \"x\"\n[journal]\ncolour = 1\n");
    let (_, said) = setup.ends(2, &["status"]);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(
        said.contains("history.database: needs history.url") && said.contains("journal.colour"),
        "{said}"
    );
    std::fs::remove_file(setup.path("w.toml")).unwrap();
    let (_, said) = setup.ends(2, &["status"]);
    assert!(said.contains("does not exist"), "{said}");
}
