//! A ClickHouse that is as good as on another machine: a process of its own holds it, whose threads step back for
//! everything else, and its tables lie in memory, away from the journal's disk.

use std::{
    io::{self, BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
};

use warden_store_clickhouse::ClickHouseConfig;

use super::{
    rig::{self, Fault, Target},
    runtime,
};

/// Tells the program to be the process that holds it.
pub const SERVE: &str = "--serve";

/// Where files lie in memory.
const MEMORY: &str = "/dev/shm";

/// The process and the way to its ClickHouse; it ends when this is dropped.
pub struct Elsewhere {
    child: Child,
    config: ClickHouseConfig,
}

impl Elsewhere {
    /// Starts one with the tables of the history.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start() -> Result<Self, Fault> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SERVE)
            .env("TMPDIR", MEMORY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        if let Some(said) = child.stdout.take() {
            BufReader::new(said).read_line(&mut url)?;
        }
        let elsewhere = Self { child, config: rig::config(url.trim().to_owned()) };
        elsewhere.config.validate()?;
        Ok(elsewhere)
    }

    /// How to reach it.
    #[must_use]
    pub fn config(&self) -> &ClickHouseConfig {
        &self.config
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.child.stdin.take()); // that it hears
        if let Err(fault) = self.child.wait() {
            eprintln!("the process that held ClickHouse did not end: {fault}");
        }
    }
}

/// Holds a ClickHouse, says where it is, and ends with its input.
///
/// # Errors
/// When it does not start.
pub fn serve() -> Result<(), Fault> {
    rustix::process::nice(19)?; // what is started from here on inherits it
    let target = runtime()?.block_on(Target::start())?;
    println!("{}", target.config().url);
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
