//! The prebuilt DuckDB library, from the npm package that DuckDB itself publishes for its Node client.

use std::env;
use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use crate::checkout::{Checkout, user_cache};
use crate::failure::{Doing, Failure, Result};
use crate::process::{output_of, run_silently};

/// The release whose C interface the `duckdb` crate of the workspace binds.
const VERSION: &str = "1.5.6-r.1";

/// Beside the library: which release it is, so that a later one replaces it.
const STAMP: &str = "VERSION";

/// The library this checkout links: the caller's own (`DUCKDB_LIB_DIR`), else the one in `.tools/duckdb`.
pub(super) fn find(checkout: &Checkout) -> Result<Option<PathBuf>> {
    let ours = folder(checkout);
    let name = file_name()?;
    match env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from) {
        Some(theirs) if theirs != ours => {
            let library = theirs.join(name);
            if library.is_file() {
                return Ok(Some(library));
            }
            Err(Failure::new(format!(
                "DUCKDB_LIB_DIR is set but {} does not exist: unset the variable or put libduckdb there",
                library.display()
            )))
        }
        _ => Ok(Some(ours.join(name)).filter(|library| library.is_file() && stamp(&ours) == Some(release()))),
    }
}

/// Brings it: from the user's cache, else through npm into that cache, then into the checkout.
pub(super) fn bring(checkout: &Checkout) -> Result {
    let name = file_name()?;
    let cached = user_cache()?.join(format!("libduckdb-{VERSION}-{}", platform()?)).join(name);
    if cached.is_file() {
        eprintln!("    libduckdb: from the cache of an earlier setup, {}", cached.display());
    } else {
        download(&cached, name)?;
    }
    let ours = folder(checkout);
    fs::create_dir_all(&ours).doing(format_args!("could not create {}", ours.display()))?;
    place(&cached, &ours.join(name))?;
    fs::write(ours.join(STAMP), release()).doing("could not note the release of libduckdb")
}

fn folder(checkout: &Checkout) -> PathBuf {
    checkout.tools().join("duckdb")
}

fn release() -> String {
    format!("{VERSION}\n")
}

fn stamp(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(STAMP)).ok()
}

/// Downloads beside the final place and renames: whoever looks sees the whole library or none.
fn download(cached: &Path, name: &str) -> Result {
    let parent = cached.parent().expect("the cached library lies in a folder of its own");
    fs::create_dir_all(parent).doing(format_args!("could not create {}", parent.display()))?;
    let scratch = parent.join(format!("partial-{}", process::id()));
    fs::create_dir_all(&scratch).doing(format_args!("could not create {}", scratch.display()))?;
    let fetched = fetch(&scratch, name)
        .and_then(|library| fs::rename(library, cached).doing("could not move libduckdb into the cache"));
    let cleared = fs::remove_dir_all(&scratch).doing(format_args!("could not remove {}", scratch.display()));
    fetched.and(cleared)
}

fn fetch(scratch: &Path, name: &str) -> Result<PathBuf> {
    let package = format!("@duckdb/node-bindings-{}@{VERSION}", platform()?);
    let mut npm = Command::new("npm");
    npm.current_dir(scratch).args(["pack", "--silent", &package]);
    eprintln!("    $ npm pack {package}");
    let said = output_of(&mut npm).map_err(|failure| {
        Failure::new(format!(
            "{failure}\nlibduckdb comes through npm: install npm (Debian: apt-get install -y npm), \
             or point DUCKDB_LIB_DIR at a folder with {name} of DuckDB {VERSION}"
        ))
    })?;
    let archive = said.lines().last().unwrap_or_default().trim();
    let inside = format!("package/{name}");
    // -m: dated today, so that cargo sees a library newer than what was linked to the old one
    run_silently(Command::new("tar").current_dir(scratch).args(["-xzmf", archive, &inside]))?;
    Ok(scratch.join(inside))
}

/// A hard link costs no disk; across file systems it is a copy, renamed into place so that it is never half there.
fn place(cached: &Path, target: &Path) -> Result {
    let scratch = target.with_extension(format!("partial-{}", process::id()));
    fs::hard_link(cached, &scratch)
        .or_else(|_| fs::copy(cached, &scratch).map(drop))
        .and_then(|()| fs::rename(&scratch, target))
        .doing(format_args!("could not put libduckdb at {}", target.display()))
}

/// The platform as the packages are named.
fn platform() -> Result<String> {
    let os = match OS {
        "linux" => "linux",
        "macos" => "darwin",
        other => return Err(unsupported(other)),
    };
    let arch = match ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => return Err(unsupported(other)),
    };
    Ok(format!("{os}-{arch}"))
}

fn file_name() -> Result<&'static str> {
    match OS {
        "linux" => Ok("libduckdb.so"),
        "macos" => Ok("libduckdb.dylib"),
        other => Err(unsupported(other)),
    }
}

fn unsupported(what: &str) -> Failure {
    Failure::new(format!("no prebuilt libduckdb for {what}: build with `--features bundled` instead"))
}
