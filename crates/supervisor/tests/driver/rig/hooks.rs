//! Stores that stop for ever at a chosen moment, as if the process died there, or answer as a test wants it.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use warden_domain::{Epoch, InstanceId, Magic, Span, Timestamp};
use warden_policy::{account::Closure, decode_step};
use warden_store::{
    Absorbed, Account, Accounts, AccountsError, Cas, Commit, Head, HotError, HotState, HotUpdate, Journal,
    JournalError, JournalId, KnownKey, Pending, Record, Registered, Row, Stored, TradeUpdate, TradeWrite,
    memory::MemoryHot,
};

use super::{FaultyJournal, GatedAccounts};

/// A moment of the destruction of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The commit of the row that makes the account a suspected one.
    Suspected,
    /// The commit of the row that confirms it.
    Confirmed,
    /// The accounts store is told that the instance is closed.
    Absorbed,
    /// The credentials are revoked.
    Revoke,
    /// The commit of the row that says so.
    Revoked,
    /// The hot-state keys are removed.
    RemoveHotState,
    /// The commit of the row that says so.
    HotStateRemoved,
    /// The credentials are deleted.
    Delete,
    /// The commit of the row that says so.
    Recorded,
}

impl Moment {
    pub(crate) const ALL: [Self; 9] = [
        Self::Suspected,
        Self::Confirmed,
        Self::Absorbed,
        Self::Revoke,
        Self::Revoked,
        Self::RemoveHotState,
        Self::HotStateRemoved,
        Self::Delete,
        Self::Recorded,
    ];

    fn of(closure: Closure) -> Option<Self> {
        match closure {
            Closure::None => None,
            Closure::Suspected { .. } => Some(Self::Suspected),
            Closure::Revoking => Some(Self::Confirmed),
            Closure::RemovingHotState => Some(Self::Revoked),
            Closure::Deleting => Some(Self::HotStateRemoved),
            Closure::Done => Some(Self::Recorded),
        }
    }
}

/// Which side of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Nothing of it has happened.
    Before,
    /// It has happened, and nobody ever hears so.
    After,
}

/// What the stores do beside their work.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    dies: Mutex<Option<(Moment, Side)>>,
    died: AtomicBool,
    /// The accounts store does not answer for credentials and ends.
    pub(crate) accounts_down: AtomicBool,
    /// So many times the accounts store does not answer a supervisor that starts.
    pub(crate) accounts_silent: AtomicU32,
    /// No ends are recorded.
    pub(crate) refuse_absorb: AtomicBool,
    /// No credentials can be decrypted.
    pub(crate) spoilt: AtomicBool,
    /// A fetch that is to bring this account never ends.
    pub(crate) hangs_for: Mutex<Option<InstanceId>>,
    /// How many accounts each fetch brought.
    pub(crate) fetches: Mutex<Vec<usize>>,
    /// The ends that the store was told, in order.
    pub(crate) absorbed: Mutex<Vec<Option<Absorbed>>>,
}

impl Hooks {
    /// From now on the process dies when it comes to this moment.
    pub(crate) fn die_at(&self, moment: Moment, side: Side) {
        *self.dies.lock().unwrap() = Some((moment, side));
    }

    fn heard_at_the_start(&self) -> Result<(), AccountsError> {
        let silent = |times: u32| times.checked_sub(1);
        match self.accounts_silent.fetch_update(Ordering::SeqCst, Ordering::SeqCst, silent) {
            Ok(_) => Err(unreachable()),
            Err(_) => Ok(()),
        }
    }

    /// Whether it came to the moment.
    pub(crate) fn died(&self) -> bool {
        self.died.load(Ordering::SeqCst)
    }

    /// Nothing dies any more.
    pub(crate) fn live(&self) {
        *self.dies.lock().unwrap() = None;
        self.died.store(false, Ordering::SeqCst);
    }

    async fn around<T>(&self, moment: Moment, work: impl Future<Output = T>) -> T {
        self.pass(moment, Side::Before).await;
        let done = work.await;
        self.pass(moment, Side::After).await;
        done
    }

