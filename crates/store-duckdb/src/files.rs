use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use warden_domain::Timestamp;

use crate::fault::Fault;

/// The journal's files in its folder.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Makes the folder when it is missing.
    pub(crate) fn in_folder(folder: &Path) -> Result<Self, Fault> {
        fs::create_dir_all(folder).map_err(|error| Fault::io("open", folder, error))?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("journal.duckdb")
    }

    pub(crate) fn head(&self) -> PathBuf {
        self.folder.join("journal.head")
    }

    /// Bytes of the write-ahead log; 0 when there is none.
    pub(crate) fn wal_bytes(&self) -> u64 {
        fs::metadata(self.folder.join("journal.duckdb.wal")).map_or(0, |about| about.len())
    }

    /// Whether a read found damage since the last opening.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect().exists()
    }

    /// Has the next opening prove every row.
    pub(crate) fn mark_suspect(&self) {
        if let Err(error) = File::create(self.suspect()) {
            tracing::warn!(%error, "could not mark the journal for a full check");
        }
    }

    pub(crate) fn clear_suspect(&self) {
        if let Err(error) = fs::remove_file(self.suspect()) {
            tracing::warn!(%error, "could not take back the mark for a full check");
        }
    }

    /// Keeps other processes out for as long as the answer lives.
    pub(crate) fn lock(&self) -> Result<FolderLock, Fault> {
        let path = self.folder.join("journal.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| Fault::io("open", &self.folder, error))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock(file)),
            Err(TryLockError::WouldBlock) => Err(Fault::InUse),
            Err(TryLockError::Error(error)) => Err(Fault::io("lock", &self.folder, error)),
        }
    }

    /// Moves every file of the journal to a folder of its own and says so; the head goes last, so that an interrupted
    /// move is found again.
    pub(crate) fn set_aside(&self, reason: String) -> Fault {
        match self.move_to_quarantine() {
            Ok(quarantine) => {
                tracing::error!(%reason, quarantine = %quarantine.display(), "the journal is damaged and was set aside");
                Fault::Damaged(reason, quarantine)
            }
            Err(error) => Fault::io("quarantine", &self.folder, error),
        }
    }

    fn move_to_quarantine(&self) -> io::Result<PathBuf> {
        let quarantine = self.new_quarantine()?;
        let mut names: Vec<_> =
            fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.retain(|name| name.to_string_lossy().starts_with("journal.") && name != "journal.lock");
        names.sort_by_key(|name| name == OsStr::new("journal.head"));
        for name in names {
            fs::rename(self.folder.join(&name), quarantine.join(&name))?;
        }
        File::open(&quarantine)?.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        Ok(quarantine)
    }

    fn new_quarantine(&self) -> io::Result<PathBuf> {
        let parent = self.folder.join("quarantine");
        fs::create_dir_all(&parent)?;
        let moment = now().to_string().replace(':', "-");
        let mut path = parent.join(&moment);
        let mut count = 1;
        while let Err(error) = fs::create_dir(&path) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            count += 1;
            path = parent.join(format!("{moment}-{count}"));
        }
        Ok(path)
    }

    fn suspect(&self) -> PathBuf {
        self.folder.join("journal.suspect")
    }
}

/// Keeps other processes out of the folder.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl Drop for FolderLock {
    /// Closing the file is not enough: a child that is just being started holds a copy of it.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "could not unlock the journal's folder");
        }
    }
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
