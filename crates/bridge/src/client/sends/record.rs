//! How a record stands in the file: its length and checksum, then the record as a protobuf message.

use prost::Message;
use warden_domain::{InstanceId, Timestamp};

use super::{SendAnswer, SendRecord, SendStep};
use crate::{
    SendId, SendState,
    convert::{LONGEST_DETAIL, cut, snapshot},
    wire,
};

/// Length (u32) and checksum (8 bytes) before each record.
pub(super) const HEAD: usize = 12;
/// Longer than any record; a length beyond it is damage.
const LONGEST: usize = 16 * 1024;

/// A record as it is stored. Fields are added, never renumbered or reused.
#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    instance: String,
    #[prost(uint64, tag = "2")]
    magic: u64,
    #[prost(uint32, tag = "3")]
    attempt: u32,
    #[prost(sint64, tag = "4")]
    at_ms: i64,
    /// `IN_PROGRESS` for a start.
    #[prost(message, optional, tag = "5")]
    state: Option<wire::SendState>,
    #[prost(string, tag = "6")]
    detail: String,
}

/// What stands at a place of the file.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A record of so many bytes.
    Record(SendRecord, usize),
    /// Nothing more.
    End,
    /// Bytes that were not written whole, or changed since.
    Damage,
    /// Bytes as they were written, by a program that knows more than this one.
    Strange,
}

/// Appends a record.
pub(super) fn put(record: &SendRecord, bytes: &mut Vec<u8>) {
    let (state, detail) = state(&record.step);
    let entry = Entry {
        instance: record.instance.as_str().to_owned(),
        magic: record.send.magic,
        attempt: record.send.attempt,
        at_ms: record.at.as_millis(),
        state: Some(snapshot::send_state(&state)),
        detail: cut(detail, LONGEST_DETAIL).to_owned(),
    };
    let body = entry.encode_to_vec();
    let length = u32::try_from(body.len()).expect("an id, a few numbers and a cut text are far below 16 KiB");
    bytes.extend(length.to_le_bytes());
    bytes.extend(checksum(&body));
    bytes.extend(body);
}

/// Reads what stands at the beginning of these bytes.
pub(super) fn find(bytes: &[u8]) -> Found {
    if bytes.is_empty() {
        return Found::End;
    }
    let Some((head, rest)) = bytes.split_first_chunk::<4>() else { return Found::Damage };
    let length = usize::try_from(u32::from_le_bytes(*head)).unwrap_or(usize::MAX);
    let Some((sum, rest)) = rest.split_first_chunk::<8>() else { return Found::Damage };
    match rest.get(..length) {
        Some(body) if length <= LONGEST && checksum(body) == *sum => match read(body) {
            Some(record) => Found::Record(record, HEAD + length),
            None => Found::Strange,
        },
        Some(_) | None => Found::Damage,
    }
}

fn read(body: &[u8]) -> Option<SendRecord> {
    let entry = Entry::decode(body).ok()?;
    let step = match snapshot::read_send_state(&entry.state?).ok()? {
        SendState::InProgress => SendStep::Started,
        SendState::NotStarted => SendStep::NotStarted { detail: entry.detail },
        SendState::Answered { facts, reply } => {
            SendStep::Answered(Box::new(SendAnswer { facts, reply, detail: entry.detail }))
        }
        SendState::Unseen | SendState::Interrupted => return None,
    };
    Some(SendRecord {
        instance: InstanceId::new(&entry.instance).ok()?,
        send: SendId { magic: entry.magic, attempt: entry.attempt },
        at: Timestamp::from_millis(entry.at_ms),
        step,
    })
}

fn state(step: &SendStep) -> (SendState, &str) {
    match step {
        SendStep::Started => (SendState::InProgress, ""),
        SendStep::NotStarted { detail } => (SendState::NotStarted, detail),
        SendStep::Answered(it) => (SendState::Answered { facts: it.facts, reply: it.reply }, &it.detail),
    }
}

fn checksum(body: &[u8]) -> [u8; 8] {
    let hash = blake3::hash(body);
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use warden_domain::Facts;

    use super::*;
    use crate::TradeReply;

    fn record(step: SendStep) -> SendRecord {
        SendRecord {
            instance: InstanceId::new("acct-1").unwrap(),
            send: SendId { magic: 1 << 52, attempt: 3 },
            at: Timestamp::from_millis(-1),
            step,
        }
    }

    fn steps() -> [SendStep; 4] {
        let facts = Facts { retcode: Some(99_999), ticket: true, ..Facts::default() };
        let reply = Some(TradeReply { deal: 1, order: u64::MAX, volume: 0.1, price: 1.1 });
        let answered =
            |reply| SendStep::Answered(Box::new(SendAnswer { facts, reply, detail: "wörds".into() }));
        let refused = SendStep::NotStarted { detail: "the deadline has passed".into() };
        [SendStep::Started, refused, answered(reply), answered(None)]
    }

    #[test]
    fn every_record_comes_back() {
        let mut bytes = Vec::new();
        for step in steps() {
            put(&record(step), &mut bytes);
        }
        let mut rest = bytes.as_slice();
        for step in steps() {
            let Found::Record(read, length) = find(rest) else { panic!("a record") };
            assert_eq!(read, record(step));
            rest = &rest[length..];
        }
        assert_eq!(find(rest), Found::End);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        for step in steps() {
            let mut good = Vec::new();
            put(&record(step), &mut good);
            for bit in 0..good.len() * 8 {
                let mut bad = good.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(find(&bad), Found::Damage, "bit {bit}");
            }
            for end in 1..good.len() {
                assert_eq!(find(&good[..end]), Found::Damage, "cut at {end}");
            }
        }
        assert_eq!(find(&[0; 64]), Found::Damage, "a disk that grew a file and wrote nothing");
    }

    #[test]
    fn a_whole_record_of_a_later_version_is_no_damage() {
        let body = [0x2a, 0x02, 0x08, 0x63];
        let mut bytes = 4_u32.to_le_bytes().to_vec();
        bytes.extend(checksum(&body));
        bytes.extend(body);
        assert_eq!(find(&bytes), Found::Strange);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..128)) {
            prop_assert!(!matches!(find(&bytes), Found::Record(..)));
        }
    }
}
