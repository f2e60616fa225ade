//! `cargo xtask tidy`: rules of this project that no compiler checks.

mod licences;
mod mask;
mod members;
mod rules;
mod runbooks;
mod sources;
mod tree;

use std::env;
use std::fmt;

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use tree::Tree;

pub(crate) const HELP: &str = "\
usage: cargo xtask tidy

- every package takes the workspace's lints, says what it is, and stands in the README
- every rule of docs/behaviour.md has a test that carries its id
- every alert has its runbook, and every runbook that something names exists
- no file over 800 lines, no function over 80
- nothing unfinished, ignored or allowed; no sleeping tests; no paths of one machine
- both licences are there";

/// Something that is not as it should be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    /// From 1; 0 when the finding is about the whole file.
    line: usize,
    what: String,
}

impl Finding {
    fn in_file(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), line: 0, what: what.into() }
    }

    fn at(file: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.into(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// The task itself: every check over the whole checkout.
pub(crate) fn task(checkout: &Checkout, args: &[String]) -> Result {
    if let Some(extra) = args.first() {
        return Err(Failure::usage(format!("tidy takes no arguments, what is `{extra}`?")));
    }
    let tree = Tree::read(checkout.root())?;
    let mut findings = Vec::new();
    findings.extend(members::check(&tree));
    findings.extend(rules::check(&tree));
    findings.extend(runbooks::check(&tree));
    findings.extend(sources::check(&tree));
    findings.extend(sources::check_paths(&tree, &machine_paths(checkout)));
    findings.extend(licences::check(&tree));
    findings.sort();
    for finding in &findings {
        eprintln!("    {finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} findings"))),
    }
}

/// Folders that exist on one machine only: homes, common build folders, and where this checkout happens to lie.
fn machine_paths(checkout: &Checkout) -> Vec<String> {
    let home = env::home_dir().into_iter();
    let here = home.chain([checkout.root().to_path_buf()]).map(|path| path.to_string_lossy().into_owned());
    let usual = ["/root", "/Users", "/work"].map(str::to_owned);
    here.chain(usual)
        .filter(|path| path.len() > 1)
        .map(|path| format!("{}/", path.trim_end_matches('/')))
        .collect()
}