    async fn pass(&self, moment: Moment, side: Side) {
        if *self.dies.lock().unwrap() == Some((moment, side)) {
            self.died.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    }
}

/// A store with hooks.
#[derive(Clone)]
pub(crate) struct Hooked<T> {
    pub(crate) inner: T,
    pub(crate) hooks: Arc<Hooks>,
}

impl Journal for Hooked<Arc<FaultyJournal>> {
    fn append(&self, batch: Vec<Record>) -> Pending<'_, Result<Commit, JournalError>> {
        let closure = |record: &Record| decode_step(&record.payload).unwrap().state.closure();
        let own = batch.iter().filter(|record| record.trade.is_none());
        let moment = own.filter_map(|record| Moment::of(closure(record))).next_back();
        Box::pin(async move {
            match moment {
                Some(moment) => self.hooks.around(moment, self.inner.append(batch)).await,
                None => self.inner.append(batch).await,
            }
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

fn unreachable() -> AccountsError {
    AccountsError::Unreachable("it was told to".to_owned())
}

impl Accounts for Hooked<Arc<GatedAccounts>> {
    fn accounts<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Result<Account, AccountsError>>, AccountsError>> {
        Box::pin(async move {
            self.hooks.fetches.lock().unwrap().push(instances.len());
            if self.hooks.accounts_down.load(Ordering::SeqCst) {
                return Err(unreachable());
            }
            let hangs = self.hooks.hangs_for.lock().unwrap().clone();
            if hangs.is_some_and(|instance| instances.contains(&instance)) {
                std::future::pending::<()>().await;
            }
            if self.hooks.spoilt.load(Ordering::SeqCst) {
                let spoilt = |instance: &InstanceId| AccountsError::Undecipherable {
                    instance: instance.clone(),
                    what: "the seal does not fit; enter them again".to_owned(),
                };
                return Ok(instances.iter().map(|instance| Err(spoilt(instance))).collect());
            }
            self.inner.accounts(instances).await
        })
    }

    fn registered(&self) -> Pending<'_, Result<Vec<Registered>, AccountsError>> {
        Box::pin(async move {
            self.hooks.heard_at_the_start()?;
            self.inner.registered().await
        })
    }

    fn absorb<'a>(
        &'a self,
        instance: &'a InstanceId,
        epoch: Epoch,
        state: Option<Absorbed>,
    ) -> Pending<'a, Result<(), AccountsError>> {
        Box::pin(async move {
            let down = [&self.hooks.accounts_down, &self.hooks.refuse_absorb];
            if down.into_iter().any(|down| down.load(Ordering::SeqCst)) {
                return Err(unreachable());
            }
            self.hooks.absorbed.lock().unwrap().push(state);
            self.hooks.around(Moment::Absorbed, self.inner.absorb(instance, epoch, state)).await
        })
    }

    fn raise_epochs<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Epoch>, AccountsError>> {
        Box::pin(async move {
            self.hooks.heard_at_the_start()?;
            self.inner.raise_epochs(instances).await
        })
    }

    fn remember_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        self.inner.remember_rejected(instance)
    }

    fn forget_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        self.inner.forget_rejected(instance)
    }

    fn revoke(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let revoked = self.inner.revoke(instance, epoch);
        Box::pin(self.hooks.around(Moment::Revoke, revoked))
    }

    fn delete(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let deleted = self.inner.delete(instance, epoch);
        Box::pin(self.hooks.around(Moment::Delete, deleted))
    }
}

impl HotState for Hooked<MemoryHot> {
    fn acquire<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        self.inner.acquire(leases, owner, ttl)
    }

    fn renew<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        self.inner.renew(leases, owner, ttl)
    }

    fn release<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>> {
        self.inner.release(leases, owner)
    }

    fn cas<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>> {
        self.inner.cas(updates)
    }

    fn restore<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>> {
        self.inner.restore(updates)
    }

    fn show_trades<'a>(
        &'a self,
        trades: &'a [TradeUpdate],
    ) -> Pending<'a, Result<Vec<TradeWrite>, HotError>> {
        self.inner.show_trades(trades)
    }

    fn load<'a>(&'a self, instances: &'a [InstanceId]) -> Pending<'a, Result<Vec<Stored>, HotError>> {
        self.inner.load(instances)
    }

    fn remove<'a>(&'a self, instance: &'a InstanceId, epoch: Epoch) -> Pending<'a, Result<bool, HotError>> {
        Box::pin(self.hooks.around(Moment::RemoveHotState, self.inner.remove(instance, epoch)))
    }

    fn lock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        self.inner.lock_login(instances, owner, ttl)
    }

    fn unlock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>> {
        self.inner.unlock_login(instances, owner)
    }

    fn check(&self) -> Pending<'_, Result<(), HotError>> {
        self.inner.check()
    }
}
