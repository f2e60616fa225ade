use std::collections::HashMap;

use warden_domain::{InstanceId, Timestamp};

use super::{KEEP_SENDS, SendRecord, SendStep};
use crate::SendId;

/// So many records may pile up before the first look for old ones.
const SPARE: usize = 65_536;

/// The last that is known of each send, in memory.
#[derive(Debug, Default)]
pub(super) struct Index {
    known: HashMap<InstanceId, HashMap<SendId, Kept>>,
    /// How many sends are known.
    live: usize,
    /// How many were known after the last look for old ones.
    lived: usize,
    /// How many records were taken since then.
    taken: usize,
    /// When the last record was written.
    now: Option<Timestamp>,
}

#[derive(Debug)]
struct Kept {
    at: Timestamp,
    step: SendStep,
}

impl Index {
    pub(super) fn known(&self, instance: &InstanceId, send: SendId) -> Option<SendStep> {
        Some(self.known.get(instance)?.get(&send)?.step.clone())
    }

    /// Takes in records; a later one of the same send replaces the earlier.
    pub(super) fn take(&mut self, records: &[SendRecord]) {
        for SendRecord { instance, send, at, step } in records {
            let kept = Kept { at: *at, step: step.clone() };
            let known = match self.known.get_mut(instance) {
                Some(known) => known,
                None => self.known.entry(instance.clone()).or_default(),
            };
            self.live += usize::from(known.insert(*send, kept).is_none());
            self.now = Some(*at);
        }
        self.taken += records.len();
    }

    /// How many records were taken since the last look for old ones.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// So many records are worth a look for old ones: it costs as much as there is, so it is rare.
    pub(super) fn is_due(&self, records: usize) -> bool {
        records >= 4 * self.lived + SPARE
    }

    /// Forgets what is older than it need be, by the time of the last record: a clock that was wrong for a while forgets at
    /// most what came before it.
    pub(super) fn expire(&mut self) {
        if let Some(now) = self.now {
            for known in self.known.values_mut() {
                known.retain(|_, it| now.since(it.at) <= KEEP_SENDS);
            }
            self.known.retain(|_, known| !known.is_empty());
        }
        self.live = self.known.values().map(HashMap::len).sum();
        self.lived = self.live;
        self.taken = 0;
    }

    /// How many sends are known.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// Everything that is known.
    pub(super) fn records(&self) -> impl Iterator<Item = SendRecord> {
        self.known.iter().flat_map(|(instance, known)| {
            known.iter().map(|(send, Kept { at, step })| SendRecord {
                instance: instance.clone(),
                send: *send,
                at: *at,
                step: step.clone(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(magic: u64, at: i64) -> SendRecord {
        SendRecord {
            instance: InstanceId::new("a").unwrap(),
            send: SendId { magic, attempt: 1 },
            at: Timestamp::from_millis(at),
            step: SendStep::Started,
        }
    }

    #[test]
    fn what_is_older_than_7_days_is_forgotten_and_nothing_younger() {
        let mut index = Index::default();
        let week = 7 * 86_400_000;
        index.take(&[record(1, 0), record(2, 1), record(3, week), record(4, week + 1)]);
        index.expire();
        let known = |magic| index.known(&InstanceId::new("a").unwrap(), SendId { magic, attempt: 1 });
        assert_eq!(known(1), None);
        assert!((2..=4).all(|magic| known(magic).is_some()));
        assert_eq!(index.len(), 3);
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_while_forgets_nothing_later() {
        let mut index = Index::default();
        index.take(&[record(1, 5), record(2, i64::MAX), record(3, 6)]);
        index.expire();
        assert_eq!(index.len(), 3);
    }

    #[test]
    fn looking_for_old_ones_stays_rare_as_the_index_grows() {
        let (mut index, mut looks) = (Index::default(), 0);
        for magic in 0..1_000_000 {
            index.take(&[record(magic, 0)]);
            if index.is_due(index.taken()) {
                index.expire();
                looks += 1;
            }
        }
        assert!((1..=4).contains(&looks), "{looks}");
    }
}
