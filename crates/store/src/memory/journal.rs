use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use warden_domain::{InstanceId, Magic, Timestamp};

use crate::{
    Commit, Head, Journal, JournalError, JournalId, KEYS_KEPT, KnownKey, Pending, Record, Row, TradeMark,
    chain::{self, Content},
};

/// A journal that lives as long as the process: for the embedded mode without a folder, and for tests.
///
/// It keeps the hash chain of a real one, so that a head means the same everywhere.
#[derive(Debug)]
pub struct MemoryJournal {
    id: JournalId,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    rows: VecDeque<Row>,
    forgotten: HashMap<(InstanceId, Option<Magic>), Row>, // the newest forgotten row of each instance and trade
    head: Head,
    closed: bool,
}

impl MemoryJournal {
    /// An empty journal.
    ///
    /// # Panics
    /// When the operating system gives no random bytes, without which no program of ours starts.
    #[must_use]
    pub fn new() -> Self {
        let id =
            getrandom::u64().expect("std's hash maps have drawn random bytes from the same source before");
        Self::named(JournalId(id))
    }

    /// An empty journal of this name, for a simulation in which nothing is left to chance.
    #[must_use]
    pub fn named(id: JournalId) -> Self {
        Self { id, inner: Mutex::default() }
    }

    fn open(&self) -> Result<MutexGuard<'_, Inner>, JournalError> {
        let inner = self.lock();
        if inner.closed { Err(JournalError::Closed) } else { Ok(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl Journal for MemoryJournal {
    fn append(&self, batch: Vec<Record>) -> Pending<'_, Result<Commit, JournalError>> {
        Box::pin(async move {
            let contents = Content::of_batch(&batch);
            let mut inner = self.open()?;
            let first = inner.head.seq + 1;
            for (record, content) in batch.into_iter().zip(&contents) {
                inner.push(record, content);
            }
            Ok(Commit { first, last: inner.head.seq })
        })
    }

    fn id(&self) -> JournalId {
        self.id
    }

    fn latest(&self) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.latest_upto(u64::MAX)
    }

    fn latest_upto(&self, upto: u64) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        Box::pin(async move { Ok(self.open()?.latest_upto(upto)) })
    }

    fn trades(&self) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        Box::pin(async move { Ok(self.open()?.trades()) })
    }

    fn keys(&self, since: Timestamp) -> Pending<'_, Result<Vec<KnownKey>, JournalError>> {
        Box::pin(async move {
            let inner = self.open()?;
            let mut known: Vec<(u64, KnownKey)> = inner
                .forgotten
                .values()
                .chain(&inner.rows)
                .filter(|row| row.at >= since)
                .filter_map(|row| Some((row.seq, known_key(row)?)))
                .collect();
            known.sort_by_key(|(seq, _)| *seq);
            Ok(known.into_iter().map(|(_, key)| key).collect())
        })
    }

    fn trade_history(
        &self,
        instance: &InstanceId,
        trade: Magic,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        let place = (instance.clone(), Some(trade));
        Box::pin(async move {
            let inner = self.open()?;
            let newest_first = inner.rows.iter().rev().filter(|row| place_of(row) == place);
            let mut rows: Vec<Row> = newest_first.take(limit as usize).cloned().collect();
            rows.reverse();
            Ok(rows)
        })
    }

    fn history(
        &self,
        instance: &InstanceId,
        before: u64,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        let instance = instance.clone();
        Box::pin(async move {
            let inner = self.open()?;
            let newest_first = inner
                .rows
                .iter()
                .rev()
                .filter(|row| row.seq < before && row.trade.is_none() && row.instance == instance);
            let mut rows: Vec<Row> = newest_first.take(limit as usize).cloned().collect();
            rows.reverse();
            Ok(rows)
        })
    }

    fn read(&self, after: u64, limit: u32) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        Box::pin(async move {
            let inner = self.open()?;
            let start = inner.rows.partition_point(|row| row.seq <= after);
            Ok(inner.rows.iter().skip(start).take(limit as usize).cloned().collect())
        })
    }

    fn head(&self) -> Head {
        self.lock().head
    }

    fn retain(&self, older: Timestamp, exported: u64) -> Pending<'_, Result<u64, JournalError>> {
        Box::pin(async move { Ok(self.open()?.forget(older, exported)) })
    }

    fn close(&self) -> Pending<'_, Result<(), JournalError>> {
        Box::pin(async {
            self.open()?.closed = true;
            Ok(())
        })
    }
}

