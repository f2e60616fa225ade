use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A length of time in whole milliseconds.
///
/// Read and shown with units (`500ms`, `30s`, `1h30m`); a bare number is refused, because nobody knows its unit.
///
/// ```
/// use warden_domain::Span;
/// assert_eq!("1m30s".parse::<Span>().unwrap(), Span::from_secs(90));
/// assert!("30".parse::<Span>().is_err());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000)
    }

    /// In milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This span `factor` times; saturates.
    #[must_use]
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        if text.trim().parse::<f64>().is_ok() {
            return Err(SpanError::NoUnit(text.to_owned()));
        }
        let read: jiff::SignedDuration = text.parse().map_err(|_| SpanError::Unreadable(text.to_owned()))?;
        if read.is_negative() {
            return Err(SpanError::Negative(text.to_owned()));
        }
        let millis = u64::try_from(read.as_millis()).map_err(|_| SpanError::Unreadable(text.to_owned()))?;
        if millis > 365 * 86_400_000 {
            return Err(SpanError::TooLong(text.to_owned()));
        }
        Ok(Self(millis))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, millis) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl From<Span> for std::time::Duration {
    fn from(span: Span) -> Self {
        Self::from_millis(span.0)
    }
}

/// Why a text is not a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpanError {
    /// A number without a unit.
    #[error("{0:?} has no unit; write it like 30s, 5m or 250ms")]
    NoUnit(String),
    /// Not a span at all, or more than the format can hold.
    #[error("{0:?} is not a span of time; write it like 30s, 5m or 250ms")]
    Unreadable(String),
    /// Less than zero.
    #[error("{0:?} is negative; give a span of zero or more")]
    Negative(String),
    /// More than a year.
    #[error("{0:?} is longer than a year; give a shorter span")]
    TooLong(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_needs_a_unit_and_stays_in_range() {
        assert_eq!("250ms".parse::<Span>().unwrap(), Span::from_millis(250));
        assert_eq!("5m".parse::<Span>().unwrap(), Span::from_secs(300));
        assert_eq!("30".parse::<Span>().unwrap_err(), SpanError::NoUnit("30".into()));
        assert_eq!("-3s".parse::<Span>().unwrap_err(), SpanError::Negative("-3s".into()));
        assert!(matches!("99999999999999999999h".parse::<Span>(), Err(SpanError::Unreadable(_))));
        assert!(matches!("9000h".parse::<Span>(), Err(SpanError::TooLong(_))));
    }

    #[test]
    fn a_span_reads_what_it_shows() {
        for millis in [0, 1, 999, 1_000, 61_001, 5_400_000, 86_400_000] {
            let span = Span::from_millis(millis);
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
    }
}
