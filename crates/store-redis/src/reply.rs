//! Answers of the functions, read without belief.

use fred::{bytes::Bytes, interfaces::Resp3Frame};
use warden_domain::{Epoch, Version};
use warden_store::{Cas, HotError, HotKey, Projection, RawSnapshot, Stored, TradeWrite};

use crate::fault::{Fault, refused};

/// The elements of an answer, which must be as many as were asked for; a single text stands for all of them.
pub(crate) fn elements(frame: Resp3Frame, asked: usize) -> Result<Vec<Resp3Frame>, Fault> {
    if text(&frame).is_some() {
        return Ok(vec![frame; asked]);
    }
    match items(frame)? {
        Some(data) if data.len() == asked => Ok(data),
        Some(_) | None => Err(surprising()),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the frame is the client's enum; all else is no answer of ours"
)]
pub(crate) fn items(frame: Resp3Frame) -> Result<Option<Vec<Resp3Frame>>, Fault> {
    match frame {
        Resp3Frame::Array { data, .. } => Ok(Some(data)),
        Resp3Frame::SimpleError { data, .. } => Err(refused(&data)),
        Resp3Frame::BlobError { data, .. } => Err(refused(&String::from_utf8_lossy(&data))),
        _ => Ok(None),
    }
}

/// One answer of a write.
pub(crate) fn cas(frame: &Resp3Frame) -> Result<Cas, Fault> {
    let text = text(frame).ok_or_else(surprising)?;
    let (kind, number) = text.split_first().ok_or_else(surprising)?;
    let number = std::str::from_utf8(number).map_err(|_| surprising())?;
    Ok(match (kind, number.parse()) {
        (b'w', _) => Cas::Applied,
        (b's', _) => Cas::AlreadyApplied,
        (b'b', _) if number.is_empty() => Cas::Behind { stored: None },
        (b'b', Ok(version)) => Cas::Behind { stored: Some(Version(version)) },
        (b'a', Ok(version)) => Cas::Ahead { stored: Version(version) },
        (b'f', Ok(epoch)) => Cas::Fenced { by: Epoch(epoch) },
        // 20 digits that are beyond 64 bits were never written by us.
        (b'c', _) | (b'a' | b'b' | b'f', Err(_)) => Cas::Corrupt,
        _ => return Err(surprising()),
    })
}

/// One answer of a shown trade; `None` when what it changes does not stand there.
pub(crate) fn shown(frame: &Resp3Frame) -> Result<Option<TradeWrite>, Fault> {
    let text = text(frame).ok_or_else(surprising)?;
    let (kind, number) = text.split_first().ok_or_else(surprising)?;
    let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
    match (kind, number) {
        (b'w', None) => Ok(Some(TradeWrite::Written)),
        (b'a', Some(version)) => Ok(Some(TradeWrite::Ahead { stored: Version(version) })),
        (b'f', Some(epoch)) => Ok(Some(TradeWrite::Fenced { by: Epoch(epoch) })),
        (b'b', None) => Ok(None),
        _ => Err(surprising()),
    }
}

/// One answer that is yes or no.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the frame is the client's enum; all else is no answer of ours"
)]
pub(crate) fn yes(frame: &Resp3Frame) -> Result<bool, Fault> {
    match frame {
        Resp3Frame::Number { data, .. } => Ok(*data == 1),
        Resp3Frame::SimpleError { data, .. } => Err(refused(data)),
        _ => Err(surprising()),
    }
}

/// Says whether an answer of `CONFIG GET maxmemory*` means that nothing stored is ever evicted.
pub(crate) fn keeps_everything(frame: Resp3Frame) -> Result<(), Fault> {
    let pairs = items(frame)?.ok_or_else(surprising)?;
    let value = |name: &[u8]| {
        let at = pairs.iter().position(|word| text(word).is_some_and(|word| word == name))?;
        pairs.get(at + 1).and_then(text).map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let (limit, policy) = (value(b"maxmemory"), value(b"maxmemory-policy"));
    match (limit.as_deref(), policy) {
        (Some("0"), _) | (None, None) => Ok(()),
        (_, Some(policy)) if policy == "noeviction" => Ok(()),
        (_, policy) => Err(HotError::Unfit(format!(
            "its maxmemory-policy is {}, so it may evict state; run: CONFIG SET maxmemory-policy noeviction",
            policy.as_deref().unwrap_or("unknown")
        ))
        .into()),
    }
}

/// One answer of a load.
pub(crate) fn stored(frame: Resp3Frame) -> Result<Stored, Fault> {
    if let Some(what) = text(&frame) {
        return Ok(Stored::Corrupt(String::from_utf8_lossy(what).into_owned()));
    }
    let parts = elements(frame, HotKey::ALL.len() + 6)?;
    if parts.iter().all(|part| text(part).is_none()) {
        return Ok(Stored::Nothing);
    }
    let (keys, fields) = parts.split_at(HotKey::ALL.len());
    let field = |i: usize| fields.get(i).and_then(text).map(|bytes| &bytes[..]);
    let raw = RawSnapshot {
        schema: field(0),
        epoch: field(1),
        version: field(2),
        op: field(3),
        checksum: field(4),
        state: field(5),
    };
    if fields.iter().all(|field| text(field).is_none()) {
        return Ok(Stored::Corrupt("snapshot is missing beside documented keys".to_owned()));
    }
    let projection = || {
        Projection::read(|key| text(&keys[key as usize]).and_then(|bytes| std::str::from_utf8(bytes).ok()))
    };
    Ok(match raw.verify().and_then(|snapshot| Ok((snapshot, projection()?))) {
        Ok((snapshot, projection)) => Stored::State(snapshot, projection),
        Err(what) => Stored::Corrupt(what),
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the frame is the client's enum; only these two are texts"
)]
pub(crate) fn text(frame: &Resp3Frame) -> Option<&Bytes> {
    match frame {
        Resp3Frame::BlobString { data, .. } | Resp3Frame::SimpleString { data, .. } => Some(data),
        _ => None,
    }
}

/// Something answers that is not our library.
pub(crate) fn surprising() -> Fault {
    HotError::Unfit(
        "it answers what our functions never answer; is another program's library named warden?".to_owned(),
    )
    .into()
}
