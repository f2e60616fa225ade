//! `cargo xtask bench`: measurements, each with its floor from the same run.

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use crate::process::{cargo, run};
use crate::setup::{self, Profile};

pub(crate) const HELP: &str = "\
usage: cargo xtask bench [NAME...] [--json]

Builds the benchmarks with full optimisation and prints a table; with --json one object a line:
{name, value, unit, floor, ratio, target, ok}. Without names all of them run.";

pub(crate) fn task(checkout: &Checkout, args: &[String]) -> Result {
    eprintln!("==> bench: setup");
    setup::have(checkout, Profile::Test)?;
    eprintln!("==> bench: build and run");
    let mut bench = cargo(checkout);
    bench.args(["run", "--profile", "bench", "--package", "warden-benches", "--bin", "warden-bench", "--"]);
    run(bench.args(args))
        .map_err(|failure| Failure::of_program("the benchmarks did not end well", failure.code()))
}
