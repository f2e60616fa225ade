//! Components that Debian packages: installed where we may, named exactly where we may not.

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::failure::{Doing, Failure, Result};
use crate::locate::Tool;
use crate::process::{output_of, run_silently};

/// Debian asks this program whether a service may start; exit code 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs the package that holds the tool. Its service is kept from starting: tests start their own, on own ports.
pub(super) fn bring(tool: Tool) -> Result {
    let package = tool.package();
    if env::var_os(tool.variable()).is_some() {
        return Err(Failure::new(format!("{} names no program: mend or unset it", tool.variable())));
    }
    if !may_install() {
        return Err(Failure::new(format!(
            "{} is missing and cannot be installed from here: run `sudo apt-get install -y --no-install-recommends \
             {package}`, or name the program in {}",
            tool.program(),
            tool.variable(),
        )));
    }
    let _quiet = NoServices::begin()?;
    // a machine that knows the package needs no update of its lists, which is slow and may be refused
    install(package).or_else(|_| {
        run_silently(apt_get().args(["-qq", "update"]))?;
        install(package)
    })
}

fn install(package: &str) -> Result {
    run_silently(apt_get().args(["-qq", "install", "-y", "--no-install-recommends", package]))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn may_install() -> bool {
    let root = output_of(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0");
    root && output_of(Command::new("apt-get").arg("--version")).is_ok()
}

/// While it lives, no service starts; a policy the machine already has stays as it is.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn begin() -> Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        write_policy().doing(format_args!("could not write {POLICY}"))?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(POLICY)
        {
            eprintln!("    remove {POLICY} yourself, or no service will ever start: {error}");
        }
    }
}

#[cfg(unix)]
fn write_policy() -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
    fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn write_policy() -> io::Result<()> {
    Err(io::Error::other("apt-get outside unix"))
}
