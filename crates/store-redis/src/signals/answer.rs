//! Answers of the stream's commands, read without belief.

use std::collections::HashMap;

use fred::interfaces::Resp3Frame;
use warden_store::{Backlog, EntryId, Fields, HotError};

use crate::{
    fault::Fault,
    reply::{items, text},
};

/// What one `XAUTOCLAIM` took over.
pub(super) struct Swept {
    /// Where the next one goes on; zero at the end.
    pub(super) next: EntryId,
    pub(super) entries: Vec<(EntryId, Fields)>,
    /// What is not in the stream any more.
    pub(super) gone: Vec<EntryId>,
}

/// The entries of the one stream that `XREADGROUP` was asked for; none when it waited in vain.
pub(super) fn read(frame: Resp3Frame) -> Result<Vec<(EntryId, Fields)>, Fault> {
    let Some(streams) = items(frame)? else { return Ok(Vec::new()) };
    let [stream] = exactly(streams)?;
    let [_name, listed] = exactly(list(stream)?)?;
    entries(listed)
}

pub(super) fn swept(frame: Resp3Frame) -> Result<Swept, Fault> {
    let [next, claimed, gone] = exactly(list(frame)?)?;
    let gone = list(gone)?.iter().map(id).collect::<Result<_, _>>()?;
    Ok(Swept { next: id(&next)?, entries: entries(claimed)?, gone })
}

/// How many times each entry was given to a consumer, from the long form of `XPENDING`.
pub(super) fn deliveries(frame: Resp3Frame) -> Result<HashMap<EntryId, u64>, Fault> {
    let count = |row: Resp3Frame| {
        let [entry, _consumer, _idle, count] = exactly(list(row)?)?;
        Ok((id(&entry)?, number(&count)?))
    };
    list(frame)?.into_iter().map(count).collect()
}

/// The short form of `XPENDING`.
pub(super) fn backlog(frame: Resp3Frame) -> Result<Backlog, Fault> {
    let [pending, oldest, _newest, _consumers] = exactly(list(frame)?)?;
    let pending = number(&pending)?;
    Ok(Backlog { pending, oldest: if pending == 0 { None } else { Some(id(&oldest)?) } })
}

fn entries(frame: Resp3Frame) -> Result<Vec<(EntryId, Fields)>, Fault> {
    let entry = |row: Resp3Frame| {
        let [name, listed] = exactly(list(row)?)?;
        let bytes = |part: &Resp3Frame| text(part).map(|bytes| bytes.to_vec()).ok_or_else(surprising);
        let parts = list(listed)?;
        let pairs = parts.chunks_exact(2).map(|pair| Ok((bytes(&pair[0])?, bytes(&pair[1])?)));
        Ok((id(&name)?, pairs.collect::<Result<_, Fault>>()?))
    };
    list(frame)?.into_iter().map(entry).collect()
}

fn list(frame: Resp3Frame) -> Result<Vec<Resp3Frame>, Fault> {
    items(frame)?.ok_or_else(surprising)
}

fn exactly<const N: usize>(frames: Vec<Resp3Frame>) -> Result<[Resp3Frame; N], Fault> {
    frames.try_into().map_err(|_| surprising())
}

fn id(frame: &Resp3Frame) -> Result<EntryId, Fault> {
    let text = text(frame).and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.and_then(|text| text.parse().ok()).ok_or_else(surprising)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the frame is the client's enum; all else is no number")]
fn number(frame: &Resp3Frame) -> Result<u64, Fault> {
    match frame {
        Resp3Frame::Number { data, .. } => u64::try_from(*data).map_err(|_| surprising()),
        _ => Err(surprising()),
    }
}

fn surprising() -> Fault {
    HotError::Unfit("it answers what no stream answers; use Redis 7.0 or newer".to_owned()).into()
}
