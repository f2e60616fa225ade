use warden_domain::{Epoch, InstanceId, Span};
use warden_store::{
    Cas, HotError, HotState, HotUpdate, Pending, Stored, TradeUpdate, TradeWrite, memory::MemoryHot,
};

use super::{Call, Way};
use crate::point::Point;

/// The hot state of a run.
#[derive(Debug)]
pub(crate) struct FaultyHot {
    pub(crate) way: Way,
    pub(crate) inner: MemoryHot,
}

fn fault() -> HotError {
    HotError::Unreachable("the simulated store does not answer".to_owned())
}

impl FaultyHot {
    fn ask<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        after: &'static [Point],
        made: Pending<'a, Result<T, HotError>>,
    ) -> Pending<'a, Result<T, HotError>> {
        let call = Call { name, before: &[], after };
        Box::pin(self.way.call(call, made, fault, |_, _| ()))
    }
}

impl HotState for FaultyHot {
    fn acquire<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        self.ask("acquire", &[], self.inner.acquire(leases, owner, ttl))
    }

    fn renew<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        self.ask("renew", &[], self.inner.renew(leases, owner, ttl))
    }

    fn release<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>> {
        self.ask("release", &[], self.inner.release(leases, owner))
    }

    fn cas<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>> {
        self.ask("cas", &[Point::C2], self.inner.cas(updates))
    }

    fn restore<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>> {
        self.ask("restore", &[], self.inner.restore(updates))
    }

    fn load<'a>(&'a self, instances: &'a [InstanceId]) -> Pending<'a, Result<Vec<Stored>, HotError>> {
        self.ask("load", &[], self.inner.load(instances))
    }

    fn show_trades<'a>(
        &'a self,
        trades: &'a [TradeUpdate],
    ) -> Pending<'a, Result<Vec<TradeWrite>, HotError>> {
        self.ask("show_trades", &[Point::C2], self.inner.show_trades(trades))
    }

    fn remove<'a>(&'a self, instance: &'a InstanceId, epoch: Epoch) -> Pending<'a, Result<bool, HotError>> {
        self.ask("remove", &[], self.inner.remove(instance, epoch))
    }

    fn lock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        self.ask("lock_login", &[], self.inner.lock_login(instances, owner, ttl))
    }

    fn unlock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>> {
        self.ask("unlock_login", &[], self.inner.unlock_login(instances, owner))
    }

    fn check(&self) -> Pending<'_, Result<(), HotError>> {
        self.way.tries();
        self.ask("check", &[], self.inner.check())
    }
}
