//! The hash chain of the journal: every row's hash covers the row and its predecessor's hash.
//!
//! # Layout
//! Integers are little-endian, texts and the payload are a `u32` length in bytes followed by the bytes:
//!
//! ```text
//! content = BLAKE3( epoch u64 | version u64 | op u64 | at i64 ms | instance | kind | rule | payload | trade )
//! trade   = nothing, or: magic u64 | ended u8 | key | digest u64; an empty key and 0 where there is none
//! hash    = BLAKE3( hash of the predecessor, 32 bytes | seq u64 | content, 32 bytes )
//! ```
//!
//! The predecessor of row 1 is 32 zero bytes. The content is hashed apart from the link, so that whoever hands a batch
//! in does the long part and the one thread that assigns `seq` only the short one.
//!
//! ```
//! use warden_store::chain::{Content, Fields, START, link};
//! let fields = Fields { epoch: 1, version: 1, op: 7, at: 0, instance: "a", kind: "login", rule: "LOG-1", payload: b"", trade: None };
//! let first = link(&START, 1, &Content::of(&fields));
//! assert_ne!(first, link(&START, 2, &Content::of(&fields)));
//! ```

use crate::{Record, Row, TradeMark};

/// The predecessor of row 1.
pub const START: [u8; 32] = [0; 32];

/// What of a row its content hash covers, borrowed from wherever the row is.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    /// The owner's epoch.
    pub epoch: u64,
    /// The state version that the step made.
    pub version: u64,
    /// Names the step.
    pub op: u64,
    /// When the step was decided, in UTC milliseconds.
    pub at: i64,
    /// Whose step.
    pub instance: &'a str,
    /// What kind of event led to it.
    pub kind: &'a str,
    /// The rule that decided.
    pub rule: &'a str,
    /// The step as the policy encodes it.
    pub payload: &'a [u8],
    /// The trade whose step it is.
    pub trade: Option<Mark<'a>>,
}

/// What of a [`TradeMark`] the content hash covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark<'a> {
    /// The trade's tag.
    pub magic: u64,
    /// It has ended.
    pub ended: bool,
    /// The client's id of the signal; empty where there is none.
    pub key: &'a str,
    /// Of the signal's content; 0 where there is none.
    pub digest: u64,
}

/// The hash of one row without its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content([u8; 32]);

impl Content {
    /// Hashes a row's fields.
    #[must_use]
    pub fn of(fields: &Fields<'_>) -> Self {
        Self::with(&mut Vec::new(), fields)
    }

    /// Hashes each record of a batch; one allocation beside the answer.
    #[must_use]
    pub fn of_batch(batch: &[Record]) -> Vec<Self> {
        let mut laid_out = Vec::new();
        batch.iter().map(|record| Self::with(&mut laid_out, &record.into())).collect()
    }

    /// Hashes a row's fields, laid out in a buffer that the caller uses again.
    #[must_use]
    pub fn with(laid_out: &mut Vec<u8>, fields: &Fields<'_>) -> Self {
        laid_out.clear();
        for number in [fields.epoch, fields.version, fields.op] {
            laid_out.extend_from_slice(&number.to_le_bytes());
        }
        laid_out.extend_from_slice(&fields.at.to_le_bytes());
        for bytes in
            [fields.instance.as_bytes(), fields.kind.as_bytes(), fields.rule.as_bytes(), fields.payload]
        {
            append_text(laid_out, bytes);
        }
        if let Some(Mark { magic, ended, key, digest }) = fields.trade {
            laid_out.extend_from_slice(&magic.to_le_bytes());
            laid_out.push(ended.into());
            append_text(laid_out, key.as_bytes());
            laid_out.extend_from_slice(&digest.to_le_bytes());
        }
        Self(blake3::hash(laid_out).into())
    }
}

fn append_text(laid_out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a field of a step is far below 4 GiB");
    laid_out.extend_from_slice(&length.to_le_bytes());
    laid_out.extend_from_slice(bytes);
}

