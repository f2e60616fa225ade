use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The tag that marks what is ours at the broker (MQL5 `magic`): 15 bits of installation, 38 bits of counter.
///
/// 53 bits in all, so that it survives JSON, Lua and doubles. The installation tag is never zero: small numbers,
/// such as people and other programs use, are never taken for ours (TRD-8).
///
/// ```
/// use warden_domain::Magic;
///
/// let magic = Magic::new(3, 41).unwrap();
/// assert_eq!(magic.parts(), (3, 41));
/// assert_eq!(Magic::from_number(magic.number()).unwrap(), magic);
/// assert!(Magic::from_number(123_456).is_err(), "another program's");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Magic(u64);

impl Magic {
    /// The highest installation tag.
    pub const MAX_INSTALLATION: u16 = (1 << 15) - 1;
    /// The highest counter.
    pub const MAX_COUNTER: u64 = (1 << Self::COUNTER_BITS) - 1;
    const COUNTER_BITS: u32 = 38;

    /// The tag of an installation's order with this counter.
    ///
    /// # Errors
    /// When the installation is zero or above [`Magic::MAX_INSTALLATION`], or the counter above
    /// [`Magic::MAX_COUNTER`].
    pub const fn new(installation: u16, counter: u64) -> Result<Self, MagicError> {
        if installation == 0 || installation > Self::MAX_INSTALLATION {
            return Err(MagicError::Installation(installation));
        }
        if counter > Self::MAX_COUNTER {
            return Err(MagicError::Counter(counter));
        }
        Ok(Self(((installation as u64) << Self::COUNTER_BITS) | counter))
    }

    /// Reads a `magic` from the broker.
    ///
    /// # Errors
    /// When it has no installation tag, or more than 53 bits: it is not one of ours.
    pub const fn from_number(number: u64) -> Result<Self, MagicError> {
        let installation = number >> Self::COUNTER_BITS;
        if installation == 0 || installation > Self::MAX_INSTALLATION as u64 {
            return Err(MagicError::Foreign(number));
        }
        Ok(Self(number))
    }

    /// The number that travels.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Installation tag and counter.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "15 bits are left after the shift, by construction")]
    pub const fn parts(self) -> (u16, u64) {
        ((self.0 >> Self::COUNTER_BITS) as u16, self.0 & Self::MAX_COUNTER)
    }
}

impl TryFrom<u64> for Magic {
    type Error = MagicError;

    fn try_from(number: u64) -> Result<Self, MagicError> {
        Self::from_number(number)
    }
}

impl From<Magic> for u64 {
    fn from(magic: Magic) -> Self {
        magic.0
    }
}

/// Why a number is not a tag of ours.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MagicError {
    /// The installation tag does not fit.
    #[error("the installation tag {0} is outside 1 to 32767; configure one inside")]
    Installation(u16),
    /// The counter does not fit.
    #[error("the order counter {0} needs more than 38 bits; give the installation a new tag")]
    Counter(u64),
    /// The number carries no installation tag.
    #[error("magic {0} carries no installation tag; it belongs to a person or another program")]
    Foreign(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_magic_keeps_its_parts_within_53_bits() {
        let largest = Magic::new(Magic::MAX_INSTALLATION, Magic::MAX_COUNTER).unwrap();
        assert_eq!(largest.number(), (1 << 53) - 1);
        for (installation, counter) in [(1, 0), (1, 1), (32_767, 0), (5, Magic::MAX_COUNTER)] {
            let magic = Magic::new(installation, counter).unwrap();
            assert_eq!(magic.parts(), (installation, counter));
            assert_eq!(Magic::from_number(magic.number()), Ok(magic));
        }
    }

    #[test]
    fn a_magic_that_is_not_ours_is_refused() {
        assert_eq!(Magic::new(0, 1), Err(MagicError::Installation(0)));
        assert_eq!(Magic::new(1 << 15, 1), Err(MagicError::Installation(1 << 15)));
        assert_eq!(Magic::new(1, 1 << 38), Err(MagicError::Counter(1 << 38)));
        for number in [0, 123_456, (1 << 38) - 1, 1 << 53, u64::MAX] {
            assert_eq!(Magic::from_number(number), Err(MagicError::Foreign(number)));
        }
    }
}
