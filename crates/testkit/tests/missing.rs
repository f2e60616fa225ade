//! What is not installed is an error that says how to get it.

use std::process::Command;

use warden_testkit::locate::Tool;
use warden_testkit::{Error, Postgres, Redis, promtool};

#[test]
fn a_named_program_that_is_not_there_is_missing_and_the_command_that_brings_it_is_named() {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "what_a_process_without_the_programs_sees", "--nocapture"]);
    for tool in [Tool::RedisServer, Tool::Promtool, Tool::Initdb] {
        again.env(tool.variable(), "/nonexistent");
    }
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("redis-server is not installed: run `cargo xtask setup test`"), "{said}");
    assert!(said.contains("promtool is not installed: run `cargo xtask setup test`"), "{said}");
    assert!(said.contains("initdb is not installed: run `cargo xtask setup test`"), "{said}");
}

#[test]
fn what_a_process_without_the_programs_sees() {
    let absent = std::env::var_os(Tool::RedisServer.variable()).is_some();
    for outcome in [Redis::start().map(drop), Postgres::start().map(drop), promtool(["--version"]).map(drop)]
    {
        match outcome {
            Err(error @ Error::Missing(_)) if absent => println!("{error}"),
            outcome => assert!(outcome.is_ok() && !absent, "{outcome:?}"),
        }
    }
}
