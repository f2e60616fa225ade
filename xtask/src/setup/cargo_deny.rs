//! cargo-deny, which checks licences, sources, and who may use which driver.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::checkout::user_cache;
use crate::failure::Result;
use crate::process::{output_of, run_silently};

/// The release that is installed when none is found.
const VERSION: &str = "0.20.2";

/// Older releases do not understand what today's cargo says about packages.
const OLDEST: (u32, u32) = (0, 18);

/// One on the `PATH` that is new enough, else the one an earlier setup installed.
pub(crate) fn find() -> Result<Option<PathBuf>> {
    let path = env::var_os("PATH").unwrap_or_default();
    let ours = folder()?.join("bin");
    let places = env::split_paths(&path).chain([ours]).map(|folder| folder.join("cargo-deny"));
    Ok(places.filter(|file| file.is_file()).find(|file| is_new_enough(file)))
}

/// Compiles it once per user. Speed of the result does not matter, so little is optimised: a minute instead of five.
pub(super) fn bring() -> Result {
    let folder = folder()?;
    eprintln!("    cargo-deny: compiling it, about a minute, once per user");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["install", "--quiet", "--locked", &format!("cargo-deny@{VERSION}"), "--root"])
        .arg(&folder)
        .current_dir(env::temp_dir())
        .env_remove("CARGO_TARGET_DIR")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    run_silently(&mut cargo)
}

fn folder() -> Result<PathBuf> {
    Ok(user_cache()?.join(format!("cargo-deny-{VERSION}")))
}

fn is_new_enough(program: &Path) -> bool {
    output_of(Command::new(program).arg("--version"))
        .ok()
        .and_then(|said| version_in(&said))
        .is_some_and(|found| found >= OLDEST)
}

/// Major and minor number in `cargo-deny 0.20.2`.
fn version_in(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split_whitespace().last()?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_that_cannot_read_todays_metadata_are_passed_over() {
        assert!(version_in("cargo-deny 0.14.2\n").unwrap() < OLDEST);
        assert!(version_in("cargo-deny 0.20.2\n").unwrap() >= OLDEST);
        assert_eq!(version_in("something else"), None);
    }
}
