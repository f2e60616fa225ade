use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use warden_domain::{InstanceId, Magic, Timestamp};

use crate::{
    Commit, Head, Journal, JournalError, JournalId, KnownKey, Pending, Record, Row, TradeMark,
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
        Self { id: JournalId(id), inner: Mutex::default() }
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

    /// The newest row with `seq <= upto` of each instance and each trade, forgotten or not.
    fn newest(&self, upto: u64) -> impl Iterator<Item = Row> {
        let mut newest: HashMap<(InstanceId, Option<Magic>), &Row> =
            self.forgotten.iter().map(|(place, row)| (place.clone(), row)).collect();
        newest.extend(self.rows.iter().take_while(|row| row.seq <= upto).map(|row| (place_of(row), row)));
        newest.into_values().cloned()
    }

    fn latest_upto(&self, upto: u64) -> Vec<Row> {
        self.newest(upto).filter(|row| row.trade.is_none()).collect()
    }

    fn trades(&self) -> Vec<Row> {
        let trades: Vec<Row> = self.newest(u64::MAX).filter(|row| row.trade.is_some()).collect();
        let mut last: HashMap<InstanceId, u64> = HashMap::new();
        for row in &trades {
            let last = last.entry(row.instance.clone()).or_default();
            *last = row.seq.max(*last);
        }
        let stays = |row: &Row| {
            let ended = row.trade.as_ref().is_some_and(|trade| trade.ended);
            !ended || last.get(&row.instance) == Some(&row.seq)
        };
        trades.into_iter().filter(stays).collect()
    }

    fn forget(&mut self, older: Timestamp, exported: u64) -> u64 {
        let mut count = 0;
        while let Some(row) = self.rows.pop_front_if(|row| row.at < older && row.seq <= exported) {
            self.forgotten.insert(place_of(&row), row);
            count += 1;
        }
        count
    }
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
