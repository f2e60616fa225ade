use std::sync::Arc;

use warden_domain::InstanceId;
use warden_store::{
    History, HistoryError, HistoryRows, Pending,
    history::{FailuresPerHour, InstanceEvent, LoginSuccess, Period, Range, Slippage, TimeToRecover},
    memory::MemoryHistory,
};

use super::{Call, Way};
use crate::point::Point;

/// The history of a run.
#[derive(Debug)]
pub(crate) struct FaultyHistory {
    pub(crate) way: Way,
    pub(crate) inner: Arc<MemoryHistory>,
}

fn fault() -> HistoryError {
    HistoryError::Unreachable("the simulated store does not answer".to_owned())
}

impl FaultyHistory {
    fn ask<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        made: Pending<'a, Result<T, HistoryError>>,
    ) -> Pending<'a, Result<T, HistoryError>> {
        let call = Call { name, before: &[], after: &[] };
        Box::pin(self.way.call(call, made, fault, |_, _| ()))
    }
}

impl History for FaultyHistory {
    fn insert<'a>(&'a self, range: Range, rows: &'a HistoryRows) -> Pending<'a, Result<(), HistoryError>> {
        let call = Call { name: "insert", before: &[Point::C11], after: &[Point::C12] };
        let told = move |state: &mut crate::sim::State, (): &()| state.inserted(range, rows);
        Box::pin(self.way.call(call, self.inner.insert(range, rows), fault, told))
    }

    fn timeline<'a>(
        &'a self,
        instance: &'a InstanceId,
        period: Period,
        limit: u32,
    ) -> Pending<'a, Result<Vec<InstanceEvent>, HistoryError>> {
        self.ask("timeline", self.inner.timeline(instance, period, limit))
    }

    fn latest<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Option<InstanceEvent>>, HistoryError>> {
        self.ask("latest", self.inner.latest(instances))
    }

    fn time_to_recover(&self, period: Period) -> Pending<'_, Result<Vec<TimeToRecover>, HistoryError>> {
        self.ask("time_to_recover", self.inner.time_to_recover(period))
    }

    fn failures_per_hour(&self, period: Period) -> Pending<'_, Result<Vec<FailuresPerHour>, HistoryError>> {
        self.ask("failures_per_hour", self.inner.failures_per_hour(period))
    }

    fn login_success(&self, period: Period) -> Pending<'_, Result<Vec<LoginSuccess>, HistoryError>> {
        self.ask("login_success", self.inner.login_success(period))
    }

    fn slippage(&self, period: Period) -> Pending<'_, Result<Vec<Slippage>, HistoryError>> {
        self.ask("slippage", self.inner.slippage(period))
    }
}
