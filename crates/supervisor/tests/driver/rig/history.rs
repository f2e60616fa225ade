use std::{collections::VecDeque, sync::Mutex};

use warden_domain::InstanceId;
use warden_store::{
    History, HistoryError, HistoryRows, Pending,
    history::{FailuresPerHour, InstanceEvent, LoginSuccess, Period, Range, Slippage, TimeToRecover},
    memory::MemoryHistory,
};

/// A history in memory that keeps count of who is asked for at a start, and answers that as it is told.
#[derive(Default)]
pub(crate) struct AskedHistory {
    pub(crate) inner: MemoryHistory,
    asked: Mutex<Vec<Vec<InstanceId>>>,
    answers: Mutex<VecDeque<Answer>>,
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// There is none.
    Never,
    Unreachable,
    Refused,
    Schema,
    Denied,
}

impl AskedHistory {
    /// What becomes of the next questions; then they are answered.
    pub(crate) fn answers_first(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// The questions so far, which are forgotten with this.
    pub(crate) fn take_asked(&self) -> Vec<Vec<InstanceId>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl History for AskedHistory {
    fn insert<'a>(&'a self, range: Range, rows: &'a HistoryRows) -> Pending<'a, Result<(), HistoryError>> {
        self.inner.insert(range, rows)
    }

    fn timeline<'a>(
        &'a self,
        instance: &'a InstanceId,
        period: Period,
        limit: u32,
    ) -> Pending<'a, Result<Vec<InstanceEvent>, HistoryError>> {
        self.inner.timeline(instance, period, limit)
    }

    fn latest<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Option<InstanceEvent>>, HistoryError>> {
        self.asked.lock().unwrap().push(instances.to_vec());
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move {
            let why = "it was told to".to_owned();
            match answer {
                None => self.inner.latest(instances).await,
                Some(Answer::Never) => std::future::pending().await,
                Some(Answer::Unreachable) => Err(HistoryError::Unreachable(why)),
                Some(Answer::Refused) => Err(HistoryError::Refused(why)),
                Some(Answer::Schema) => Err(HistoryError::Schema(why)),
                Some(Answer::Denied) => Err(HistoryError::Denied(why)),
            }
        })
    }

    fn time_to_recover(&self, period: Period) -> Pending<'_, Result<Vec<TimeToRecover>, HistoryError>> {
        self.inner.time_to_recover(period)
    }

    fn failures_per_hour(&self, period: Period) -> Pending<'_, Result<Vec<FailuresPerHour>, HistoryError>> {
        self.inner.failures_per_hour(period)
    }

    fn login_success(&self, period: Period) -> Pending<'_, Result<Vec<LoginSuccess>, HistoryError>> {
        self.inner.login_success(period)
    }

    fn slippage(&self, period: Period) -> Pending<'_, Result<Vec<Slippage>, HistoryError>> {
        self.inner.slippage(period)
    }
}
