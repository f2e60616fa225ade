use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use warden_domain::{InstanceId, Magic, Timestamp};
use warden_store::{
    Commit, Head, Journal, JournalError, JournalId, KnownKey, Pending, Record, Row, memory::MemoryJournal,
};

/// A journal in memory that fails when it is told to.
#[derive(Default)]
pub(crate) struct FaultyJournal {
    inner: MemoryJournal,
    failures: AtomicU64,
    hangs: AtomicBool,
    pub(crate) appends: AtomicU64,
}

impl FaultyJournal {
    /// The next so many appends fail; nothing of them is kept.
    pub(crate) fn fail(&self, times: u64) {
        self.failures.store(times, Ordering::SeqCst);
    }
}

impl FaultyJournal {
    /// What is appended is durable, and whoever waits for it never hears so: it dies between the two.
    pub(crate) fn hang_after_commit(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }
}

impl Journal for FaultyJournal {
    fn append(&self, batch: Vec<Record>) -> Pending<'_, Result<Commit, JournalError>> {
        Box::pin(async move {
            self.appends.fetch_add(1, Ordering::SeqCst);
            let fails =
                self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if fails.is_ok() {
                return Err(JournalError::DiskFull { action: "append", source: "it was told to".into() });
            }
            let commit = self.inner.append(batch).await;
            if self.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            commit
        })
    }

    fn id(&self) -> JournalId {
        self.inner.id()
    }

    fn latest(&self) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.inner.latest()
    }

    fn latest_upto(&self, upto: u64) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.inner.latest_upto(upto)
    }

    fn trades(&self) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.inner.trades()
    }

    fn keys(&self, since: Timestamp) -> Pending<'_, Result<Vec<KnownKey>, JournalError>> {
        self.inner.keys(since)
    }

    fn trade_history(
        &self,
        instance: &InstanceId,
        trade: Magic,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.inner.trade_history(instance, trade, limit)
    }

    fn history(
        &self,
        instance: &InstanceId,
        before: u64,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.inner.history(instance, before, limit)
    }

    fn read(&self, after: u64, limit: u32) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.inner.read(after, limit)
    }

    fn head(&self) -> Head {
        self.inner.head()
    }

    fn retain(&self, older: Timestamp, exported: u64) -> Pending<'_, Result<u64, JournalError>> {
        self.inner.retain(older, exported)
    }

    fn close(&self) -> Pending<'_, Result<(), JournalError>> {
        self.inner.close()
    }
}
