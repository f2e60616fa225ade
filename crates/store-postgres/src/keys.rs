//! Who holds the keys that wrap data keys, and the data keys themselves.

pub(crate) mod aead;
mod data;
mod file;
mod id;
mod local;

use std::fmt;

use thiserror::Error;
use warden_store::Pending;

pub(crate) use self::data::random;
pub use self::{
    data::DataKey,
    file::{KeyFileError, KeySource, MasterKey},
    id::{KeyId, KeyIdError},
    local::{KeyFiles, LocalKms},
};

/// Wraps and unwraps the data keys of rows with keys that never leave it: a [`LocalKms`] over key files, or a service
/// outside.
///
/// # Expected flow
/// A row is sealed: a new [`DataKey`] encrypts its secret, [`wrap`](Self::wrap) encrypts the data key, and the name of
/// [`current`](Self::current) is stored beside it. A row is opened: [`unwrap`](Self::unwrap) is asked for the key that
/// the row names. A rotation unwraps by the key of the row and wraps by the current one, row by row.
///
/// # Guarantees
/// - The current key is one of the readable keys, and stays the same as long as the value lives.
/// - What was wrapped unwraps only by the same key and with the same `aad`.
///
/// # Caveats
/// A service outside is asked once a row. What it does not answer is [`KeyError::Unavailable`], and never an altered key.
pub trait Kms: Send + Sync + fmt::Debug {
    /// The key that wraps from now on.
    fn current(&self) -> &KeyId;

    /// The keys that unwrap, the current one first.
    fn readable(&self) -> Vec<KeyId>;

    /// Wraps a data key by the current key; `aad` must be given again to unwrap it, and is not kept.
    ///
    /// # Errors
    /// When there is no randomness, or the service outside did not answer.
    fn wrap<'a>(&'a self, data_key: &'a DataKey, aad: &'a [u8]) -> Pending<'a, Result<Vec<u8>, KeyError>>;

    /// Unwraps what `key` wrapped with this `aad`.
    ///
    /// # Errors
    /// When the key is not readable, when the wrapped data key or its `aad` is another one than it was, or when the
    /// service outside did not answer.
    fn unwrap<'a>(
        &'a self,
        key: &'a KeyId,
        wrapped: &'a [u8],
        aad: &'a [u8],
    ) -> Pending<'a, Result<DataKey, KeyError>>;
}

/// Why a data key was not wrapped or unwrapped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No readable key has this name.
    #[error(
        "the data key is wrapped by key {key}, and the readable keys are {}; name the file of {key} as the previous key",
        listed(.readable)
    )]
    Unknown {
        /// The key that is missing.
        key: KeyId,
        /// The keys that are there.
        readable: Vec<KeyId>,
    },
    /// The key is the right one, and it did not wrap this for this row.
    #[error(
        "the wrapped data key is not what key {key} wrapped for this row: it was changed, or the row is another one's; \
         restore the row from a backup, or enter the credentials anew"
    )]
    Altered {
        /// The key that was tried.
        key: KeyId,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no random key: {0}; see that this program may call getrandom")]
    Randomness(String),
    /// The service that holds the keys did not answer.
    #[error("the key service did not answer: {0}; it is tried again")]
    Unavailable(String),
}

fn listed(keys: &[KeyId]) -> String {
    keys.iter().map(KeyId::as_str).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_itself_and_the_readable_ones() {
        let key = |text| KeyId::parse(text).unwrap();
        let fault = KeyError::Unknown { key: key("k-3"), readable: vec![key("k-1"), key("k-2")] };
        assert_eq!(
            fault.to_string(),
            "the data key is wrapped by key k-3, and the readable keys are k-1 and k-2; \
             name the file of k-3 as the previous key"
        );
    }
}
