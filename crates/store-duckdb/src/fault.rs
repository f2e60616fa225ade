use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use warden_store::{JournalError, schema::SchemaError};

/// A [`JournalError`] that can be given to every waiter of a failed commit.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Storage { action: &'static str, source: Arc<dyn Error + Send + Sync> },
    Damaged(String, PathBuf),
    DiskFull { action: &'static str, source: Arc<dyn Error + Send + Sync> },
    NotWritable(PathBuf),
    NewerSchema { found: u64, known: u64 },
    Schema(Arc<SchemaError>),
    InUse,
    Closed,
}

/// What DuckDB's words mean for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    DiskFull,
    NotWritable,
    InUse,
    /// The file may be well: memory, descriptors, a file of another DuckDB line, our own statement.
    Refused,
    /// The content is not what was written.
    Damage,
}

impl Fault {
    pub(crate) fn storage(action: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Storage { action, source: Arc::from(source.into()) }
    }

    pub(crate) fn schema(error: SchemaError) -> Self {
        match error {
            SchemaError::Newer { place: _, found, known } => {
                Self::NewerSchema { found: found.into(), known: known.into() }
            }
            SchemaError::Unreachable { .. }
            | SchemaError::Refused { .. }
            | SchemaError::Failed { .. }
            | SchemaError::Locked { .. }
            | SchemaError::InUse { .. }
            | SchemaError::Edited { .. }
            | SchemaError::Missing { .. }
            | SchemaError::Behind { .. } => Self::Schema(Arc::new(error)),
        }
    }

    pub(crate) fn io(action: &'static str, folder: &Path, error: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let kind = error.kind();
        if matches!(kind, StorageFull | QuotaExceeded | FileTooLarge) {
            Self::DiskFull { action, source: Arc::new(error) }
        } else if matches!(kind, PermissionDenied | ReadOnlyFilesystem) {
            Self::NotWritable(folder.to_owned())
        } else {
            Self::storage(action, error)
        }
    }

    pub(crate) fn duckdb(action: &'static str, folder: &Path, error: duckdb::Error) -> Self {
        match meaning(&error) {
            Meaning::DiskFull => Self::DiskFull { action, source: Arc::new(error) },
            Meaning::NotWritable => Self::NotWritable(folder.to_owned()),
            Meaning::InUse => Self::InUse,
            Meaning::Refused | Meaning::Damage => Self::storage(action, error),
        }
    }
}

impl From<Fault> for JournalError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Storage { action, source } => Self::Storage { action, source: Box::new(source) },
            Fault::Damaged(reason, quarantine) => Self::Damaged(reason, quarantine),
            Fault::DiskFull { action, source } => Self::DiskFull { action, source: Box::new(source) },
            Fault::NotWritable(folder) => Self::NotWritable(folder),
            Fault::NewerSchema { found, known } => Self::NewerSchema { found, known },
            Fault::Schema(error) => Self::Schema(error),
            Fault::InUse => Self::InUse,
            Fault::Closed => Self::Closed,
        }
    }
}

/// DuckDB tells its errors apart by their text only. What is not known to be harmless counts as damage: then the file
/// is kept beside, and nothing of it is believed.
pub(crate) fn meaning(error: &duckdb::Error) -> Meaning {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["No space left on device", "Disk quota exceeded", "File too large"]) {
        Meaning::DiskFull
    } else if says(&["Permission denied", "Read-only file system"]) {
        Meaning::NotWritable
    } else if says(&["Could not set lock on file"]) {
        Meaning::InUse
    } else if says(&[
        "Out of Memory Error",
        "Too many open files",
        "INTERRUPT Error",
        "we can only read versions",
    ]) {
        Meaning::Refused
    } else {
        Meaning::Damage
    }
}
