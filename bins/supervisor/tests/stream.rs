//! The stream of signals in a real Redis, read by the program.
#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

#[expect(dead_code, reason = "the other test binaries use the rest of it")]
mod setup;

use std::time::{SystemTime, UNIX_EPOCH};

use setup::{SOON, Setup, last_line};
use warden_domain::Timestamp;
use warden_testkit::{Redis, poll_until};

fn now() -> String {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap()).to_string()
}

/// Waits until it is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    poll_until(SOON, what, || so().then_some(())).unwrap();
}

#[test]
fn trd_7_signals_come_in_by_the_stream_and_what_cannot_be_read_is_kept_apart() {
    let redis = Redis::start().unwrap();
    let setup = Setup::new();
    let stores = format!(
        "[redis]\nurl = \"{}\"\n[trading]\nsymbols = [\"EURUSD\"]\nready_within = \"0s\"\n",
        redis.url()
    );
    setup.put("w.toml", &(setup.config("data", setup.port) + &stores), 0o644);
    let mut supervisor = setup.supervisor();
    let add = |fields: &str| {
        let line = format!("XADD trade_signals * {fields}");
        redis.cli(&line.split(' ').collect::<Vec<_>>()).unwrap();
    };
    add("key s-1 password hunter2");
    let created = now();
    add(&format!(
        "key s-2 source test created_at {created} instances acct-1,acct-2 action open symbol EURUSD side BUY sizing fixed lots 0.10"
    ));
    until("a dead letter", || redis.cli(&["XLEN", "trade_signals:dead"]).unwrap().trim() == "1");
    let letter = redis.cli(&["XRANGE", "trade_signals:dead", "-", "+"]).unwrap();
    assert!(letter.contains("password is not a known field"), "{letter}");
    let report = || setup.ends(&["report", "s-2", "--json", "--config", "w.toml"]);
    until("a report", || report().code == Some(0));
    let report = last_line(&report());
    assert_eq!(report["lines"].as_array().unwrap().len(), 2, "{report}");
    until("the acknowledgement", || {
        redis.cli(&["XPENDING", "trade_signals", "warden"]).unwrap().lines().next() == Some("0")
    });
    let ended = supervisor.terminate(SOON).unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!format!("{ended:?}").contains("hunter2"), "what a sender put into a wrong field is in no log");
}
