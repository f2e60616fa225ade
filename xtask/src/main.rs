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

/// What can be asked for.
#[derive(Debug, Clone, Copy)]
enum Task {
    Setup,
    Demo,
    Test,
    Lint,
    Simulate,
    Bench,
    Tidy,
}

impl Task {
    fn parse(word: &str) -> Result<Self> {
        match word {
            "setup" => Ok(Self::Setup),
            "demo" => Ok(Self::Demo),
            "test" => Ok(Self::Test),
            "lint" => Ok(Self::Lint),
            "simulate" => Ok(Self::Simulate),
            "bench" => Ok(Self::Bench),
            "tidy" => Ok(Self::Tidy),
            other => Err(Failure::usage(format!("no task `{other}`\n\n{HELP}"))),
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Setup => setup::HELP,
            Self::Demo => demo::HELP,
            Self::Test => test::HELP,
            Self::Lint => lint::HELP,
            Self::Simulate => simulate::HELP,
            Self::Bench => bench::HELP,
            Self::Tidy => tidy::HELP,
        }
    }

    fn run(self, args: &[String]) -> Result {
        let checkout = Checkout::find()?;
        match self {
            Self::Setup => setup::task(&checkout, args),
            Self::Demo => demo::task(&checkout, args),
            Self::Test => test::task(&checkout, args),
            Self::Lint => lint::task(&checkout, args),
            Self::Simulate => simulate::task(&checkout, args),
            Self::Bench => bench::task(&checkout, args),
            Self::Tidy => tidy::task(&checkout, args),
        }
    }
}

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
    let task = Task::parse(task)?;
    if rest.first().is_some_and(|word| is_help(word)) {
        println!("{}", task.help());
        return Ok(());
    }
    task.run(rest)
}

fn is_help(word: &str) -> bool {
    matches!(word, "help" | "--help" | "-h")
}
