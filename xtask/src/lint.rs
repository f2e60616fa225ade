//! `cargo xtask lint`: what must be clean before a change is shared.

use std::process::Command;

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use crate::process::{cargo, run};
use crate::setup::{self, Profile};
use crate::steps::Steps;
use crate::tidy;

pub(crate) const HELP: &str = "\
usage: cargo xtask lint

Format, clippy over all targets, documentation, `cargo deny check bans licenses sources`, and
`cargo xtask tidy`; every warning is an error. All of them run, whatever fails before.
Advisories are not checked: they need a database from the network (`cargo deny check advisories`).";

pub(crate) fn task(checkout: &Checkout, args: &[String]) -> Result {
    if let Some(extra) = args.first() {
        return Err(Failure::usage(format!("lint takes no arguments, what is `{extra}`?")));
    }
    let mut steps = Steps::of("lint");
    steps.step("setup", || setup::have(checkout, Profile::Lint));
    steps.step("format", || run(cargo(checkout).args(["fmt", "--all", "--check"])));
    steps.step("tidy", || tidy::task(checkout, &[]));
    steps.step("dependencies", || deny(checkout));
    steps.step("clippy", || {
        run(cargo(checkout).args([
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    });
    steps.step("documentation", || {
        // libraries only: a program and its library would write the same page
        let mut doc = cargo(checkout);
        run(doc
            .args(["doc", "--quiet", "--workspace", "--no-deps", "--lib"])
            .env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.finish()
}

/// Wrappers that a package may use and does not are no fault.
const QUIET: [&str; 2] = ["--allow", "unused-wrapper"];

fn deny(checkout: &Checkout) -> Result {
    let Some(program) = setup::find_cargo_deny()? else {
        return Err(Failure::new("cargo-deny is missing: `cargo xtask setup lint` brings it"));
    };
    let check = |config: &str, what: &[&str]| {
        let mut deny = Command::new(&program);
        deny.current_dir(checkout.root()).args(["--locked", "--config", config, "check"]);
        run(deny.args(QUIET).args(what))
    };
    check("deny.toml", &["bans", "licenses", "sources"])?;
    check("xtask/deny-test-only.toml", &["bans"])
}
