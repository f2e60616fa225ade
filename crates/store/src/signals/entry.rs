use std::{fmt, str::FromStr};

use thiserror::Error;
use warden_domain::Timestamp;

/// Names an entry of a stream, in the order in which they were added: `<milliseconds>-<sequence>`.
///
/// ```
/// use warden_store::EntryId;
///
/// let id: EntryId = "1700000000123-4".parse().unwrap();
/// assert_eq!(id.at().to_string(), "2023-11-14T22:13:20.123Z");
/// assert_eq!(id.to_string(), "1700000000123-4");
/// assert!("1700000000123".parse::<EntryId>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// When it was added, in milliseconds since 1970 UTC by the clock of the store.
    pub millis: u64,
    /// Which one of that millisecond.
    pub sequence: u64,
}

impl EntryId {
    /// When it was added, by the clock of the store, unless its sender chose its id.
    #[must_use]
    pub fn at(self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.millis).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

impl FromStr for EntryId {
    type Err = EntryIdError;

    fn from_str(text: &str) -> Result<Self, EntryIdError> {
        let parts = text.split_once('-').and_then(|(millis, sequence)| {
            Some(Self { millis: millis.parse().ok()?, sequence: sequence.parse().ok()? })
        });
        parts.filter(|id| id.to_string() == text).ok_or(EntryIdError)
    }
}

/// A text that is no id of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an entry's id is two numbers such as 1700000000123-0")]
pub struct EntryIdError;

/// The fields of an entry and their values: any bytes, in the order of the sender; a field may come twice.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// One entry as it was given to this consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its name.
    pub id: EntryId,
    /// How many times it was given to a consumer, this time included: 1 by a read, more later. A large number says that
    /// whoever gets it dies of it.
    pub deliveries: u64,
    /// What it holds.
    pub content: Content,
}

/// What an entry holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    Whole(Fields),
    /// Its beginning: it is larger than a signal may be ([`Subscription::entry_bytes`](super::Subscription::entry_bytes)).
    TooLarge {
        /// How many bytes all its fields and values have.
        bytes: u64,
        /// As much as a signal may be; the last field or value may be cut.
        beginning: Fields,
    },
}

impl Content {
    /// The content of an entry with these fields, when an entry may have `most` bytes.
    #[must_use]
    pub fn bounded(fields: Fields, most: usize) -> Self {
        let bytes: usize = fields.iter().map(|(field, value)| field.len() + value.len()).sum();
        if bytes <= most {
            return Self::Whole(fields);
        }
        let mut room = most;
        let mut cut = |mut part: Vec<u8>| {
            part.truncate(room);
            part.shrink_to_fit();
            room -= part.len();
            part
        };
        let beginning: Vec<_> = fields
            .into_iter()
            .map(|(field, value)| (cut(field), cut(value)))
            .take_while(|(field, value)| !(field.is_empty() && value.is_empty()))
            .collect();
        Self::TooLarge { bytes: bytes as u64, beginning }
    }

    /// The fields that are there, whole or not.
    #[must_use]
    pub fn fields(&self) -> &[(Vec<u8>, Vec<u8>)] {
        match self {
            Self::Whole(fields) | Self::TooLarge { beginning: fields, .. } => fields,
        }
    }
}

/// Without the content itself: what a sender puts into a wrong field does not spread into logs.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(fields) => write!(f, "{} fields", fields.len()),
            Self::TooLarge { bytes, .. } => write!(f, "{bytes} bytes, which is too large"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_only_as_it_is_written() {
        let last = EntryId { millis: u64::MAX, sequence: u64::MAX };
        assert_eq!(last.to_string().parse(), Ok(last));
        assert_eq!(last.at().as_millis(), i64::MAX);
        for text in ["", "-", "1", "1-", "-1", "1-2-3", "01-2", "1-+2", "1 -2", "18446744073709551616-0"] {
            assert_eq!(text.parse::<EntryId>(), Err(EntryIdError), "{text:?}");
        }
        let ids = ["9-9", "10-0", "10-2", "10-10"].map(|text| text.parse::<EntryId>().unwrap());
        assert!(ids.is_sorted());
    }

    #[test]
    fn an_entry_beyond_the_bound_keeps_its_beginning() {
        let fields = |parts: &[(&str, &str)]| -> Vec<_> {
            parts.iter().map(|(f, v)| (f.as_bytes().to_vec(), v.as_bytes().to_vec())).collect()
        };
        let whole = fields(&[("key", "s-1"), ("", ""), ("side", "BUY")]);
        assert_eq!(Content::bounded(whole.clone(), 13), Content::Whole(whole.clone()));
        for (most, beginning) in [
            (12, fields(&[("key", "s-1")])),
            (8, fields(&[("key", "s-1")])),
            (5, fields(&[("key", "s-")])),
            (2, fields(&[("ke", "")])),
            (0, vec![]),
        ] {
            let cut = Content::bounded(whole.clone(), most);
            assert_eq!(cut, Content::TooLarge { bytes: 13, beginning }, "{most}");
        }
        assert_eq!(Content::bounded(vec![], 0), Content::Whole(vec![]));
    }

    #[test]
    fn a_content_is_not_shown() {
        let secret = Content::Whole(vec![(b"password".to_vec(), b"hunter2".to_vec())]);
        assert_eq!(format!("{secret:?}"), "1 fields");
    }
}
