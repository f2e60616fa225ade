//! What a contributor to mt5-warden runs: `cargo xtask --help`.

mod bench;
mod checkout;
mod demo;
mod failure;
mod lint;
#[path = "../../crates/testkit/src/locate.rs"]
#[expect(unreachable_pub, reason = "shared with the test kit, where all of it is public")]
#[cfg_attr(not(test), expect(dead_code, reason = "only the test kit names the profile that brings a tool"))]
mod locate;
mod process;
mod setup;
mod simulate;
mod steps;
mod test;
mod tidy;

use std::env;
use std::process::ExitCode;

use checkout::Checkout;
use failure::{Failure, Result};

const HELP: &str = "\
usage: cargo xtask TASK [ARGUMENTS]

  setup [PROFILE]      brings what is missing: demo, test, lint, all
  demo [ARGUMENTS]     a simulated fleet, failing and recovering before your eyes
  test [FILTER...]     every test, with the servers they need
  lint                 format, clippy, documentation, dependencies, tidy
  simulate [ARGUMENTS] the real driver in a simulated world, by the seed; --mutants proves that it has teeth
  bench [NAME...]      measurements with their floors; --json for one object a line
  tidy                 rules of this project that no compiler checks

`cargo xtask TASK --help` says more. Exit codes: 0 done, 1 failed, 2 not understood;
`demo`, `simulate` and `bench` end with the code of the program they run.";

/// A task: its name, what its `--help` says, and what it does.
type Task = (&'static str, &'static str, fn(&Checkout, &[String]) -> Result);

const TASKS: [Task; 7] = [
    ("setup", setup::HELP, setup::task),
    ("demo", demo::HELP, demo::task),
    ("test", test::HELP, test::task),
    ("lint", lint::HELP, lint::task),
    ("simulate", simulate::HELP, simulate::task),
    ("bench", bench::HELP, bench::task),
    ("tidy", tidy::HELP, tidy::task),
];

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn dispatch(args: &[String]) -> Result {
    let Some((task, rest)) = args.split_first() else {
        return Err(Failure::usage(format!("which task?\n\n{HELP}")));
    };
    if is_help(task) {
        println!("{HELP}");
        return Ok(());
    }
    let Some((_, help, run)) = TASKS.iter().find(|(name, ..)| name == task) else {
        return Err(Failure::usage(format!("no task `{task}`\n\n{HELP}")));
    };
    if rest.first().is_some_and(|word| is_help(word)) {
        println!("{help}");
        return Ok(());
    }
    run(&Checkout::find()?, rest)
}

fn is_help(word: &str) -> bool {
    matches!(word, "help" | "--help" | "-h")
}
