//! What of this process is in memory.

use std::{error::Error, fs};

/// So many bytes are resident now (`VmRSS`), or were at most (`VmHWM`).
///
/// # Errors
/// When the system does not say.
pub fn resident(line: &str) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let said = status.lines().find_map(|said| said.strip_prefix(line)?.strip_prefix(':'));
    let said = said.ok_or_else(|| format!("no {line} in /proc/self/status"))?;
    let kib: u64 = said.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib * 1_024)
}
