use std::fmt;

use secrecy::{ExposeSecret as _, ExposeSecretMut as _, SecretBox};

use super::KeyError;

/// The key of one row: 256 random bits, never shown, never copied, and overwritten when dropped.
pub struct DataKey(SecretBox<[u8; 32]>);

impl DataKey {
    /// A new one.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn random() -> Result<Self, KeyError> {
        random().map(Self)
    }

    /// One that `fill` writes where it stays, as a key service outside needs it.
    #[must_use]
    pub fn new(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        Self(SecretBox::init_with_mut(fill))
    }

    /// The key, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// 256 random bits, written where they stay.
pub(crate) fn random() -> Result<SecretBox<[u8; 32]>, KeyError> {
    let mut key = SecretBox::new(Box::new([0; 32]));
    getrandom::fill(key.expose_secret_mut()).map_err(|fault| KeyError::Randomness(fault.to_string()))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_keys_differ_and_are_never_shown() {
        let (one, other) = (DataKey::random().unwrap(), DataKey::random().unwrap());
        assert_ne!(one.reveal(), other.reveal());
        assert_ne!(one.reveal(), &[0; 32]);
        assert_eq!(format!("{one:?}"), "[redacted]");
    }
}
