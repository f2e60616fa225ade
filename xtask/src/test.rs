//! `cargo xtask test`: everything that can fail, with the real servers it needs.

use std::process::{Command, Stdio};

use crate::checkout::Checkout;
use crate::failure::Result;
use crate::process::{cargo, run};
use crate::setup::{self, Profile};
use crate::simulate;
use crate::steps::Steps;

pub(crate) const HELP: &str = "\
usage: cargo xtask test [FILTER...]

Brings libduckdb, redis-server, promtool, PostgreSQL and chdb-core, builds the programs, and runs
every test and doctest of the workspace: through cargo-nextest where it is installed, else through `cargo test`; then
2,000 seeds of the simulated world, and at most 200 for each decision that is broken on purpose.
With filters only the tests whose names contain one of them run, and nothing else.";

pub(crate) fn task(checkout: &Checkout, filters: &[String]) -> Result {
    let mut steps = Steps::of("test");
    let ready = steps.step("setup", || setup::have(checkout, Profile::Test))
        // end-to-end tests start the real programs; built together with the tests, so that both share what they need
        && steps.step("build", || run(cargo(checkout).args(["build", "--workspace", "--bins", "--tests"])));
    if ready {
        steps.step("tests", || tests(checkout, filters));
        if filters.is_empty() {
            // without filters only: they name tests, and this is a program
            steps.step("simulated world", || simulate::seeds(checkout));
            steps.step("its teeth", || simulate::mutants(checkout));
            steps.step("doctests", || run(cargo(checkout).args(["test", "--workspace", "--doc", "--quiet"])));
        }
    }
    steps.finish()
}

fn tests(checkout: &Checkout, filters: &[String]) -> Result {
    if has_nextest(checkout) {
        return run(cargo(checkout).args(["nextest", "run", "--workspace", "--no-fail-fast"]).args(filters));
    }
    eprintln!(
        "    cargo-nextest is not installed: using `cargo test` (cargo install --locked cargo-nextest)"
    );
    let mut command = cargo(checkout);
    command.args(["test", "--workspace", "--no-fail-fast", "--quiet", "--lib", "--bins", "--tests", "--"]);
    run(command.args(filters))
}

fn has_nextest(checkout: &Checkout) -> bool {
    let mut asked: Command = cargo(checkout);
    asked.args(["nextest", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}
