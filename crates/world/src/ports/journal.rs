use std::{io, sync::Arc};

use warden_domain::{InstanceId, Magic, Timestamp};
use warden_store::{
    Commit, Head, Journal, JournalError, JournalId, KnownKey, Pending, Record, Row, memory::MemoryJournal,
};

use super::{Call, Way};
use crate::{judge::Batch, point::Point};

/// The journal of a run: what it took is durable.
#[derive(Debug)]
pub(crate) struct FaultyJournal {
    pub(crate) way: Way,
    pub(crate) inner: Arc<MemoryJournal>,
}

fn fault() -> JournalError {
    JournalError::Storage { action: "call", source: Box::new(io::Error::other("the disk failed")) }
}

impl FaultyJournal {
    fn ask<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        made: Pending<'a, Result<T, JournalError>>,
    ) -> Pending<'a, Result<T, JournalError>> {
        let call = Call { name, before: &[], after: &[] };
        Box::pin(self.way.call(call, made, fault, |_, _| ()))
    }
}

impl Journal for FaultyJournal {
    fn append(&self, batch: Vec<Record>) -> Pending<'_, Result<Commit, JournalError>> {
        Box::pin(async move {
            let read = Batch::read(&batch);
            let (mut before, mut after) = (Vec::new(), Vec::new());
            if read.intends {
                before.push(Point::C0);
                after.push(Point::C1);
            }
            if read.sends {
                after.push(Point::C3);
            }
            if read.settles {
                before.push(Point::C9);
                after.push(Point::C10);
            }
            let call = Call { name: "append", before: &before, after: &after };
            let told = |state: &mut crate::sim::State, commit: &Commit| state.journalled(*commit, read);
            self.way.call(call, self.inner.append(batch), fault, told).await
        })
    }

    fn id(&self) -> JournalId {
        self.inner.id()
    }

    fn latest(&self) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.ask("latest", self.inner.latest())
    }

    fn latest_upto(&self, upto: u64) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.ask("latest_upto", self.inner.latest_upto(upto))
    }

    fn trades(&self) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.ask("trades", self.inner.trades())
    }

    fn keys(&self, since: Timestamp) -> Pending<'_, Result<Vec<KnownKey>, JournalError>> {
        self.ask("keys", self.inner.keys(since))
    }

    fn trade_history(
        &self,
        instance: &InstanceId,
        trade: Magic,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.ask("trade_history", self.inner.trade_history(instance, trade, limit))
    }

    fn history(
        &self,
        instance: &InstanceId,
        before: u64,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.ask("history", self.inner.history(instance, before, limit))
    }

    fn read(&self, after: u64, limit: u32) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.ask("read", self.inner.read(after, limit))
    }

    fn head(&self) -> Head {
        self.inner.head()
    }

    fn retain(&self, older: Timestamp, exported: u64) -> Pending<'_, Result<u64, JournalError>> {
        self.ask("retain", self.inner.retain(older, exported))
    }

    fn close(&self) -> Pending<'_, Result<(), JournalError>> {
        // The next process opens the same journal again.
        self.ask("close", Box::pin(async { Ok(()) }))
    }
}
