//! `cargo xtask simulate`: the real driver in a simulated world, under every fault, by the seed.

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use crate::process::{cargo, run};

pub(crate) const HELP: &str = "\
usage: cargo xtask simulate [--seeds N] [--from S] [--verbose] [--json] [--regressions]
       cargo xtask simulate --mutants [--seeds N] [--from S] [--only NAME]

Builds the simulated world with full optimisation and runs N seeds (default 100) from S (default 1) on: the real fleet and
export over stores and brokers that fail by the seed. The log of a seed that violates an invariant is told on stderr; the
last line of stdout is {seeds, steps, steps_per_s, violations, faults_by_kind, trace_hash}. `--seeds 1 --from S --verbose`
tells everything that happens in seed S.

--mutants breaks one decision of the policy at a time, and runs at most N seeds (default 200) until one notices it: a build
of its own, whose program is used for nothing else.";

/// The seeds that `cargo xtask test` runs.
const TESTED: &str = "2000";
/// The seeds that it gives each mutant.
const HUNTED: &str = "200";

pub(crate) fn task(checkout: &Checkout, args: &[String]) -> Result {
    let mutants = args.iter().any(|arg| arg == "--mutants");
    simulate(checkout, mutants, args)
}

/// Every seed that found something before, and the first ones.
pub(crate) fn seeds(checkout: &Checkout) -> Result {
    simulate(checkout, false, &["--regressions", "--seeds", TESTED, "--json"].map(str::to_owned))
}

/// Every decision that is broken on purpose is noticed: by the policy's own cases, and by the world as far as it shows them.
pub(crate) fn mutants(checkout: &Checkout) -> Result {
    let mut cases = cargo(checkout);
    cases.args([
        "test",
        "--quiet",
        "--package",
        "warden-policy",
        "--features",
        "mutants",
        "--test",
        "mutants",
    ]);
    run(&mut cases)?;
    simulate(checkout, true, &["--mutants", "--seeds", HUNTED].map(str::to_owned))
}

fn simulate(checkout: &Checkout, mutants: bool, args: &[String]) -> Result {
    let mut simulate = cargo(checkout);
    simulate.args(["run", "--profile", "bench", "--package", "warden-world", "--bin", "warden-simulate"]);
    if mutants {
        simulate.args(["--features", "mutants"]);
    }
    run(simulate.arg("--").args(args))
        .map_err(|failure| Failure::of_program("the simulated world did not end well", failure.code()))
}
