//! Alert rules, judged by Prometheus itself.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::error::{Doing, Error, Result};
use crate::locate::Tool;

/// Runs `promtool` with the arguments and gives what it printed.
///
/// # Errors
///
/// [`Error::Missing`] when it is not installed, [`Error::Ended`] with its words when it was not satisfied.
///
/// # Example
///
/// ```
/// assert!(warden_testkit::promtool(["--version"])?.contains("promtool"));
/// # Ok::<(), warden_testkit::Error>(())
/// ```
pub fn promtool<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Result<String> {
    let program = Tool::Promtool.find().ok_or(Error::Missing(Tool::Promtool))?;
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().doing("start promtool")?;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(said);
    }
    Err(Error::Ended { program: "promtool".into(), status: output.status, said })
}