impl Inner {
    fn push(&mut self, record: Record, content: &Content) {
        let seq = self.head.seq + 1;
        self.head = Head { seq, hash: chain::link(&self.head.hash, seq, content) };
        let Record { instance, trade, epoch, version, op, at, kind, rule, payload } = record;
        let (kind, rule) = (kind.to_owned(), rule.to_owned());
        self.rows.push_back(Row { seq, instance, trade, epoch, version, op, at, kind, rule, payload });
    }

    /// The newest row of each instance's own steps with `seq <= upto`, forgotten or not.
    fn latest_upto(&self, upto: u64) -> Vec<Row> {
        let own = |row: &&Row| row.trade.is_none() && row.seq <= upto;
        newest(self.forgotten.values().chain(&self.rows).filter(own)).cloned().collect()
    }

    fn trades(&self) -> Vec<Row> {
        let trades = newest(self.forgotten.values().chain(&self.rows).filter(|row| row.trade.is_some()));
        let trades: Vec<&Row> = trades.collect();
        let last = last_of(trades.iter().copied());
        trades.into_iter().filter(|row| goes_on(row, &last)).cloned().collect()
    }

    fn forget(&mut self, older: Timestamp, exported: u64) -> u64 {
        let Some(newest) = self.rows.back().map(|row| row.at) else { return 0 };
        let kept = |row: &Row| row.at >= older || row.seq > exported || is_kept_key(row, newest);
        let mut count = 0;
        while let Some(row) = self.rows.pop_front_if(|row| !kept(row)) {
            self.forgotten.insert(place_of(&row), row);
            count += 1;
        }
        let last = last_of(self.forgotten.values());
        self.forgotten.retain(|_, row| goes_on(row, &last));
        count
    }
}

/// The newest of the rows of each instance and each trade; they come oldest first, but for those of different places.
fn newest<'a>(rows: impl Iterator<Item = &'a Row>) -> impl Iterator<Item = &'a Row> {
    let mut newest: HashMap<(&InstanceId, Option<Magic>), &Row> = HashMap::new();
    for row in rows {
        newest.insert((&row.instance, row.trade.as_ref().map(|trade| trade.magic)), row);
    }
    newest.into_values()
}

/// Where the newest row of any trade of each instance is.
fn last_of<'a>(rows: impl Iterator<Item = &'a Row>) -> HashMap<InstanceId, u64> {
    let mut last: HashMap<InstanceId, u64> = HashMap::new();
    for row in rows.filter(|row| row.trade.is_some()) {
        let last = last.entry(row.instance.clone()).or_default();
        *last = row.seq.max(*last);
    }
    last
}

/// Whether trading goes on from this newest row of its trade, or an instance from its own.
fn goes_on(row: &Row, last: &HashMap<InstanceId, u64>) -> bool {
    let ended = row.trade.as_ref().is_some_and(|trade| trade.ended);
    !ended || last.get(&row.instance) == Some(&row.seq)
}

fn is_kept_key(row: &Row, newest: Timestamp) -> bool {
    row.trade.as_ref().is_some_and(|trade| trade.key.is_some()) && newest < row.at.after(KEYS_KEPT)
}

fn place_of(row: &Row) -> (InstanceId, Option<Magic>) {
    (row.instance.clone(), row.trade.as_ref().map(|trade| trade.magic))
}

fn known_key(row: &Row) -> Option<KnownKey> {
    let TradeMark { magic, ended: _, key } = row.trade.as_ref()?;
    Some(KnownKey { instance: row.instance.clone(), trade: *magic, key: key.clone()?, at: row.at })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_memory_journal_passes_every_case() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(crate::conformance::journal::run(|| {
            Box::pin(async { Arc::new(MemoryJournal::new()) as Arc<dyn Journal> })
        }));
    }

    #[tokio::test]
    async fn the_memory_journal_passes_the_case_of_reopening() {
        let journal = Arc::new(MemoryJournal::new());
        crate::conformance::journal::run_reopened(|| {
            journal.lock().closed = false;
            let journal = journal.clone();
            Box::pin(async { journal as Arc<dyn Journal> })
        })
        .await;
    }
}
