use std::{io, path::PathBuf};

use thiserror::Error;

use crate::keys::{KeyError, KeyId};

/// Why a key file is not used, or was not made. No message shows what is in it.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// There is no such file.
    #[error(
        "key file {path} is missing; restore it, or make the first one with: warden-supervisor accounts new-key {path}"
    )]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// The service manager passed no such credential.
    #[error(
        "no credential {name} was passed; add to the service: LoadCredential={name}:/path/of/its/key/file"
    )]
    NoCredential {
        /// Its name.
        name: String,
    },
    /// A credential cannot have this name.
    #[error("credential name {name:?} is not the name of a file; write it without a path")]
    CredentialName {
        /// The name.
        name: String,
    },
    /// The operating system does not let us read it.
    #[error("key file {path} could not be read; check that it belongs to the user of this program")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The operating system's own words.
        #[source]
        source: io::Error,
    },
    /// It is a symbolic link.
    #[error("key file {path} is a symbolic link; name the file that it leads to")]
    Link {
        /// Which file.
        path: PathBuf,
    },
    /// It is a folder, a pipe or a device.
    #[error("key file {path} is no regular file; name the file that holds the key")]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// It belongs to somebody else, who can read and replace it.
    #[error("key file {path} belongs to user {owner}; run: chown {user} {path}")]
    Owner {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it must be, unless it is root's.
        user: u32,
    },
    /// Its mode is another one than 0400.
    #[error("key file {path} has mode {mode:04o}, and 0400 is right; run: chmod 0400 {path}")]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is too short or too long.
    #[error(
        "key file {path} holds {bytes} bytes, and 64 hexadecimal digits are right; restore it from its backup"
    )]
    Length {
        /// Which file.
        path: PathBuf,
        /// How long it is.
        bytes: u64,
    },
    /// It holds something else than a key.
    #[error("key file {path} holds no hexadecimal digit at place {place}; restore it from its backup")]
    NotHexadecimal {
        /// Which file.
        path: PathBuf,
        /// Where the first wrong character is, from 1.
        place: usize,
    },
    /// A key file is never replaced.
    #[error("{path} exists, and a key file is never replaced; choose another path")]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The new file could not be written.
    #[error("key file {path} could not be written; check its folder and the room on its disk")]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// The operating system's own words.
        #[source]
        source: io::Error,
    },
    /// Both key files hold the same key.
    #[error(
        "the current and the previous key file both hold key {key}; name the old one as previous, or none"
    )]
    SameTwice {
        /// The key.
        key: KeyId,
    },
    /// There is no new key.
    #[error(transparent)]
    Random(KeyError),
}
