//! The ClickHouse handle against the real engine.
#![cfg(test)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use warden_testkit::{ClickHouse, Error, poll_until};

#[test]
fn what_was_acknowledged_survives_a_crash() {
    let mut clickhouse = ClickHouse::start().unwrap();
    clickhouse.query("CREATE TABLE row (id UInt64) ENGINE = MergeTree ORDER BY id").unwrap();
    let url = clickhouse.url();
    for id in 0..3 {
        clickhouse.query(&format!("INSERT INTO row VALUES ({id})")).unwrap();
        clickhouse.kill().unwrap();
        assert!(matches!(clickhouse.query("SELECT 1"), Err(Error::Io { .. })));
        assert!(matches!(clickhouse.kill(), Err(Error::NotRunning(_))));
        clickhouse.restart().unwrap();
        assert_eq!(clickhouse.url(), url);
        assert_eq!(clickhouse.query("SELECT count() FROM row").unwrap(), (id + 1).to_string());
    }
}

#[test]
fn a_refusal_is_an_error_with_the_engines_words() {
    let clickhouse = ClickHouse::start_as("warden", "right").unwrap();
    match clickhouse.query("SELECT * FROM nowhere") {
        Err(Error::Refused(words)) => assert!(words.starts_with("Code: 60."), "{words}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_behaves_like_a_server_where_the_library_differs() {
    let clickhouse = ClickHouse::start().unwrap();
    let setting = |name: &str| clickhouse.query(&format!("SELECT getSetting('{name}')")).unwrap();
    assert_eq!((setting("async_insert"), setting("insert_deduplicate")), ("false".into(), "true".into()));
}

#[test]
fn a_paused_one_says_nothing_until_it_is_resumed() {
    let mut clickhouse = ClickHouse::start().unwrap();
    clickhouse.pause().unwrap();
    let mut asking = TcpStream::connect(clickhouse.address()).unwrap();
    asking.write_all(b"GET /pid HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    asking.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    asking.read(&mut [0; 1]).unwrap_err();
    clickhouse.resume().unwrap();
    asking.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with(&clickhouse.pid().unwrap().to_string()), "{answer}");
}

#[test]
fn an_engine_that_is_not_there_is_missing_and_the_command_that_brings_it_is_named() {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "what_a_process_without_the_engine_sees", "--nocapture"]);
    let output = again.env("WARDEN_CHDB", "/nonexistent").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("chdb-core is not installed: run `cargo xtask setup test`"), "{said}");
}

#[test]
fn what_a_process_without_the_engine_sees() {
    let absent = std::env::var_os("WARDEN_CHDB").is_some_and(|folder| folder == "/nonexistent");
    match ClickHouse::start() {
        Err(error @ Error::NoChdb) if absent => println!("{error}"),
        outcome => assert!(outcome.is_ok() && !absent, "{outcome:?}"),
    }
}

/// Nobody drops the handle of a process that is killed. This test starts itself as that process.
#[test]
fn it_does_not_outlive_the_process_that_started_it() {
    if let Some(told) = std::env::var_os("WARDEN_TOLD") {
        let clickhouse = ClickHouse::start().unwrap();
        std::fs::write(told, format!("{}\n", clickhouse.pid().unwrap())).unwrap();
        loop {
            std::thread::park(); // until it is killed
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("pid");
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "it_does_not_outlive_the_process_that_started_it"]);
    let mut starter = again.env("WARDEN_TOLD", &told).stdout(std::process::Stdio::null()).spawn().unwrap();
    let pid = poll_until(Duration::from_secs(60), "an engine", || {
        std::fs::read_to_string(&told).ok().filter(|pid| pid.ends_with('\n'))
    });
    starter.kill().unwrap();
    starter.wait().unwrap();
    let process = std::path::PathBuf::from(format!("/proc/{}", pid.unwrap().trim()));
    poll_until(Duration::from_secs(60), "its end", || has_ended(&process).then_some(())).unwrap();
}

/// Gone, or dead and not yet collected by whoever inherited it.
fn has_ended(process: &std::path::Path) -> bool {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with('Z'))
}

/// A client that dies in the middle of an insert has inserted nothing, as at a server.
#[test]
fn a_body_that_is_not_whole_is_not_inserted() {
    let clickhouse = ClickHouse::start().unwrap();
    clickhouse.query("CREATE TABLE row (id UInt64) ENGINE = MergeTree ORDER BY id").unwrap();
    let head =
        "POST /?query=INSERT+INTO+row+FORMAT+TabSeparated HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (body, rows) in [("4\r\n1\n2\n\r\n", "0"), ("4\r\n1\n2\n\r\n0\r\n\r\n", "2")] {
        let mut client = TcpStream::connect(clickhouse.address()).unwrap();
        client.write_all([head, body].concat().as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let _ = client.read_to_end(&mut Vec::new()); // how it is told differs, what is kept counts
        assert_eq!(clickhouse.query("SELECT count() FROM row").unwrap(), rows);
    }
}
