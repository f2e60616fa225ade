//! What keeps a store from being opened.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use warden_store::schema::SchemaError;

use crate::config::ConfigError;

/// Why an accounts store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The place does not answer, refuses us, or has another schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The SQLite file could not be made or looked at.
    #[error(
        "{path} could not be opened; check that its folder exists and belongs to the user of this program"
    )]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// The operating system's own words.
        #[source]
        source: io::Error,
    },
    /// Others than the owner may read the SQLite file.
    #[error("{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl OpenError {
    /// Whether the store did not answer and may do so later, without anything being changed.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Schema(SchemaError::Unreachable { .. }))
    }
}

/// Makes the file when it is missing, readable by its owner only; the log beside it gets the same mode.
pub(crate) fn make_file(path: &Path) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Unusable { path: path.to_owned(), source };
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let mode = file.and_then(|file| file.metadata()).map_err(unusable)?.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(OpenError::Exposed { path: path.to_owned(), mode }) }
}
