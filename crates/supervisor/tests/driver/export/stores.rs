//! A history that remembers what it was sent and does with it what it is told, and a journal that may not answer.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::time::Instant;
use warden_domain::{InstanceId, Magic, Timestamp};
use warden_store::{
    Commit, Head, History, HistoryError, HistoryRows, Journal, JournalError, JournalId, KnownKey, Pending,
    Record, Row,
    history::{FailuresPerHour, InstanceEvent, LoginSuccess, Period, Range, Slippage, TimeToRecover},
    memory::{MemoryHistory, MemoryJournal},
};

/// What becomes of an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is taken and acknowledged.
    Taken,
    /// It is refused; half of it may be there.
    Refused,
    Unreachable,
    Schema,
    Denied,
    /// Nothing of it arrives and nobody answers.
    Lost,
    /// Half of it arrives and nobody answers.
    Half,
    /// It is taken and nobody hears so.
    Unacknowledged,
}

/// Remembers everything.
pub(crate) struct Recorder {
    pub(crate) inner: MemoryHistory,
    sent: Mutex<Vec<(Range, HistoryRows, Instant)>>,
    fates: Mutex<VecDeque<Fate>>,
    default: Mutex<Fate>,
    /// Done after an insert was taken, before it is acknowledged.
    before_ack: Mutex<Option<Box<dyn FnMut() + Send>>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            inner: MemoryHistory::new(),
            sent: Mutex::default(),
            fates: Mutex::default(),
            default: Mutex::new(Fate::Taken),
            before_ack: Mutex::default(),
        }
    }
}

impl Recorder {
    /// What becomes of every insert from now on.
    pub(crate) fn does(&self, fate: Fate) {
        self.fates.lock().unwrap().clear();
        *self.default.lock().unwrap() = fate;
    }

    /// What becomes of the next inserts; then what becomes of every one.
    pub(crate) fn does_first(&self, fates: impl IntoIterator<Item = Fate>) {
        self.fates.lock().unwrap().extend(fates);
    }

    pub(crate) fn before_ack(&self, act: impl FnMut() + Send + 'static) {
        *self.before_ack.lock().unwrap() = Some(Box::new(act));
    }

    /// Every range that was sent, the ones that were sent again as often as they were.
    pub(crate) fn ranges(&self) -> Vec<Range> {
        self.sent.lock().unwrap().iter().map(|(range, ..)| *range).collect()
    }

    /// When the ranges were sent.
    pub(crate) fn moments(&self) -> Vec<Instant> {
        self.sent.lock().unwrap().iter().map(|(.., at)| *at).collect()
    }

    /// Whatever was sent twice was identical, and no two ranges overlap.
    pub(crate) fn assert_identical(&self) {
        let sent = self.sent.lock().unwrap();
        for (i, (range, rows, _)) in sent.iter().enumerate() {
            for (other, others, _) in &sent[..i] {
                let apart =
                    range.journal != other.journal || range.first > other.last || range.last < other.first;
                assert!(
                    apart || (range == other && rows == others),
                    "{range:?} and {other:?} are not identical"
                );
            }
        }
    }

    fn fate(&self) -> Fate {
        let next = self.fates.lock().unwrap().pop_front();
        next.unwrap_or(*self.default.lock().unwrap())
    }

    async fn carry_out(&self, range: Range, rows: &HistoryRows) -> Result<(), HistoryError> {
        let fate = self.fate();
        match fate {
            Fate::Taken | Fate::Unacknowledged => self.inner.insert(range, rows).await?,
            Fate::Half | Fate::Refused => self.inner.insert(range, &half(rows)).await?,
            Fate::Lost | Fate::Unreachable | Fate::Schema | Fate::Denied => {}
        }
        match fate {
            Fate::Taken => {
                if let Some(act) = &mut *self.before_ack.lock().unwrap() {
                    act();
                }
                Ok(())
            }
            Fate::Refused => Err(HistoryError::Refused("HTTP 503".to_owned())),
            Fate::Unreachable => Err(HistoryError::Unreachable("connection refused".to_owned())),
            Fate::Schema => Err(HistoryError::Schema("no table incidents".to_owned())),
            Fate::Denied => Err(HistoryError::Denied("code 516".to_owned())),
            Fate::Lost | Fate::Half | Fate::Unacknowledged => std::future::pending().await,
        }
    }
}

fn half(rows: &HistoryRows) -> HistoryRows {
    let mut half = rows.clone();
    half.events.truncate(rows.events.len() / 2);
    half.incidents.clear();
    half
}

impl History for Recorder {
    fn insert<'a>(&'a self, range: Range, rows: &'a HistoryRows) -> Pending<'a, Result<(), HistoryError>> {
        Box::pin(async move {
            self.sent.lock().unwrap().push((range, rows.clone(), Instant::now()));
            tokio::task::yield_now().await;
            self.carry_out(range, rows).await
        })
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
        self.inner.latest(instances)
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

/// A journal in memory that does not answer while it is told not to.
#[derive(Default)]
pub(crate) struct SilentJournal {
    pub(crate) inner: MemoryJournal,
    silent: AtomicBool,
}

impl SilentJournal {
    pub(crate) fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    fn answers(&self) -> Result<(), JournalError> {
        if self.silent.load(Ordering::SeqCst) {
            return Err(JournalError::Storage { action: "read", source: "it was told to".into() });
        }
        Ok(())
    }
}

impl Journal for SilentJournal {
    fn append(&self, batch: Vec<Record>) -> Pending<'_, Result<Commit, JournalError>> {
        self.inner.append(batch)
    }

    fn id(&self) -> JournalId {
        self.inner.id()
    }

    fn latest(&self) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        self.inner.latest()
    }

    fn latest_upto(&self, upto: u64) -> Pending<'_, Result<Vec<Row>, JournalError>> {
        Box::pin(async move {
            self.answers()?;
            self.inner.latest_upto(upto).await
        })
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
        Box::pin(async move {
            self.answers()?;
            self.inner.read(after, limit).await
        })
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
