use std::{fmt, time::SystemTime};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Span;

/// A moment in UTC, in milliseconds since 1970-01-01T00:00:00Z (REC-5).
///
/// Shown and read as RFC 3339 with milliseconds, the form of the Redis keys; serialised as the number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Later than every moment that is measured; used where "never" needs a number.
    pub const MAX: Self = Self(i64::MAX);

    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment and `span` more; saturates at [`Timestamp::MAX`].
    #[must_use]
    pub fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add_unsigned(span.as_millis()))
    }

    /// How long this moment is past `earlier`; zero when it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads an RFC 3339 moment.
    ///
    /// # Errors
    /// When the text is not RFC 3339 or lies outside the years the format knows.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| TimestampError(text.to_owned()))?;
        Ok(Self(moment.as_millisecond()))
    }
}

impl From<SystemTime> for Timestamp {
    /// The moment in whole milliseconds; before 1970 the Unix epoch itself.
    fn from(moment: SystemTime) -> Self {
        let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => f.write_str("never"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a moment in RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not an RFC 3339 moment; write it like 2026-01-31T09:30:00.000Z")]
pub struct TimestampError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_what_it_shows() {
        let t = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(t.to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(Timestamp::parse(&t.to_string()).unwrap(), t);
        assert!(Timestamp::parse("yesterday").is_err());
    }

    #[test]
    fn a_clock_that_is_wrong_by_decades_still_gives_a_moment() {
        let millis = std::time::Duration::from_micros(1_700_000_000_123_999);
        let moment = Timestamp::from(SystemTime::UNIX_EPOCH + millis);
        assert_eq!(moment.as_millis(), 1_700_000_000_123);
        assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH - millis).as_millis(), 0);
    }

    #[test]
    fn after_saturates_and_since_never_runs_backwards() {
        assert_eq!(Timestamp::MAX.after(Span::from_millis(1)), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(1).since(Timestamp::from_millis(9)), Span::ZERO);
    }
}
