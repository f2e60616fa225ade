//! chdb-core: the ClickHouse engine as a Python library, behind which the test kit puts a small HTTP front.

use std::path::PathBuf;
use std::process::Command;

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use crate::process::run_silently;

/// The release the history adapter is tested against, and the codec its inserts come in.
const PACKAGES: [&str; 2] = ["chdb-core==26.9.0", "lz4"];

/// The package inside the checkout's own Python folder.
pub(super) fn find(checkout: &Checkout) -> Option<PathBuf> {
    Some(folder(checkout).join("chdb")).filter(|package| package.join("__init__.py").is_file())
}

/// Installs it there, and nothing it would like beside it: no Python environment of the user is touched.
pub(super) fn bring(checkout: &Checkout) -> Result {
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--upgrade",
        "--target",
    ]);
    run_silently(pip.arg(folder(checkout)).args(PACKAGES)).map_err(|failure| {
        Failure::new(format!(
            "{failure}\nchdb-core comes through pip: install python3 and pip (Debian: python3-pip)"
        ))
    })
}

fn folder(checkout: &Checkout) -> PathBuf {
    checkout.tools().join("python")
}
