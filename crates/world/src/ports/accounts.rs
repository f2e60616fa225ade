use warden_domain::{Epoch, InstanceId};
use warden_store::{Absorbed, Account, Accounts, AccountsError, Pending, Registered, memory::MemoryAccounts};

use super::{Call, Way};
use crate::point::Point;

/// The accounts of a run.
pub(crate) struct FaultyAccounts {
    pub(crate) way: Way,
    pub(crate) inner: MemoryAccounts,
}

fn fault() -> AccountsError {
    AccountsError::Unreachable("the simulated store does not answer".to_owned())
}

impl FaultyAccounts {
    fn ask<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        after: &'static [Point],
        made: Pending<'a, Result<T, AccountsError>>,
    ) -> Pending<'a, Result<T, AccountsError>> {
        let call = Call { name, before: &[], after };
        Box::pin(self.way.call(call, made, fault, |_, _| ()))
    }
}

impl Accounts for FaultyAccounts {
    fn accounts<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Result<Account, AccountsError>>, AccountsError>> {
        self.ask("accounts", &[], self.inner.accounts(instances))
    }

    fn registered(&self) -> Pending<'_, Result<Vec<Registered>, AccountsError>> {
        self.ask("registered", &[], self.inner.registered())
    }

    fn absorb<'a>(
        &'a self,
        instance: &'a InstanceId,
        epoch: Epoch,
        state: Option<Absorbed>,
    ) -> Pending<'a, Result<(), AccountsError>> {
        self.ask("absorb", &[], self.inner.absorb(instance, epoch, state))
    }

    fn raise_epochs<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Epoch>, AccountsError>> {
        self.ask("raise_epochs", &[Point::C14], self.inner.raise_epochs(instances))
    }

    fn remember_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        self.ask("remember_rejected", &[], self.inner.remember_rejected(instance))
    }

    fn forget_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        self.ask("forget_rejected", &[], self.inner.forget_rejected(instance))
    }

    fn revoke(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        self.ask("revoke", &[], self.inner.revoke(instance, epoch))
    }

    fn delete(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        self.ask("delete", &[], self.inner.delete(instance, epoch))
    }
}
