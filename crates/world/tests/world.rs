//! The simulated world itself: one seed is one run, wherever and however often it is run.

use std::process::Command;

use warden_world::{Log, regressions, run};

#[test]
fn a_seed_is_one_run_in_one_process() {
    for seed in 1..=6 {
        let (one, other) = (run(seed, Log::None), run(seed, Log::None));
        assert_eq!((one.trace_hash, one.steps), (other.trace_hash, other.steps), "seed {seed}");
        assert!(one.steps > 100, "seed {seed} has {} steps", one.steps);
    }
}

#[test]
fn a_seed_is_one_run_in_two_processes() {
    let told = || {
        let mut simulate = Command::new(env!("CARGO_BIN_EXE_warden-simulate"));
        let output = simulate.args(["--seeds", "6", "--from", "1", "--json"]).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let summary: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        (summary["trace_hash"].clone(), summary["steps"].clone())
    };
    assert_eq!(told(), told());
}

#[test]
fn two_seeds_are_two_runs() {
    assert_ne!(run(1, Log::None).trace_hash, run(2, Log::None).trace_hash);
}

#[test]
fn a_run_that_is_read_is_the_run_that_is_not() {
    let (read, unread) = (run(3, Log::Kept(Vec::new())), run(3, Log::None));
    assert_eq!(read.trace_hash, unread.trace_hash);
    assert!(read.log.len() as u64 >= read.steps && unread.log.is_empty());
}

#[test]
fn every_line_of_the_regressions_is_a_seed() {
    assert!(regressions().count() >= 4);
}
