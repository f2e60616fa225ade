use std::{fmt, path::Path};

use warden_store::Pending;

use super::{
    DataKey, KeyError, KeyFileError, KeyId, KeySource, Kms, MasterKey,
    aead::{self, NONCE},
};

/// Where the keys of a [`LocalKms`] stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFiles {
    /// The key that wraps from now on.
    pub current: KeySource,
    /// The key that wrapped before, for as long as rows are left that it wrapped.
    pub previous: Option<KeySource>,
}

/// Wraps data keys by a key from a file, and unwraps them by that one and, during a rotation, by the one before.
///
/// # Expected flow
/// To rotate: make a new key file, name it as the current one and the old one as the previous one, start again, wrap
/// every row anew; when no row names the old key any more, leave it out and destroy its file.
///
/// # Guarantees
/// A wrapped data key is a random nonce of 24 bytes, then 32 bytes encrypted by XChaCha20-Poly1305, then the tag of 16
/// bytes: 72 bytes.
pub struct LocalKms {
    current: MasterKey,
    previous: Option<MasterKey>,
}

impl LocalKms {
    /// Reads the key files, once; `credentials` is the folder in which the service manager puts credentials
    /// (`$CREDENTIALS_DIRECTORY`), when there is one. Blocks for as long as reading takes.
    ///
    /// # Errors
    /// When a key file is not fit, or both hold the same key.
    pub fn open(files: &KeyFiles, credentials: Option<&Path>) -> Result<Self, KeyFileError> {
        let current = MasterKey::read(&files.current, credentials)?;
        let previous =
            files.previous.as_ref().map(|previous| MasterKey::read(previous, credentials)).transpose()?;
        Self::new(current, previous)
    }

    /// Of keys that were read.
    ///
    /// # Errors
    /// When both are the same key.
    pub fn new(current: MasterKey, previous: Option<MasterKey>) -> Result<Self, KeyFileError> {
        if previous.as_ref().is_some_and(|previous| previous.id() == current.id()) {
            return Err(KeyFileError::SameTwice { key: current.id().clone() });
        }
        Ok(Self { current, previous })
    }

    fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    fn wrapped(&self, data_key: &DataKey, aad: &[u8]) -> Result<Vec<u8>, KeyError> {
        let nonce = aead::nonce()?;
        let mut wrapped = nonce.to_vec();
        wrapped.extend(aead::encrypt(self.current.reveal(), &nonce, aad, data_key.reveal()));
        Ok(wrapped)
    }

    fn unwrapped(&self, key: &KeyId, wrapped: &[u8], aad: &[u8]) -> Result<DataKey, KeyError> {
        let Some(master) = self.keys().find(|master| master.id() == key) else {
            return Err(KeyError::Unknown { key: key.clone(), readable: self.readable() });
        };
        let altered = || KeyError::Altered { key: key.clone() };
        let (nonce, ciphertext) = wrapped.split_first_chunk::<NONCE>().ok_or_else(altered)?;
        let plain = aead::decrypt(master.reveal(), nonce, aad, ciphertext).ok_or_else(altered)?;
        let plain: &[u8; 32] = plain.as_slice().try_into().map_err(|_| altered())?;
        Ok(DataKey::new(|key| key.copy_from_slice(plain)))
    }
}

impl Kms for LocalKms {
    fn current(&self) -> &KeyId {
        self.current.id()
    }

    fn readable(&self) -> Vec<KeyId> {
        self.keys().map(|key| key.id().clone()).collect()
    }

    fn wrap<'a>(&'a self, data_key: &'a DataKey, aad: &'a [u8]) -> Pending<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move { self.wrapped(data_key, aad) })
    }

    fn unwrap<'a>(
        &'a self,
        key: &'a KeyId,
        wrapped: &'a [u8],
        aad: &'a [u8],
    ) -> Pending<'a, Result<DataKey, KeyError>> {
        Box::pin(async move { self.unwrapped(key, wrapped, aad) })
    }
}

impl fmt::Debug for LocalKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKms")
            .field("current", self.current.id())
            .field("previous", &self.previous.as_ref().map(MasterKey::id))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(byte: u8) -> MasterKey {
        MasterKey::filled(byte)
    }

    #[test]
    fn a_data_key_is_wrapped_by_the_current_key_alone() {
        let kms = LocalKms::new(master(2), Some(master(1))).unwrap();
        let data_key = DataKey::random().unwrap();
        let wrapped = kms.wrapped(&data_key, b"row").unwrap();
        assert_eq!(wrapped.len(), 72);
        let [current, previous] = &kms.readable()[..] else { panic!("{kms:?}") };
        assert_eq!(kms.current(), current);
        assert_eq!(kms.unwrapped(current, &wrapped, b"row").unwrap().reveal(), data_key.reveal());
        let altered = KeyError::Altered { key: previous.clone() };
        assert_eq!(kms.unwrapped(previous, &wrapped, b"row").unwrap_err(), altered);
        assert!(kms.unwrapped(current, &wrapped, b"another row").is_err());
    }

    #[test]
    fn a_wrapped_data_key_of_another_length_is_an_altered_one() {
        let kms = LocalKms::new(master(1), None).unwrap();
        let mut wrapped = kms.wrapped(&DataKey::random().unwrap(), b"").unwrap();
        wrapped.push(0);
        for length in (0..wrapped.len()).filter(|length| *length != 72).chain([73]) {
            let fault = kms.unwrapped(kms.current(), &wrapped[..length], b"").unwrap_err();
            assert_eq!(fault, KeyError::Altered { key: kms.current().clone() }, "{length}");
        }
        // Encrypted by the right key, and no data key.
        let nonce = [0; NONCE];
        let short = [&nonce[..], &aead::encrypt(kms.current.reveal(), &nonce, b"", &[1; 31])].concat();
        assert!(matches!(kms.unwrapped(kms.current(), &short, b""), Err(KeyError::Altered { .. })));
    }

    #[test]
    fn the_same_key_twice_is_refused() {
        let fault = LocalKms::new(master(1), Some(master(1))).unwrap_err();
        let KeyFileError::SameTwice { key } = &fault else { panic!("{fault}") };
        assert_eq!(key, master(1).id());
    }

    #[test]
    fn keys_are_read_from_files_and_named_by_what_they_hold() {
        let folder = tempfile::tempdir().unwrap();
        let made = ["old", "new"].map(|name| MasterKey::generate(&folder.path().join(name)).unwrap());
        let source = |name: &str| KeySource::File(folder.path().join(name));
        let files = KeyFiles { current: source("new"), previous: Some(source("old")) };
        let kms = LocalKms::open(&files, None).unwrap();
        assert_eq!(kms.readable(), [made[1].id().clone(), made[0].id().clone()]);
        let shown = format!("{kms:?}");
        assert_eq!(
            shown,
            format!("LocalKms {{ current: {:?}, previous: Some({:?}) }}", made[1].id(), made[0].id())
        );
        let twice = KeyFiles { current: source("new"), previous: Some(source("new")) };
        assert!(matches!(LocalKms::open(&twice, None), Err(KeyFileError::SameTwice { .. })));
        let missing = KeyFiles { current: source("new"), previous: Some(source("lost")) };
        assert!(matches!(LocalKms::open(&missing, None), Err(KeyFileError::Missing { .. })));
    }
}
