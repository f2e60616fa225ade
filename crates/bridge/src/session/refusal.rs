use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use thiserror::Error;

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalReason {
    /// The gateway speaks a version of the protocol that the supervisor does not.
    UnsupportedVersion,
    /// The receiver does not know the frame's type.
    UnknownType,
    /// The frame is larger than 65,536 bytes.
    Oversized,
    /// The frame's number is ahead of the expected one: frames are missing.
    Gap,
    /// The frame's number was there before.
    Duplicate,
    /// The frame came under an epoch that is not the highest.
    StaleEpoch,
    /// The account of a login command is not one that the gateway's configuration allows.
    WrongLogin,
    /// The session does not serve the instance that the frame names.
    UnknownInstance,
    /// A field is outside its range, or the bytes are no frame at all.
    BadField,
    /// The frame may not come at this point.
    OutOfPlace,
}

impl RefusalReason {
    /// Every reason, in declaration order.
    pub const ALL: [Self; 10] = [
        Self::UnsupportedVersion,
        Self::UnknownType,
        Self::Oversized,
        Self::Gap,
        Self::Duplicate,
        Self::StaleEpoch,
        Self::WrongLogin,
        Self::UnknownInstance,
        Self::BadField,
        Self::OutOfPlace,
    ];

    /// The stable text, fit for a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedVersion => "unsupported_version",
            Self::UnknownType => "unknown_type",
            Self::Oversized => "oversized",
            Self::Gap => "gap",
            Self::Duplicate => "duplicate",
            Self::StaleEpoch => "stale_epoch",
            Self::WrongLogin => "wrong_login",
            Self::UnknownInstance => "unknown_instance",
            Self::BadField => "bad_field",
            Self::OutOfPlace => "out_of_place",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a supervisor does not serve an instance that a gateway announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Refused {
    /// Its configuration does not know the instance.
    #[error("the supervisor does not know the instance; add it to its configuration")]
    UnknownInstance,
    /// Another supervisor owns it.
    #[error("another supervisor owns the instance; dial that one or wait until its lease ends")]
    OwnedElsewhere,
    /// It cannot tell now.
    #[error("the supervisor cannot take the instance now; announce it again later")]
    Unavailable,
    /// Its epoch is lower than the highest that the gateway has seen.
    #[error("the supervisor's epoch is lower than one the gateway has seen; dial the present owner")]
    StaleEpoch,
    /// A field of the announcement is outside its range.
    #[error("a field of the announcement is outside its range; see the contract")]
    BadField,
}

impl Refused {
    /// Every reason, in declaration order.
    pub const ALL: [Self; 5] =
        [Self::UnknownInstance, Self::OwnedElsewhere, Self::Unavailable, Self::StaleEpoch, Self::BadField];
}

/// How many frames were refused, by reason; only rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals([u64; RefusalReason::ALL.len()]);

impl Refusals {
    /// How many for this reason.
    #[must_use]
    pub fn count(&self, reason: RefusalReason) -> u64 {
        self.0[reason as usize]
    }

    /// How many in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Counts refusals.
#[derive(Debug, Default)]
pub(crate) struct Tally([AtomicU64; RefusalReason::ALL.len()]);

impl Tally {
    pub(crate) fn count(&self, reason: RefusalReason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Refusals {
        Refusals(std::array::from_fn(|at| self.0[at].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_counter() {
        let tally = Tally::default();
        for (times, reason) in RefusalReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, times, "declaration order");
            (0..times).for_each(|_| tally.count(reason));
        }
        let read = tally.read();
        for (times, reason) in RefusalReason::ALL.into_iter().enumerate() {
            assert_eq!(read.count(reason), times as u64);
        }
        assert_eq!(read.total(), 45);
    }
}
