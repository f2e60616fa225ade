use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use warden_domain::{Epoch, InstanceId};
use warden_store::{Absorbed, Account, Accounts, AccountsError, Pending, Registered, memory::MemoryAccounts};

/// Accounts in memory whose store can be kept from changing anything.
pub(crate) struct GatedAccounts {
    pub(crate) inner: MemoryAccounts,
    pub(crate) refuse_revoke: AtomicBool,
    pub(crate) refuse_delete: AtomicBool,
    pub(crate) deleted: AtomicU64,
    /// Credentials are fetched, and never come.
    pub(crate) slow: AtomicBool,
}

impl GatedAccounts {
    pub(crate) fn new(inner: MemoryAccounts) -> Self {
        Self {
            inner,
            refuse_revoke: AtomicBool::new(false),
            refuse_delete: AtomicBool::new(false),
            deleted: AtomicU64::new(0),
            slow: AtomicBool::new(false),
        }
    }
}

fn refused() -> AccountsError {
    AccountsError::Unreachable("it was told to".to_owned())
}

impl Accounts for GatedAccounts {
    fn accounts<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Result<Account, AccountsError>>, AccountsError>> {
        Box::pin(async move {
            while self.slow.load(Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            self.inner.accounts(instances).await
        })
    }

    fn registered(&self) -> Pending<'_, Result<Vec<Registered>, AccountsError>> {
        self.inner.registered()
    }

    fn absorb<'a>(
        &'a self,
        instance: &'a InstanceId,
        epoch: Epoch,
        state: Option<Absorbed>,
    ) -> Pending<'a, Result<(), AccountsError>> {
        self.inner.absorb(instance, epoch, state)
    }

    fn raise_epochs<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Epoch>, AccountsError>> {
        self.inner.raise_epochs(instances)
    }

    fn remember_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        self.inner.remember_rejected(instance)
    }

    fn forget_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        self.inner.forget_rejected(instance)
    }

    fn revoke(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move {
            if self.refuse_revoke.load(Ordering::SeqCst) {
                return Err(refused());
            }
            self.inner.revoke(&instance, epoch).await
        })
    }

    fn delete(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move {
            if self.refuse_delete.load(Ordering::SeqCst) {
                return Err(refused());
            }
            self.deleted.fetch_add(1, Ordering::SeqCst);
            self.inner.delete(&instance, epoch).await
        })
    }
}
