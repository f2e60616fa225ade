//! Between the contract and the message types; total: whatever the bytes hold becomes a value or a [`FrameFault`].

pub(crate) mod command;
pub(crate) mod facts;
#[cfg(test)]
mod fuzz;
pub(crate) mod hello;
pub(crate) mod market;
mod money;
pub(crate) mod order;
pub(crate) mod refusal;
pub(crate) mod report;
pub(crate) mod result;
pub(crate) mod snapshot;

use thiserror::Error;
use warden_domain::IdError;

/// The longest frame, in bytes encoded.
pub(crate) const LONGEST_FRAME: usize = 64 * 1024;
/// The longest `detail`, in characters; the rest is cut.
pub(crate) const LONGEST_DETAIL: usize = 256;
/// The longest password, in characters.
const LONGEST_PASSWORD: usize = 256;
/// The longest symbol name, in characters.
const LONGEST_SYMBOL: usize = 64;
/// The longest order comment, in characters; the rest is cut.
const LONGEST_COMMENT: usize = 31;
/// The longest server name in a session's facts, in characters; the rest is cut.
const LONGEST_SERVER: usize = 128;
/// One more than the largest tag of an intent (MQL5 `magic`).
const MAGIC_LIMIT: u64 = 1 << 53;

/// Why a field of a frame is refused; never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum FrameFault {
    /// A field that the contract asks for is not set.
    #[error("{0} is not set; set it")]
    Missing(&'static str),
    /// A number that the contract's enum does not hold.
    #[error("{field} holds {number}, which the contract does not know; update this side or send a known one")]
    UnknownNumber {
        /// The field.
        field: &'static str,
        /// What it held.
        number: i32,
    },
    /// An id is outside its form.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A number that must not be zero is.
    #[error("{0} is 0; give it a value")]
    Zero(&'static str),
    /// A number is infinite, not a number, negative where it must not be, or above its limit.
    #[error("{0} is outside its range; see the contract")]
    OutOfRange(&'static str),
    /// More entries than the contract allows.
    #[error("{field} holds more than {most} entries; split the request")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How many it may hold.
        most: usize,
    },
    /// A text that may not be cut is too long.
    #[error("{field} is longer than {longest} characters; shorten it")]
    TooLong {
        /// The field.
        field: &'static str,
        /// How long it may be.
        longest: usize,
    },
}

/// `text`, at most `longest` characters of it.
pub(crate) fn cut(text: &str, longest: usize) -> &str {
    match text.char_indices().nth(longest) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// `text`, or a fault when it is longer than `longest` characters.
fn short(field: &'static str, text: String, longest: usize) -> Result<String, FrameFault> {
    if cut(&text, longest).len() < text.len() {
        return Err(FrameFault::TooLong { field, longest });
    }
    Ok(text)
}

/// `text`, cut so that it still is refused as too long by the receiver, yet never makes a frame oversized.
fn bounded(text: &str, longest: usize) -> String {
    cut(text, longest + 1).to_owned()
}

/// `list`, or a fault when it has more than `most` entries.
fn few<T>(field: &'static str, list: Vec<T>, most: usize) -> Result<Vec<T>, FrameFault> {
    if list.len() > most { Err(FrameFault::TooMany { field, most }) } else { Ok(list) }
}

/// The tag of an intent.
fn tag(field: &'static str, magic: u64) -> Result<u64, FrameFault> {
    if magic < MAGIC_LIMIT { Ok(magic) } else { Err(FrameFault::OutOfRange(field)) }
}

fn finite(field: &'static str, number: f64) -> Result<f64, FrameFault> {
    if number.is_finite() { Ok(number) } else { Err(FrameFault::OutOfRange(field)) }
}

fn positive(field: &'static str, number: u64) -> Result<u64, FrameFault> {
    if number == 0 { Err(FrameFault::Zero(field)) } else { Ok(number) }
}

/// The enum value behind a number of the contract.
fn known<E: TryFrom<i32>>(field: &'static str, number: i32) -> Result<E, FrameFault> {
    E::try_from(number).map_err(|_| FrameFault::UnknownNumber { field, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_characters_not_bytes() {
        assert_eq!(cut("äöü", 2), "äö");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("", 3), "");
        assert_eq!(short("symbol", "äöü".into(), 3), Ok("äöü".into()));
        assert_eq!(
            short("symbol", "äöü".into(), 2),
            Err(FrameFault::TooLong { field: "symbol", longest: 2 })
        );
    }

    #[test]
    fn a_bounded_text_is_still_refused_by_its_receiver() {
        let huge = "x".repeat(1_000_000);
        assert!(short("password", bounded(&huge, LONGEST_PASSWORD), LONGEST_PASSWORD).is_err());
    }
}
