use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use warden_domain::{MoneyError, Price};

/// Units of [`Price`] in one unit of the four-decimal numbers here.
const COARSE: i64 = 10_000;

/// An amount in the currency of an account, in units of 0.00000001.
///
/// Range ±92,233,720,368. Written as decimal text in JSON.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(Price);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(Price::ZERO);

    /// From units of 0.00000001.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(Price::from_units(units))
    }

    /// In units of 0.00000001.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0.units()
    }

    /// Reads one of MT5's doubles, rounded to the nearest unit.
    ///
    /// # Errors
    /// When it is not a finite number, or out of range.
    pub fn from_f64(value: f64) -> Result<Self, MoneyError> {
        Price::from_f64(value).map(Self)
    }

    /// The sum.
    ///
    /// # Errors
    /// When it is out of range.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.plus(other.0).map(Self)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money({})", self.0)
    }
}

macro_rules! coarse {
    ($(#[$doc:meta])* $name:ident, $most:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u32);

        impl $name {
            /// The largest, in units of 0.0001.
            pub const MOST: u32 = $most;

            /// From units of 0.0001; `None` for zero and for more than [`Self::MOST`].
            #[must_use]
            pub const fn from_units(units: u32) -> Option<Self> {
                if units == 0 || units > Self::MOST { None } else { Some(Self(units)) }
            }

            /// In units of 0.0001.
            #[must_use]
            pub const fn units(self) -> u32 {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = DecimalError;

            fn from_str(text: &str) -> Result<Self, DecimalError> {
                let out = DecimalError::OutOfRange(Self::MOST);
                let units = match text.parse::<Price>() {
                    Ok(price) => price.units(),
                    Err(MoneyError::OutOfRange) => return Err(out),
                    Err(MoneyError::Unreadable(_) | MoneyError::NotFinite | MoneyError::Step) => {
                        return Err(DecimalError::Unreadable);
                    }
                };
                if units % COARSE != 0 {
                    return Err(DecimalError::Unreadable);
                }
                u32::try_from(units / COARSE).ok().and_then(Self::from_units).ok_or(out)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Price::from_units(i64::from(self.0) * COARSE).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl TryFrom<String> for $name {
            type Error = DecimalError;

            fn try_from(text: String) -> Result<Self, DecimalError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

coarse! {
    /// A share in percent with at most four decimals: 0.0001 to 100.
    Percent, 1_000_000
}

coarse! {
    /// How many times, with at most four decimals: 0.0001 to 10,000.
    Factor, 100_000_000
}

impl Factor {
    /// Once: nothing changes.
    pub const ONE: Self = Self(10_000);
}

/// Why a text is not a percentage or a factor; it never repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// Not a plain decimal number of at most four decimals.
    #[error("is not a decimal number; write it like 1.25, with at most 4 decimals")]
    Unreadable,
    /// Zero, less, or too much.
    #[error("is out of range; give 0.0001 to {}", .0 / 10_000)]
    OutOfRange(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_and_factors_are_exact_and_in_range() {
        for (text, units) in [("0.0001", 1), ("1.5", 15_000), ("100", 1_000_000)] {
            let percent: Percent = text.parse().unwrap();
            assert_eq!((percent.units(), percent.to_string()), (units, text.to_owned()));
        }
        let out = Err(DecimalError::OutOfRange(Percent::MOST));
        for text in ["0", "-1", "100.0001", "99999999999"] {
            assert_eq!(text.parse::<Percent>(), out, "{text}");
        }
        for text in ["", "1e2", "0.00001", "x"] {
            assert_eq!(text.parse::<Percent>(), Err(DecimalError::Unreadable), "{text}");
        }
        assert_eq!("1".parse(), Ok(Factor::ONE));
        assert_eq!(
            DecimalError::OutOfRange(Factor::MOST).to_string(),
            "is out of range; give 0.0001 to 10000"
        );
    }
}