/// The hash of the row at `seq`, from its predecessor's hash and its own content.
#[must_use]
pub fn link(predecessor: &[u8; 32], seq: u64, content: &Content) -> [u8; 32] {
    let mut laid_out = [0; 72];
    laid_out[..32].copy_from_slice(predecessor);
    laid_out[32..40].copy_from_slice(&seq.to_le_bytes());
    laid_out[40..].copy_from_slice(&content.0);
    blake3::hash(&laid_out).into()
}

impl<'a> From<&'a Record> for Fields<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            epoch: record.epoch.0,
            version: record.version.0,
            op: record.op.0,
            at: record.at.as_millis(),
            instance: record.instance.as_str(),
            kind: record.kind,
            rule: record.rule,
            payload: &record.payload,
            trade: record.trade.as_ref().map(Mark::from),
        }
    }
}

impl<'a> From<&'a Row> for Fields<'a> {
    fn from(row: &'a Row) -> Self {
        Self {
            epoch: row.epoch.0,
            version: row.version.0,
            op: row.op.0,
            at: row.at.as_millis(),
            instance: row.instance.as_str(),
            kind: &row.kind,
            rule: &row.rule,
            payload: &row.payload,
            trade: row.trade.as_ref().map(Mark::from),
        }
    }
}

impl<'a> From<&'a TradeMark> for Mark<'a> {
    fn from(mark: &'a TradeMark) -> Self {
        let (key, digest) = mark.key.as_ref().map_or(("", 0), |key| (key.id.as_str(), key.digest));
        Self { magic: mark.magic.number(), ended: mark.ended, key, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: Fields<'_> = Fields {
        epoch: 3,
        version: 12,
        op: 99,
        at: 1_700_000_000_123,
        instance: "acct-1",
        kind: "login_failed",
        rule: "LOG-2",
        payload: &[1, 2, 3],
        trade: None,
    };

    /// Changing the layout breaks every journal on disk: then the schema version has to rise.
    #[test]
    fn the_layout_is_the_documented_one() {
        let mut bytes = Vec::new();
        for number in [3_u64, 12, 99, 1_700_000_000_123] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(
            b"\x06\0\0\0acct-1\x0c\0\0\0login_failed\x05\0\0\0LOG-2\x03\0\0\0\x01\x02\x03",
        );
        let content = Content::of(&FIELDS);
        assert_eq!(content.0, *blake3::hash(&bytes).as_bytes());

        let mark = Mark { magic: 1 << 38, ended: true, key: "s-1", digest: 7 };
        let marked = Content::of(&Fields { trade: Some(mark), ..FIELDS });
        bytes.extend_from_slice(b"\0\0\0\0\x40\0\0\0\x01\x03\0\0\0s-1\x07\0\0\0\0\0\0\0");
        assert_eq!(marked.0, *blake3::hash(&bytes).as_bytes());

        let mut place = vec![0_u8; 32];
        place.extend_from_slice(&5_u64.to_le_bytes());
        place.extend_from_slice(&content.0);
        assert_eq!(link(&START, 5, &content), *blake3::hash(&place).as_bytes());
    }

    #[test]
    fn every_field_changes_the_content() {
        let mark = Mark { magic: 1 << 38, ended: false, key: "s-1", digest: 7 };
        let marked = |mark| Content::of(&Fields { trade: Some(mark), ..FIELDS });
        let mut seen = vec![
            marked(Mark::default()),
            marked(mark),
            marked(Mark { magic: (1 << 38) + 1, ..mark }),
            marked(Mark { ended: true, ..mark }),
            marked(Mark { key: "s-11", ..mark }),
            marked(Mark { digest: 8, ..mark }),
            Content::of(&FIELDS),
            Content::of(&Fields { epoch: 4, ..FIELDS }),
            Content::of(&Fields { version: 13, ..FIELDS }),
            Content::of(&Fields { op: 98, ..FIELDS }),
            Content::of(&Fields { at: -1, ..FIELDS }),
            Content::of(&Fields { instance: "acct-1l", kind: "ogin_failed", ..FIELDS }),
            Content::of(&Fields { rule: "", ..FIELDS }),
            Content::of(&Fields { payload: &[], ..FIELDS }),
        ];
        let count = seen.len();
        seen.sort_by_key(|content| content.0);
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
