//! Answers of the stream's commands, read without belief.

use std::collections::HashMap;

use fred::interfaces::Resp3Frame;
use warden_store::{Backlog, EntryId, Fields, HotError};

use crate::{
    fault::Fault,
    reply::{items, text},
};

/// Entries of the stream.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) entries: Vec<(EntryId, Fields)>,
    /// What is not in the stream any more.
    pub(super) gone: Vec<EntryId>,
}

/// What `XREADGROUP` has of the one stream it was asked for; nothing when it waited in vain.
pub(super) fn read(frame: Resp3Frame) -> Result<Listed, Fault> {
    let Some(streams) = items(frame)? else { return Ok(Listed::default()) };
    let [stream] = exactly(streams)?;
    let [_name, entries] = exactly(list(stream)?)?;
    listed(entries)
}

/// What one `XAUTOCLAIM` took over, and where the next one goes on: zero at the end.
pub(super) fn swept(frame: Resp3Frame) -> Result<(EntryId, Listed), Fault> {
    let [next, claimed, gone] = exactly(list(frame)?)?;
    let mut listed = listed(claimed)?;
    for row in &list(gone)? {
        listed.gone.push(id(row)?);
    }
    Ok((id(&next)?, listed))
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

fn listed(frame: Resp3Frame) -> Result<Listed, Fault> {
    let bytes = |part: &Resp3Frame| text(part).map(|bytes| bytes.to_vec()).ok_or_else(surprising);
    let mut listed = Listed::default();
    for row in list(frame)? {
        let [name, fields] = exactly(list(row)?)?;
        let id = id(&name)?;
        // Of an entry that was removed from the stream only the id is left.
        let Some(parts) = items(fields)? else {
            listed.gone.push(id);
            continue;
        };
        let pairs = parts.chunks_exact(2).map(|pair| Ok((bytes(&pair[0])?, bytes(&pair[1])?)));
        listed.entries.push((id, pairs.collect::<Result<_, Fault>>()?));
    }
    Ok(listed)
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
