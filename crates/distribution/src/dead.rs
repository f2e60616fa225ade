use std::fmt;

use serde::{Deserialize, Serialize};
use warden_domain::Timestamp;

use crate::{Params, fault::Faults};

/// What came in as a signal and could not be read: the reason, and a bounded part of what came.
///
/// # Guarantees
/// The raw form holds nothing but what came in, and not more than [`Params::dead_letter_bytes`] of it; it is neither in
/// the reasons nor in `Debug` and `Display`, so that a secret that a source put into a wrong field does not spread into
/// logs.
///
/// # Caveats
/// The raw form is as secret as what came in: keep the dead-letter stream as closed as the stream of the signals.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// When it was given up.
    pub at: Timestamp,
    /// Its name where it came from, such as the id of the stream entry.
    pub origin: String,
    /// What is wrong with it.
    pub faults: Faults,
    /// Its beginning, as text; bytes that are no text are replaced.
    pub raw: String,
    /// How many bytes it had.
    pub bytes: u64,
    /// Whether only a part of it is kept.
    pub cut: bool,
}

impl DeadLetter {
    /// Of a JSON text.
    #[must_use]
    pub fn of_json(origin: &str, text: &[u8], faults: Faults, at: Timestamp, params: &Params) -> Self {
        Self::new(origin, [text].into_iter(), faults, at, params)
    }

    /// Of the fields of a stream entry: one line for each, name and value.
    #[must_use]
    pub fn of_entry<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        origin: &str,
        entry: &[(F, V)],
        faults: Faults,
        at: Timestamp,
        params: &Params,
    ) -> Self {
        let parts = entry
            .iter()
            .flat_map(|(field, value)| [field.as_ref(), b"=".as_slice(), value.as_ref(), b"\n".as_slice()]);
        Self::new(origin, parts, faults, at, params)
    }

    fn new<'a>(
        origin: &str,
        parts: impl Iterator<Item = &'a [u8]>,
        faults: Faults,
        at: Timestamp,
        params: &Params,
    ) -> Self {
        let most = params.dead_letter_bytes as usize;
        let (mut raw, mut bytes) = (Vec::new(), 0_u64);
        for part in parts {
            bytes += part.len() as u64;
            raw.extend_from_slice(&part[..part.len().min(most - raw.len())]);
        }
        let text = String::from_utf8_lossy(&raw);
        // What replaces a byte is longer than the byte.
        let end = text.floor_char_boundary(most);
        let cut = bytes > raw.len() as u64 || end < text.len();
        Self { at, origin: origin.to_owned(), faults, raw: text[..end].to_owned(), bytes, cut }
    }

    /// As fields of an entry of the dead-letter stream.
    #[must_use]
    pub fn to_entry(&self) -> [(&'static str, String); 6] {
        [
            ("at", self.at.to_string()),
            ("origin", self.origin.clone()),
            ("reason", self.faults.to_string()),
            ("raw", self.raw.clone()),
            ("bytes", self.bytes.to_string()),
            ("cut", self.cut.to_string()),
        ]
    }
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signal {} of {} bytes cannot be read: {}", self.origin, self.bytes, self.faults)
    }
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeadLetter({self}, at {})", self.at)
    }
}
