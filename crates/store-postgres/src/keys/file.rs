mod fault;
mod make;

use std::{
    fmt,
    fs::File,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    process::geteuid,
};
use secrecy::{ExposeSecret as _, SecretBox};
use zeroize::Zeroizing;

pub use self::fault::KeyFileError;
use super::KeyId;

/// Hexadecimal digits of a key.
const DIGITS: usize = 64;

/// Where a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In a credential of this name that the service manager passes (systemd `LoadCredential=`).
    Credential(String),
}

impl KeySource {
    /// The file that holds it; `credentials` is the folder of the service manager's credentials, when there is one.
    ///
    /// # Errors
    /// When a credential is named that cannot be a file's name, or there is no folder of credentials.
    pub fn path(&self, credentials: Option<&Path>) -> Result<PathBuf, KeyFileError> {
        match self {
            Self::File(path) => Ok(path.clone()),
            Self::Credential(name) => {
                if matches!(name.as_str(), "" | "." | "..") || name.contains(['/', '\0']) {
                    return Err(KeyFileError::CredentialName { name: name.clone() });
                }
                let folder = credentials.ok_or_else(|| KeyFileError::NoCredential { name: name.clone() })?;
                Ok(folder.join(name))
            }
        }
    }

    fn missing(&self, path: &Path) -> KeyFileError {
        match self {
            Self::File(_) => KeyFileError::Missing { path: path.to_owned() },
            Self::Credential(name) => KeyFileError::NoCredential { name: name.clone() },
        }
    }
}

/// A key-encryption key of 256 bits, named by what it is; never shown, never copied, and overwritten when dropped.
///
/// Its file holds 64 hexadecimal digits, with or without a line feed at the end, and has mode 0400.
pub struct MasterKey {
    id: KeyId,
    bytes: SecretBox<[u8; 32]>,
}

impl MasterKey {
    /// Reads a key file. Blocks for as long as reading takes.
    ///
    /// # Guarantees
    /// What is looked at is the opened file and never its path again. A symbolic link as the last part of the path is
    /// not followed, and a pipe is not waited for.
    ///
    /// # Errors
    /// When the file is missing, cannot be read, is no regular file, belongs to another user than root and the one of
    /// this process, has another mode than 0400 (a credential of root may have 0440 for a service that is not root: the
    /// service manager lets it read by an access list, and the list's mask stands where the group's bits are), or holds
    /// anything but 64 hexadecimal digits.
    pub fn read(source: &KeySource, credentials: Option<&Path>) -> Result<Self, KeyFileError> {
        let path = source.path(credentials)?;
        let unreadable = |fault| KeyFileError::Unreadable { path: path.clone(), source: fault };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Err(source.missing(&path)),
            Err(Errno::LOOP) => return Err(KeyFileError::Link { path }),
            Err(fault) => return Err(unreadable(fault.into())),
        };
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(KeyFileError::NotAFile { path });
        }
        let held = Held { mode: about.mode() & 0o7777, owner: about.uid() };
        held.private(source, &path, geteuid().as_raw())?;
        // One byte more than is right shows that there is too much; room for it, so that no grown copy is left behind.
        let longest = DIGITS + 2;
        let mut text = Zeroizing::new(Vec::with_capacity(longest));
        file.take(longest as u64).read_to_end(&mut text).map_err(unreadable)?;
        let digits = text.strip_suffix(b"\n").unwrap_or(&text);
        if digits.len() != DIGITS {
            return Err(KeyFileError::Length { path, bytes: about.len() });
        }
        decoded(digits).map(Self::of).map_err(|place| KeyFileError::NotHexadecimal { path, place })
    }

    /// Makes a new key and its file, with mode 0400; file and folder are synced before this returns. Never replaces
    /// anything. Blocks for as long as writing takes.
    ///
    /// # Errors
    /// When there is something at `path`, when it cannot be written, or when the operating system gives no randomness.
    /// A file that was begun is removed.
    pub fn generate(path: &Path) -> Result<Self, KeyFileError> {
        let bytes = super::random().map_err(KeyFileError::Random)?;
        make::write(path, &encoded(bytes.expose_secret()))?;
        Ok(Self::of(bytes))
    }

    fn of(bytes: SecretBox<[u8; 32]>) -> Self {
        Self { id: KeyId::of(bytes.expose_secret()), bytes }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    pub(super) fn reveal(&self) -> &[u8; 32] {
        self.bytes.expose_secret()
    }

    /// A key for tests.
    #[cfg(test)]
    pub(crate) fn filled(byte: u8) -> Self {
        Self::of(SecretBox::init_with_mut(|key: &mut [u8; 32]| key.fill(byte)))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Who may read a file.
#[derive(Clone, Copy)]
struct Held {
    mode: u32,
    owner: u32,
}

impl Held {
    /// Whether nobody but root and `user` can read it, and nobody but root can change it without changing its mode.
    fn private(self, source: &KeySource, path: &Path, user: u32) -> Result<(), KeyFileError> {
        let Self { mode, owner } = self;
        if owner != user && owner != 0 {
            return Err(KeyFileError::Owner { path: path.to_owned(), owner, user });
        }
        let access_list = match source {
            KeySource::Credential(_) => mode == 0o440 && owner == 0 && user != 0,
            KeySource::File(_) => false,
        };
        if mode == 0o400 || access_list {
            Ok(())
        } else {
            Err(KeyFileError::Mode { path: path.to_owned(), mode })
        }
    }
}

/// The key that these digits spell, or the place of the first character that is no digit, from 1.
fn decoded(digits: &[u8]) -> Result<SecretBox<[u8; 32]>, usize> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    if let Some(at) = digits.iter().position(|digit| value(*digit).is_none()) {
        return Err(at + 1);
    }
    Ok(SecretBox::init_with_mut(|key: &mut [u8; 32]| {
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            *byte =
                pair.iter().filter_map(|digit| value(*digit)).fold(0, |byte, digit| byte << 4 | digit as u8);
        }
    }))
}

/// The text of a key file.
fn encoded(key: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(DIGITS + 1));
    for byte in key {
        text.extend([byte >> 4, byte & 0xf].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
    }
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests;
