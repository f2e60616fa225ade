use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use warden_domain::InstanceId;
use warden_store::{
    History, HistoryError, HistoryRows, Pending,
    history::{FailuresPerHour, InstanceEvent, LoginSuccess, Period, Range, Slippage, TimeToRecover},
};

use crate::{
    answers,
    config::{ClickHouseConfig, ConfigError},
    fault::{Fault, Kind},
    insert::{self, Trust},
    link::Link,
};

/// How many inserts at first may be repetitions of what an earlier process had under way. An export keeps fewer.
const AFTER_START: u32 = 16;

/// The history in ClickHouse.
///
/// # Guarantees
/// - A range that is inserted again is dropped by its token, table by table: `count()` without `FINAL` is right as long
///   as ranges come again while ClickHouse remembers their tokens: 10,000 a table, on a cluster for 30 days.
/// - Rows are exact by their key under `FINAL`, whatever happens, and so are all answers of the port.
/// - A token that ClickHouse remembers while it lost the rows, because it was killed between the two, loses nothing: a
///   range that may have been tried before is looked up after its insert, and what is not there is written once more.
///
/// # Assumptions
/// The tables are up to date ([`HistorySchema`](crate::HistorySchema)); of the rows of one kind a range holds
/// [`MAX_ROWS`](crate::MAX_ROWS) at most. Its user needs `SELECT` and `INSERT` on the database.
///
/// # Caveats
/// Questions read with `FINAL` the tables that materialised views feed; the views are fed within the insert.
#[derive(Debug)]
pub struct ClickHouseHistory {
    link: Link,
    /// Ranges that were begun and not acknowledged.
    under_way: Mutex<HashSet<Range>>,
    acknowledged: AtomicU32,
}

impl ClickHouseHistory {
    /// Reads the configuration; it connects when it is first used.
    ///
    /// # Errors
    /// The first thing that is wrong in the configuration.
    pub fn connect(config: &ClickHouseConfig) -> Result<Self, ConfigError> {
        let link = Link::new(config)?.within(&config.database);
        Ok(Self { link, under_way: Mutex::default(), acknowledged: AtomicU32::new(0) })
    }

    /// Whether the rows of a range can already be there.
    fn begin(&self, range: Range) -> Trust {
        let first = self.under_way().insert(range);
        let settled = self.acknowledged.load(Ordering::Relaxed) >= AFTER_START;
        if first && settled { Trust::Token } else { Trust::Nothing }
    }

    fn acknowledge(&self, range: Range) {
        self.under_way().remove(&range);
        let count = |before: u32| Some(before.saturating_add(1));
        self.acknowledged.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).ok();
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<Range>> {
        // A set is whole after every call on it, so a panic elsewhere leaves nothing that is wrong.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what the client remembers of tables that turned out to be others.
    async fn heed(&self, fault: Fault) -> HistoryError {
        match fault.kind {
            Kind::Schema => self.link.client().clear_cached_metadata().await,
            Kind::Unreachable | Kind::Refused | Kind::Denied => {}
        }
        fault.into()
    }
}

impl History for ClickHouseHistory {
    fn insert<'a>(&'a self, range: Range, rows: &'a HistoryRows) -> Pending<'a, Result<(), HistoryError>> {
        Box::pin(async move {
            let trust = self.begin(range);
            match insert::range(&self.link, range, rows, trust).await {
                Ok(()) => self.acknowledge(range),
                Err(fault) => return Err(self.heed(fault).await),
            }
            Ok(())
        })
    }

    fn timeline<'a>(
        &'a self,
        instance: &'a InstanceId,
        period: Period,
        limit: u32,
    ) -> Pending<'a, Result<Vec<InstanceEvent>, HistoryError>> {
        Box::pin(async move { Ok(answers::timeline(&self.link, instance, period, limit).await?) })
    }

    fn latest<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Option<InstanceEvent>>, HistoryError>> {
        Box::pin(async move { Ok(answers::latest(&self.link, instances).await?) })
    }

    fn time_to_recover(&self, period: Period) -> Pending<'_, Result<Vec<TimeToRecover>, HistoryError>> {
        Box::pin(async move { Ok(answers::time_to_recover(&self.link, period).await?) })
    }

    fn failures_per_hour(&self, period: Period) -> Pending<'_, Result<Vec<FailuresPerHour>, HistoryError>> {
        Box::pin(async move { Ok(answers::failures_per_hour(&self.link, period).await?) })
    }

    fn login_success(&self, period: Period) -> Pending<'_, Result<Vec<LoginSuccess>, HistoryError>> {
        Box::pin(async move { Ok(answers::login_success(&self.link, period).await?) })
    }

    fn slippage(&self, period: Period) -> Pending<'_, Result<Vec<Slippage>, HistoryError>> {
        Box::pin(async move { Ok(answers::slippage(&self.link, period).await?) })
    }
}
