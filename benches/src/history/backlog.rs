//! Hours of an outage: a backlog of five million rows is drained by a process of its own, whose memory is watched.

use std::{fs, path::Path, process::Command, sync::Arc};

use warden_store_clickhouse::ClickHouseHistory;

use super::{
    rig::{self, Fault, Filled, Target},
    runtime,
};
use crate::{Figures, figure::Figure, resident::resident};

const ROWS: u64 = 5_000_000;

/// Tells the program to be the process that drains.
pub const DRAIN: &str = "--drain";

/// Every figure of a backlog.
///
/// # Errors
/// When a store or the process fails.
pub fn figures() -> Figures {
    let runtime = runtime()?;
    let filled = Filled::new(ROWS, &runtime)?;
    let target = runtime.block_on(Target::start())?;
    let drain = Command::new(std::env::current_exe()?)
        .arg(DRAIN)
        .arg(filled.folder())
        .arg(&target.config().url)
        .output()?;
    let said = String::from_utf8_lossy(&drain.stdout);
    let said: Vec<f64> = said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [above, secs] = said[..] else {
        return Err(format!("the draining process said: {}", String::from_utf8_lossy(&drain.stderr)).into());
    };
    target.holds(ROWS)?;
    Ok(vec![
        Figure::at_most("history.backlog".to_owned(), above / f64::from(1 << 20), "MiB", 256.0),
        Figure::noted("history.backlog.rate".to_owned(), ROWS as f64 / secs, "rows/s"),
    ])
}

/// Drains the journal in `folder` into the ClickHouse at `url`, and prints by how many bytes it grew above what it held
/// before, and how many seconds that took.
///
/// # Errors
/// When a store fails, or the system does not say what is resident.
pub fn drain(folder: &Path, url: &str) -> Result<(), Fault> {
    let runtime = runtime()?;
    let journal = rig::open(folder)?;
    let history = Arc::new(ClickHouseHistory::connect(&rig::config(url.to_owned()))?);
    let idle = resident("VmRSS")?;
    fs::write("/proc/self/clear_refs", "5")?; // from here on the peak counts anew
    let took = runtime.block_on(rig::export(&journal, history))?;
    let peak = resident("VmHWM")?;
    runtime.block_on(journal.close())?;
    println!("{} {}", peak.saturating_sub(idle), took.as_secs_f64());
    Ok(())
}
