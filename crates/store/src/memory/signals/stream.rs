use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    time::Duration,
};

use tokio::time::Instant;
use warden_domain::Timestamp;

use crate::{Backlog, EntryId, Fields, Subscription};

/// What was given to a consumer that it, or another one, was given before.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// With their deliveries.
    pub(super) entries: Vec<(EntryId, u64, Fields)>,
    /// What is not in the stream any more.
    pub(super) gone: Vec<EntryId>,
}

/// One stream with its groups.
#[derive(Debug, Default)]
pub(super) struct Stream {
    entries: BTreeMap<EntryId, Fields>,
    last: EntryId,
    groups: BTreeMap<String, Group>,
}

#[derive(Debug, Default)]
struct Group {
    /// The last entry that was given to a consumer; every later one is new.
    last: EntryId,
    pending: BTreeMap<EntryId, Given>,
}

/// To whom and when an entry was given last, and how often.
#[derive(Debug)]
struct Given {
    to: String,
    at: Instant,
    deliveries: u64,
}

impl Stream {
    pub(super) fn add(&mut self, fields: Fields, now: Timestamp) -> EntryId {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        // No id is 0-0, and none comes before the last one.
        self.last = if millis > self.last.millis {
            EntryId { millis, sequence: 0 }
        } else {
            EntryId { sequence: self.last.sequence + 1, ..self.last }
        };
        self.entries.insert(self.last, fields);
        self.last
    }

    pub(super) fn entries(&self) -> Vec<(EntryId, Fields)> {
        self.entries.iter().map(|(id, fields)| (*id, fields.clone())).collect()
    }

    pub(super) fn delete(&mut self, id: EntryId) {
        self.entries.remove(&id);
    }

    /// Keeps the newest `most` entries.
    pub(super) fn trim(&mut self, most: usize) {
        while self.entries.len() > most {
            self.entries.pop_first();
        }
    }

    pub(super) fn read(&mut self, by: &Subscription, most: usize, now: Instant) -> Vec<(EntryId, Fields)> {
        let group = self.groups.entry(by.group.clone()).or_default();
        let new = self.entries.range((Excluded(group.last), Unbounded)).take(most);
        let read: Vec<_> = new.map(|(id, fields)| (*id, fields.clone())).collect();
        for (id, _) in &read {
            group.last = *id;
            group.pending.insert(*id, Given { to: by.consumer.clone(), at: now, deliveries: 1 });
        }
        read
    }

    /// What comes again after an id.
    pub(super) fn again(&mut self, by: &Subscription, most: usize, after: EntryId, now: Instant) -> Taken {
        self.take(by, most, now, |id, given| id > after && given.to == by.consumer)
    }

    /// What was left for so long.
    pub(super) fn claim(&mut self, by: &Subscription, most: usize, idle: Duration, now: Instant) -> Taken {
        self.take(by, most, now, |_, given| now - given.at >= idle)
    }

    /// Gives the pending entries that are meant to a consumer.
    fn take(
        &mut self,
        by: &Subscription,
        most: usize,
        now: Instant,
        is_meant: impl Fn(EntryId, &Given) -> bool,
    ) -> Taken {
        let group = self.groups.entry(by.group.clone()).or_default();
        let left = group.pending.iter_mut().filter(|(id, given)| is_meant(**id, given)).take(most);
        let mut taken = Taken::default();
        for (id, given) in left {
            match self.entries.get(id) {
                Some(fields) => {
                    let deliveries = given.deliveries + 1;
                    *given = Given { to: by.consumer.clone(), at: now, deliveries };
                    taken.entries.push((*id, deliveries, fields.clone()));
                }
                None => taken.gone.push(*id),
            }
        }
        for id in &taken.gone {
            group.pending.remove(id);
        }
        taken
    }

    pub(super) fn acknowledge(&mut self, group: &str, ids: &[EntryId]) {
        if let Some(group) = self.groups.get_mut(group) {
            for id in ids {
                group.pending.remove(id);
            }
        }
    }

    pub(super) fn backlog(&self, group: &str) -> Backlog {
        let Some(group) = self.groups.get(group) else { return Backlog::default() };
        Backlog {
            pending: group.pending.len() as u64,
            oldest: group.pending.first_key_value().map(|(id, _)| *id),
        }
    }
}
