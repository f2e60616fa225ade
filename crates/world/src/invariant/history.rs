//! The history export: exactly once by key, whatever crashes.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use warden_store::{HistoryRows, history::Range};

use crate::judge::Verdict;

/// What the rows of a range come to.
pub(crate) fn digest(rows: &HistoryRows) -> u64 {
    let mut hasher = DefaultHasher::new();
    for event in &rows.events {
        (event.origin.seq, event.version, event.epoch).hash(&mut hasher);
    }
    (rows.events.len(), rows.trades.len(), rows.incidents.len(), rows.alerts.len()).hash(&mut hasher);
    rows.notifications.len().hash(&mut hasher);
    hasher.finish()
}

/// C11, C12: a range that comes again is the same one, row by row; another one does not reach into it.
pub(crate) fn same_range_same_rows(known: &BTreeMap<(u64, u64), u64>, range: Range, digest: u64) -> Verdict {
    let overlaps = |&(first, last): &(u64, u64)| first <= range.last && range.first <= last;
    let Some(((first, last), before)) = known.iter().find(|(known, _)| overlaps(known)) else {
        return Ok(());
    };
    if (*first, *last) == (range.first, range.last) && *before == digest {
        return Ok(());
    }
    Err(format!("rows {first} to {last} were sent, and now {} to {}", range.first, range.last))
}
