use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use thiserror::Error;
use warden_domain::{Epoch, InstanceId};

/// Keeps the highest epoch that a gateway has seen of each instance, across restarts.
///
/// Without it a supervisor that lost its ownership could go on to command a gateway that was restarted meanwhile.
pub trait EpochStore: Send + Sync {
    /// The highest epoch seen of an instance; zero when none was.
    fn highest(&self, instance: &InstanceId) -> Epoch;

    /// Keeps these epochs durably, where they are higher than what is kept; may block.
    ///
    /// # Errors
    /// When they could not be kept; the caller takes nothing under them then.
    fn raise(&self, seen: &[(InstanceId, Epoch)]) -> Result<(), EpochStoreError>;
}

/// Why epochs could not be read or kept.
#[derive(Debug, Error)]
pub enum EpochStoreError {
    /// The file could not be read or written.
    #[error("cannot keep epochs in {path}; make the folder writable for the gateway")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{path}, line {line} is not `instance epoch`; restore the file, or remove it when no supervisor is running"
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
    },
}

/// Keeps epochs in memory: for tests and for simulated terminals that end with their supervisor.
#[derive(Debug, Default)]
pub struct MemoryEpochs(Mutex<BTreeMap<InstanceId, Epoch>>);

impl EpochStore for MemoryEpochs {
    fn highest(&self, instance: &InstanceId) -> Epoch {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(instance).copied().unwrap_or_default()
    }

    fn raise(&self, seen: &[(InstanceId, Epoch)]) -> Result<(), EpochStoreError> {
        merge(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), seen);
        Ok(())
    }
}

/// Keeps epochs in a text file, one `instance epoch` a line; replaced as a whole and synced at every change.
#[derive(Debug)]
pub struct EpochFile {
    path: PathBuf,
    kept: Mutex<BTreeMap<InstanceId, Epoch>>,
}

impl EpochFile {
    /// Reads the file; a missing one holds no epochs.
    ///
    /// # Errors
    /// When the file cannot be read, or holds anything but epochs.
    pub fn open(path: &Path) -> Result<Self, EpochStoreError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(EpochStoreError::Io { path: path.to_owned(), source }),
        };
        let mut kept = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let (instance, epoch) = read_line(line)
                .ok_or_else(|| EpochStoreError::Unreadable { path: path.to_owned(), line: at + 1 })?;
            kept.insert(instance, epoch);
        }
        Ok(Self { path: path.to_owned(), kept: Mutex::new(kept) })
    }

    fn write(&self, epochs: &BTreeMap<InstanceId, Epoch>) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = File::create(&beside)?;
        let lines: String = epochs.iter().map(|(instance, epoch)| format!("{instance} {epoch}\n")).collect();
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        sync_folder_of(&self.path)
    }
}

impl EpochStore for EpochFile {
    fn highest(&self, instance: &InstanceId) -> Epoch {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(instance).copied().unwrap_or_default()
    }

    fn raise(&self, seen: &[(InstanceId, Epoch)]) -> Result<(), EpochStoreError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut raised = kept.clone();
        merge(&mut raised, seen);
        if raised != *kept {
            self.write(&raised).map_err(|source| EpochStoreError::Io { path: self.path.clone(), source })?;
            *kept = raised;
        }
        Ok(())
    }
}

fn merge(kept: &mut BTreeMap<InstanceId, Epoch>, seen: &[(InstanceId, Epoch)]) {
    for (instance, epoch) in seen {
        let highest = kept.entry(instance.clone()).or_default();
        *highest = (*highest).max(*epoch);
    }
}

fn read_line(line: &str) -> Option<(InstanceId, Epoch)> {
    let (instance, epoch) = line.split_once(' ')?;
    Some((InstanceId::new(instance).ok()?, Epoch(epoch.parse().ok()?)))
}

/// Makes durable that the file is there, under its name.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_folder(folder)
}

/// Makes a rename durable; only where folders can be opened as files.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> InstanceId {
        InstanceId::new(text).unwrap()
    }

    #[test]
    fn epochs_survive_a_restart_and_never_fall() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epochs");
        let file = EpochFile::open(&path).unwrap();
        assert_eq!(file.highest(&id("a")), Epoch(0));
        file.raise(&[(id("a"), Epoch(3)), (id("b"), Epoch(1))]).unwrap();
        file.raise(&[(id("a"), Epoch(2))]).unwrap();
        drop(file);
        let file = EpochFile::open(&path).unwrap();
        assert_eq!(file.highest(&id("a")), Epoch(3));
        assert_eq!(file.highest(&id("b")), Epoch(1));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a 3\nb 1\n");
    }

    #[test]
    fn a_damaged_file_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epochs");
        fs::write(&path, "a 3\nb three\n").unwrap();
        let fault = EpochFile::open(&path).unwrap_err();
        assert!(matches!(fault, EpochStoreError::Unreadable { line: 2, .. }), "{fault}");
    }

    #[test]
    fn what_could_not_be_written_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone").join("epochs");
        let file = EpochFile::open(&path).unwrap();
        assert!(matches!(file.raise(&[(id("a"), Epoch(3))]), Err(EpochStoreError::Io { .. })));
        assert_eq!(file.highest(&id("a")), Epoch(0));
    }
}
