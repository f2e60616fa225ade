//! chdb-core: the ClickHouse engine as a Python library, behind which the test kit puts a small HTTP front.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use crate::checkout::Checkout;
use crate::failure::{Doing, Failure, Result};
use crate::process::run_silently;

/// The release the history adapter is tested against.
const VERSION: &str = "26.9.0";

/// The codec its inserts come in; any release will do.
const CODEC: &str = "lz4";

/// Seconds pip may hear nothing from its index, unless the caller has an opinion: its own 15 are short for a package of
/// this size from a mirror that has to fetch it first.
const PATIENCE: (&str, &str) = ("PIP_DEFAULT_TIMEOUT", "180");

/// The package inside the checkout's own Python folder, when it is this release.
pub(super) fn find(checkout: &Checkout) -> Option<PathBuf> {
    let folder = folder(checkout);
    let complete =
        folder.join(format!("chdb_core-{VERSION}.dist-info")).is_dir() && folder.join(CODEC).is_dir();
    Some(folder.join("chdb")).filter(|package| complete && package.join("__init__.py").is_file())
}

/// Installs it there, and nothing it would like beside it: no Python environment of the user is touched.
///
/// Installed beside the final place and renamed: whoever looks sees the whole package or none, also after an interrupt.
pub(super) fn bring(checkout: &Checkout) -> Result {
    let place = folder(checkout);
    let scratch = place.with_file_name(format!("python-partial-{}", process::id()));
    eprintln!("    chdb-core: some 540 MB once unpacked, this can take minutes");
    install(&scratch).and_then(|()| replace(&place, &scratch)).inspect_err(|_| {
        // what pip left of a failed attempt is of no use, and may not be there at all
        let _ = fs::remove_dir_all(&scratch);
    })
}

fn install(target: &Path) -> Result {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--retries", "10"]);
    if env::var_os(PATIENCE.0).is_none() {
        pip.env(PATIENCE.0, PATIENCE.1);
    }
    pip.arg("--target").arg(target).args([format!("chdb-core=={VERSION}"), CODEC.to_owned()]);
    run_silently(&mut pip).map_err(|failure| {
        Failure::new(format!(
            "{failure}\nchdb-core comes through pip: install python3 and pip (Debian: python3-pip)"
        ))
    })
}

fn replace(place: &Path, scratch: &Path) -> Result {
    if place.exists() {
        fs::remove_dir_all(place).doing(format_args!("could not remove {}", place.display()))?;
    }
    fs::rename(scratch, place).doing(format_args!("could not move chdb-core to {}", place.display()))
}

fn folder(checkout: &Checkout) -> PathBuf {
    checkout.tools().join("python")
}
