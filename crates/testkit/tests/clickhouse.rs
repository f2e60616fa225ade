//! The ClickHouse handle against the real engine.
#![cfg(test)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use warden_testkit::{ClickHouse, Error};

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
    asking.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with(&clickhouse.pid().unwrap().to_string()), "{answer}");
}
