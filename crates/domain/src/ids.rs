use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use thiserror::Error;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident: $what:literal of $longest:literal, $allowed:expr, but not $other:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("Reads the ", $what, ".")]
            ///
            /// # Errors
            #[doc = concat!("When the text is empty, longer than ", $longest, " characters, or holds ", $other, ".")]
            pub fn new(text: &str) -> Result<Self, IdError> {
                named($what, text, $longest, $allowed)?;
                Ok(Self(Arc::from(text)))
            }

            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.as_str())
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }
    };
}

text_id! {
    /// Names one instance: one terminal bound to one broker account.
    ///
    /// 1 to 64 characters of `[A-Za-z0-9_-]`, so that it can stand in a Redis key, a label and a file name as it is.
    /// Cheap to clone.
    InstanceId: "instance id" of 64, plain, but not "a character outside `[A-Za-z0-9_-]`"
}
text_id! {
    /// The name of a trade server as the terminal shows it, such as `Broker-Live3` (MQL5 `ACCOUNT_SERVER`).
    ///
    /// 1 to 128 printable characters. Cheap to clone.
    TradeServer: "trade server" of 128, |c| !c.is_control(), but not "a control character"
}
text_id! {
    /// The client's own name of a trade, unique within an instance; a repeated one is the same trade (TRD-4).
    ///
    /// 1 to 64 characters of `[A-Za-z0-9_-]`, so that it can stand in a Redis key as it is. Cheap to clone.
    ClientTradeId: "client trade id" of 64, plain, but not "a character outside `[A-Za-z0-9_-]`"
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// A broker account number (MQL5 `ACCOUNT_LOGIN`), never zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Login(u64);

impl Login {
    /// Reads an account number.
    ///
    /// # Errors
    /// When it is zero: MT5 uses zero for "no account".
    pub fn new(number: u64) -> Result<Self, IdError> {
        if number == 0 {
            return Err(IdError { what: "login", fault: Fault::Zero });
        }
        Ok(Self(number))
    }

    /// The account number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The one that follows.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// Counts the owners of an instance; a higher one fences every lower one.
    Epoch
}
counter! {
    /// Counts the state changes of one instance; each journalled step raises it by one.
    Version
}
counter! {
    /// Names one state change of one owner, so that a repeated write is known as the same write.
    OpId
}

/// Why a text or number is not an id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} {fault}")]
pub struct IdError {
    what: &'static str,
    fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Fault {
    #[error("is empty; give it at least one character")]
    Empty,
    #[error("is longer than {0} characters; shorten it")]
    TooLong(usize),
    #[error("holds the character {0:?}; remove it")]
    Character(char),
    #[error("is zero; give the account number")]
    Zero,
}

fn named(what: &'static str, text: &str, longest: usize, allowed: fn(char) -> bool) -> Result<(), IdError> {
    let fault = if text.is_empty() {
        Fault::Empty
    } else if text.chars().count() > longest {
        Fault::TooLong(longest)
    } else if let Some(c) = text.chars().find(|c| !allowed(*c)) {
        Fault::Character(c)
    } else {
        return Ok(());
    };
    Err(IdError { what, fault })
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u64> for Login {
    type Error = IdError;

    fn try_from(number: u64) -> Result<Self, IdError> {
        Self::new(number)
    }
}

impl From<Login> for u64 {
    fn from(login: Login) -> Self {
        login.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_says_what_is_wrong_with_it() {
        assert_eq!(
            InstanceId::new("").unwrap_err().to_string(),
            "instance id is empty; give it at least one character"
        );
        assert_eq!(
            InstanceId::new("a:b").unwrap_err().to_string(),
            "instance id holds the character ':'; remove it"
        );
        assert!(InstanceId::new(&"x".repeat(65)).is_err());
        assert_eq!(InstanceId::new("acct-1_a").unwrap().as_str(), "acct-1_a");
    }

    #[test]
    fn a_login_is_never_zero() {
        assert!(Login::new(0).is_err());
        assert_eq!(Login::new(7).unwrap().number(), 7);
    }
}
