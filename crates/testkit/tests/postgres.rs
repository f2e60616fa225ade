//! The PostgreSQL handle against the real server.
#![cfg(test)]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use warden_testkit::locate::Tool;
use warden_testkit::{Error, Postgres, poll_until};

const SOON: Duration = Duration::from_secs(60);

/// Every cluster takes a second of both processors to make: one at a time.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn databases_of_one_cluster_know_nothing_of_each_other() {
    let _turn = one_at_a_time();
    let postgres = Postgres::start().unwrap();
    let (one, two) = (postgres.database().unwrap(), postgres.database().unwrap());
    postgres
        .psql(&one, "CREATE TABLE it (a int, b text); INSERT INTO it VALUES (1, 'x'), (2, NULL)")
        .unwrap();
    assert_eq!(postgres.psql(&one, "SELECT * FROM it ORDER BY a").unwrap(), "1|x\n2|");
    match postgres.psql(&two, "SELECT * FROM it") {
        Err(Error::Refused(words)) => assert!(words.contains("relation \"it\" does not exist"), "{words}"),
        other => panic!("{other:?}"),
    }
    let dump = postgres.pg_dump(&one).unwrap();
    assert!(dump.contains("CREATE TABLE public.it") && dump.contains("1\tx"), "{dump}");
    assert_eq!(dump, postgres.pg_dump(&one).unwrap());
    assert!(!postgres.pg_dump(&two).unwrap().contains("CREATE TABLE"));
}

#[test]
fn passwords_are_checked_and_roles_hold() {
    let _turn = one_at_a_time();
    let postgres = Postgres::start_with(&[("log_connections", "on")]).unwrap();
    let database = postgres.database().unwrap();
    assert!(!postgres.url(&database).contains(postgres.password()));
    let wrong = postgres.psql_as(postgres.superuser(), "guessed", &database, "SELECT 1");
    assert!(
        matches!(&wrong, Err(Error::Ended { said, .. }) if said.contains("password authentication failed"))
    );

    postgres.psql(&database, "CREATE TABLE seen (a int); CREATE TABLE hidden (a int)").unwrap();
    postgres.psql(&database, "CREATE ROLE readers; GRANT SELECT ON seen TO readers").unwrap();
    let password = "it's \"quoted\"";
    postgres.create_user("reader", password, &["readers"]).unwrap();
    let ask = |sql| postgres.psql_as("reader", password, &database, sql);
    assert_eq!(ask("SELECT count(*) FROM seen").unwrap(), "0");
    match ask("SELECT * FROM hidden") {
        Err(Error::Refused(words)) => assert!(words.contains("permission denied"), "{words}"),
        other => panic!("{other:?}"),
    }
    let log = postgres.log().unwrap();
    assert!(log.contains("user=reader"), "settings are not the server's:\n{log}");
    assert!(!log.contains(postgres.password()));
}

#[test]
fn what_was_committed_outlives_a_kill_that_leaves_no_process() {
    let _turn = one_at_a_time();
    let mut postgres = Postgres::start().unwrap();
    let (database, port, first) = (postgres.database().unwrap(), postgres.port(), postgres.pid());
    postgres.psql(&database, "CREATE TABLE it AS SELECT generate_series(1, 1000) AS n").unwrap();
    let backend = sleeping_backend(&postgres);
    postgres.kill().unwrap();
    assert!(is_gone(backend) && is_gone(first.unwrap()));
    assert_eq!(postgres.pid(), None);
    assert!(matches!(postgres.psql(&database, "SELECT 1"), Err(Error::Ended { .. })));
    assert!(matches!(postgres.kill(), Err(Error::NotRunning(_))));
    postgres.restart().unwrap();
    assert_eq!(
        (postgres.port(), postgres.psql(&database, "SELECT count(*) FROM it").unwrap()),
        (port, "1000".into())
    );
    assert_ne!(postgres.pid(), first);
    postgres.stop().unwrap();
    postgres.restart().unwrap();
    assert_eq!(postgres.psql(&database, "SELECT sum(n) FROM it").unwrap(), "500500");
}

/// Asks, and has no limit for how long it waits for the answer.
fn ask(postgres: &Postgres, sql: &'static str) -> JoinHandle<std::io::Result<Output>> {
    let programs = Tool::Initdb.find().unwrap().canonicalize().unwrap().with_file_name("");
    let (url, password) = (postgres.url("postgres"), postgres.password().to_owned());
    std::thread::spawn(move || {
        let mut psql = Command::new(programs.join("psql"));
        psql.args(["-X", "-A", "-t", "-c", sql, &url]).env("PGPASSWORD", password).output()
    })
}

/// Starts a query that would take an hour, and gives the process that works on it.
fn sleeping_backend(postgres: &Postgres) -> u32 {
    ask(postgres, "SELECT pg_sleep(3600)");
    let query = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
    let found = poll_until(SOON, "the sleeping query", || {
        postgres.psql("postgres", query).ok().filter(|found| !found.is_empty())
    });
    found.unwrap().parse().unwrap()
}

#[test]
fn a_paused_server_answers_only_after_it_is_resumed() {
    let _turn = one_at_a_time();
    let mut postgres = Postgres::start().unwrap();
    let backend = sleeping_backend(&postgres);
    postgres.pause().unwrap();
    assert_eq!(state_of(backend).as_deref(), Some("T"), "a backend goes on");
    let asked = ask(&postgres, "SELECT 1");
    let early = poll_until(Duration::from_millis(200), "an answer", || asked.is_finished().then_some(()));
    assert!(matches!(early, Err(Error::Timeout { .. })), "a stopped server answered");
    postgres.resume().unwrap();
    let answer = asked.join().unwrap().unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), "1\n");
}

#[test]
fn a_server_ends_with_its_handle_even_paused_and_in_a_panic() {
    let _turn = one_at_a_time();
    let outcome = std::thread::spawn(|| {
        let mut postgres = Postgres::start().unwrap();
        let processes = [postgres.pid().unwrap(), sleeping_backend(&postgres)];
        postgres.pause().unwrap();
        std::panic::resume_unwind(Box::new((processes, postgres.address())));
    });
    let (processes, address) = outcome
        .join()
        .map(|(): ()| unreachable!("the thread always panics"))
        .unwrap_err()
        .downcast::<([u32; 2], std::net::SocketAddr)>()
        .map(|both| *both)
        .unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
    assert!(processes.into_iter().all(is_gone));
}

/// Whether it is gone, or nothing but an entry that the first process of a container has not looked at yet.
fn is_gone(process: u32) -> bool {
    state_of(process).is_none_or(|state| state == "Z")
}

fn state_of(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).ok()?;
    Some(stat.rsplit(')').next()?.split_whitespace().next()?.to_owned())
}
