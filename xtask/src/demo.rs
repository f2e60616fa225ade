//! `cargo xtask demo`: a simulated fleet in one process.

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use crate::process::{cargo, run};
use crate::setup::{self, Profile};

pub(crate) const HELP: &str = "\
usage: cargo xtask demo [ARGUMENTS]

Brings libduckdb, builds the supervisor (debug: it compiles fastest and is fast enough here)
and runs `warden-supervisor demo ARGUMENTS`. stdout holds what the demo prints, stderr the rest.

  cargo xtask demo                                   watch a fleet fail and recover
  cargo xtask demo --for 30s --speed 30 --json       the summary as one line of JSON
  cargo xtask demo -- --help                         what else the demo understands";

const PROGRAM: [&str; 4] = ["--package", "warden-supervisor-bin", "--bin", "warden-supervisor"];

pub(crate) fn task(checkout: &Checkout, args: &[String]) -> Result {
    eprintln!("==> demo: setup");
    setup::have(checkout, Profile::Demo)?;
    eprintln!("==> demo: build (some minutes the first time)");
    run(cargo(checkout).arg("build").args(PROGRAM))?;
    eprintln!("==> demo: run");
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    run(cargo(checkout).args(["run", "--quiet"]).args(PROGRAM).args(["--", "demo"]).args(args))
        .map_err(|failure| Failure::of_program("the demo did not end well", failure.code()))
}
