use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use thiserror::Error;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $longest:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The longest there may be, in bytes.
            pub const LONGEST: usize = $longest;

            /// Reads one.
            ///
            /// # Errors
            /// When it is empty, too long, or holds a character that it may not.
            pub fn new(text: &str) -> Result<Self, NameError> {
                checked($what, text, Self::LONGEST, $allowed)?;
                Ok(Self(Arc::from(text)))
            }

            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }
    };
}

name! {
    /// A symbol: as the signal calls it, or as a broker does (MQL5 `SYMBOL_NAME`).
    ///
    /// 1 to 64 bytes of printable characters without `=`, no space at either end. Cheap to clone.
    Symbol, "symbol", 64, |c| !c.is_control() && c != '='
}

name! {
    /// A group of instances.
    ///
    /// 1 to 64 bytes of printable characters, no space at either end. Cheap to clone.
    Group, "group", 64, |c| !c.is_control()
}

name! {
    /// Who made a signal, such as a strategy or a source account.
    ///
    /// 1 to 64 bytes of `[A-Za-z0-9_.:-]`. Cheap to clone.
    Source, "source", 64, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-')
}

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} {fault}")]
pub struct NameError {
    what: &'static str,
    fault: NameFault,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum NameFault {
    #[error("is empty; give it at least one character")]
    Empty,
    #[error("is longer than {0} bytes; shorten it")]
    TooLong(usize),
    #[error("holds a character that it may not; remove it")]
    Character,
    #[error("begins or ends with a space; remove it")]
    Space,
}

fn checked(
    what: &'static str,
    text: &str,
    longest: usize,
    allowed: fn(char) -> bool,
) -> Result<(), NameError> {
    let fault = if text.is_empty() {
        NameFault::Empty
    } else if text.len() > longest {
        NameFault::TooLong(longest)
    } else if !text.chars().all(allowed) {
        NameFault::Character
    } else if text.trim() != text {
        NameFault::Space
    } else {
        return Ok(());
    };
    Err(NameError { what, fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_is_wrong_with_it_without_repeating_it() {
        for (text, fault) in [
            ("", "symbol is empty; give it at least one character"),
            ("EUR=USD", "symbol holds a character that it may not; remove it"),
            ("EURUSD\n", "symbol holds a character that it may not; remove it"),
            (" EURUSD", "symbol begins or ends with a space; remove it"),
            (&"x".repeat(65), "symbol is longer than 64 bytes; shorten it"),
        ] {
            assert_eq!(Symbol::new(text).unwrap_err().to_string(), fault);
        }
        for text in ["EURUSD", "#AAPL", "XAUUSD.r", "US 500"] {
            assert_eq!(Symbol::new(text).unwrap().as_str(), text);
        }
        assert!(Source::new("strategy:7").is_ok() && Source::new("a b").is_err());
    }
}
