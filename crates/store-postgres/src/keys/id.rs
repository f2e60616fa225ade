use std::fmt;

use thiserror::Error;

/// The context of the derivation; another purpose must use another one.
const CONTEXT: &str = "mt5-warden 2026-11-22 name of a key-encryption key";

/// The longest name, in characters.
const LONGEST: usize = 64;

/// Names a key-encryption key: 1 to 64 characters of `[A-Za-z0-9_.-]`.
///
/// The name of a [`MasterKey`](super::MasterKey) is `k-` and 16 hexadecimal digits derived from the key by BLAKE3, which
/// say nothing of the key. So another key has another name: a wrong key file is an unknown name, and what a key of the
/// right name does not unwrap was changed or moved. A key service outside names its keys as it likes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Reads a name.
    ///
    /// # Errors
    /// When the text is empty, longer than 64 characters, or holds a character outside `[A-Za-z0-9_.-]`.
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if text.is_empty() {
            return Err(KeyIdError::Empty);
        }
        if let Some(c) = text.chars().find(|c| !allowed(*c)) {
            return Err(KeyIdError::Character(c));
        }
        if text.len() > LONGEST {
            return Err(KeyIdError::TooLong);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name of a key that stands in a key file.
    pub(super) fn of(key: &[u8; 32]) -> Self {
        let derived = blake3::Hash::from_bytes(blake3::derive_key(CONTEXT, key)).to_hex();
        Self(format!("k-{}", &derived[..16]))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Why a text is not the name of a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyIdError {
    /// There is no text.
    #[error("key id is empty; give it at least one character")]
    Empty,
    /// The text is too long.
    #[error("key id is longer than 64 characters; shorten it")]
    TooLong,
    /// A character may not stand in it.
    #[error("key id holds the character {0:?}; remove it")]
    Character(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_says_what_is_wrong_with_it() {
        assert_eq!(KeyId::parse(""), Err(KeyIdError::Empty));
        assert_eq!(KeyId::parse(&"x".repeat(65)), Err(KeyIdError::TooLong));
        for text in ["a b", "a/b", "a:b", "ä", "a\n", "a\0"] {
            assert!(matches!(KeyId::parse(text), Err(KeyIdError::Character(_))), "{text:?}");
        }
        for text in ["k", &"x".repeat(64), "kms.prod_2026-11", "k-0123456789abcdef"] {
            assert_eq!(KeyId::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_name_of_a_key_follows_from_the_key_and_does_not_show_it() {
        let key = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let name = KeyId::of(&key);
        // Computed by another implementation of BLAKE3.
        assert_eq!(name.as_str(), "k-82008e391ab795d5");
        assert_eq!(KeyId::parse(name.as_str()).as_ref(), Ok(&name));
        assert_ne!(KeyId::of(&[7; 32]), KeyId::of(&[8; 32]));
    }
}
