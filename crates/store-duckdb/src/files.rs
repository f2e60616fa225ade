use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use duckdb::Connection;
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
        Ok(Self::named(folder))
    }

    /// Changes nothing.
    pub(crate) fn named(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
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
    pub(crate) fn lock(&self) -> Result<FileLock, Fault> {
        let taken =
            FileLock::take(&self.lock_file()).map_err(|error| Fault::io("open", &self.folder, error))?;
        taken.ok_or(Fault::InUse)
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.folder.join("journal.lock")
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
        quarantine(&self.folder, |name| {
            let ours = name.starts_with("journal.") && name != "journal.lock";
            ours.then_some(name == "journal.head")
        })
    }

    fn suspect(&self) -> PathBuf {
        self.folder.join("journal.suspect")
    }
}

/// Moves files of a folder to a new folder below its `quarantine`: those for which `is_last` answers, and those for
/// which it answers yes after the others.
pub(crate) fn quarantine(folder: &Path, is_last: impl Fn(&str) -> Option<bool>) -> io::Result<PathBuf> {
    let quarantine = new_quarantine(folder)?;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if let Some(last) = is_last(&name.to_string_lossy()) {
            names.push((last, name));
        }
    }
    names.sort();
    for (_, name) in names {
        fs::rename(folder.join(&name), quarantine.join(&name))?;
    }
    File::open(&quarantine)?.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(quarantine)
}

fn new_quarantine(folder: &Path) -> io::Result<PathBuf> {
    let parent = folder.join("quarantine");
    fs::create_dir_all(&parent)?;
    let moment = Timestamp::from(SystemTime::now()).to_string().replace(':', "-");
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

/// Keeps other processes away from what it stands for.
#[derive(Debug)]
pub(crate) struct FileLock(File);

impl FileLock {
    /// Locks a file, which is made when it is missing; `None` when another has it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for FileLock {
    /// Closing the file is not enough: a child that is just being started holds a copy of it.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "could not unlock a file");
        }
    }
}

/// Makes the folder of a file, for its owner only, when it is missing; answers it.
pub(crate) fn make_folder_of(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    Ok(folder)
}

/// Makes a DuckDB file without tables that only its owner reads and writes, whole or not at all.
pub(crate) fn make_database(path: &Path) -> io::Result<()> {
    let folder = make_folder_of(path)?;
    let begun = path.with_extension("begun");
    match fs::remove_file(&begun) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    Connection::open(&begun).and_then(|conn| conn.execute_batch("CHECKPOINT")).map_err(io::Error::other)?;
    keep_private(&begun)?;
    File::open(&begun)?.sync_all()?;
    fs::rename(&begun, path)?;
    File::open(folder)?.sync_all()
}

/// Lets only the owner read and write a file that is there.
pub(crate) fn keep_private(path: &Path) -> io::Result<()> {
    match fs::set_permissions(path, Permissions::from_mode(0o600)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
