use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use warden_bridge_sim::World;

/// The ledger as a file, one JSON object a line.
pub(crate) struct LedgerFile {
    path: PathBuf,
    file: File,
    written: usize,
}

impl LedgerFile {
    /// Opens the file for appending.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let opened = OpenOptions::new().create(true).append(true).open(path);
        let file = opened.with_context(|| format!("cannot open the ledger {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file, written: 0 })
    }

    /// The lines that are not written yet.
    pub(crate) fn fresh(&self, world: &World) -> Vec<String> {
        world.ledger().entries()[self.written..].iter().map(|entry| entry.to_json() + "\n").collect()
    }

    /// Appends lines.
    pub(crate) fn append(&mut self, lines: &[String]) -> anyhow::Result<()> {
        self.file
            .write_all(lines.concat().as_bytes())
            .with_context(|| format!("cannot write the ledger {}", self.path.display()))?;
        self.written += lines.len();
        Ok(())
    }

    /// Makes sure that it survives.
    pub(crate) fn sync(&self) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| format!("cannot sync the ledger {}", self.path.display()))
    }
}
