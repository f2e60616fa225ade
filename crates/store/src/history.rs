//! What happened, for questions: rows derived from the journal, and the questions people ask of them.

mod answers;
mod rows;

use std::collections::HashMap;

use thiserror::Error;
use warden_domain::{InstanceId, Timestamp};

pub use self::{
    answers::{FailuresPerHour, LoginSuccess, Slippage, TimeToRecover},
    rows::{AlertRow, IncidentRow, InstanceEvent, LoginOutcome, NotificationRow, Origin, TradeEvent},
};

use crate::{JournalId, Pending};

/// The history of everything (ClickHouse, or DuckDB where there is none): derived from journals, never read for a
/// decision, but for [`latest`](History::latest) when journal and hot state are both gone (ACC-6).
///
/// # Expected flow
/// The export derives the rows of a fixed range of a journal, hands them to [`insert`](History::insert) until it is
/// acknowledged, and only then moves its cursor.
///
/// # Guarantees
/// - A range that is inserted again, whole and identical, changes nothing: exactly once, whatever crashes.
/// - A refused range may have left some of its rows behind; the same range again completes it.
///
/// # Assumptions
/// Ranges of one journal do not overlap unless they are identical.
pub trait History: Send + Sync {
    /// Writes the rows of one range.
    ///
    /// # Errors
    /// When it was not acknowledged; the identical range is to be given again.
    fn insert<'a>(&'a self, range: Range, rows: &'a HistoryRows) -> Pending<'a, Result<(), HistoryError>>;

    /// The newest events of an instance within a period, oldest first, at most `limit`; those of one moment in the
    /// order of epoch and version.
    ///
    /// # Errors
    /// When the history did not answer.
    fn timeline<'a>(
        &'a self,
        instance: &'a InstanceId,
        period: Period,
        limit: u32,
    ) -> Pending<'a, Result<Vec<InstanceEvent>, HistoryError>>;

    /// The newest event of each of these instances, in the order asked; `None` where there is none. Newest is the one of
    /// the highest epoch, in it that of the highest version, whatever their moments say.
    ///
    /// # Errors
    /// When the history did not answer; then nothing is known of any of them.
    fn latest<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Option<InstanceEvent>>, HistoryError>>;

    /// How long incidents that were opened within a period took to recover, by trade server and kind, in their order
    /// (that of the server's bytes and of [`IncidentKind::ALL`](warden_domain::IncidentKind::ALL)). An incident is as its
    /// last row says.
    ///
    /// # Errors
    /// When the history did not answer.
    fn time_to_recover(&self, period: Period) -> Pending<'_, Result<Vec<TimeToRecover>, HistoryError>>;

    /// How many incidents were opened within a period, by trade server, hour and kind, in their order.
    ///
    /// # Errors
    /// When the history did not answer.
    fn failures_per_hour(&self, period: Period) -> Pending<'_, Result<Vec<FailuresPerHour>, HistoryError>>;

    /// How many logins ended within a period and succeeded, by trade server and hour, in their order.
    ///
    /// # Errors
    /// When the history did not answer.
    fn login_success(&self, period: Period) -> Pending<'_, Result<Vec<LoginSuccess>, HistoryError>>;

    /// How far the fills of a period were from the requested price, by trade server and symbol, in their order.
    ///
    /// # Errors
    /// When the history did not answer.
    fn slippage(&self, period: Period) -> Pending<'_, Result<Vec<Slippage>, HistoryError>>;
}

/// A fixed range of one journal: what one insert covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// Whose rows.
    pub journal: JournalId,
    /// `seq` of its first row.
    pub first: u64,
    /// `seq` of its last row.
    pub last: u64,
}

impl Range {
    /// Names the range for the store that deduplicates by it: `<journal>-<first>-<last>`.
    #[must_use]
    pub fn token(&self) -> String {
        format!("{}-{}-{}", self.journal, self.first, self.last)
    }
}

/// From a moment on, up to another that does not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

impl Period {
    /// Whether a moment lies within it.
    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// An event for each of these instances, in their order, out of those that were found: an answer of
/// [`History::latest`].
#[must_use]
pub fn of_each(instances: &[InstanceId], found: Vec<InstanceEvent>) -> Vec<Option<InstanceEvent>> {
    let found: HashMap<InstanceId, InstanceEvent> =
        found.into_iter().map(|event| (event.origin.instance.clone(), event)).collect();
    instances.iter().map(|instance| found.get(instance).cloned()).collect()
}

/// When the hour of a moment began, UTC.
#[must_use]
pub fn hour_of(at: Timestamp) -> Timestamp {
    const HOUR: i64 = 3_600_000;
    Timestamp::from_millis(at.as_millis().div_euclid(HOUR).saturating_mul(HOUR))
}

/// The rows of one range, each kind in the order of the journal.
///
/// A row is known by journal and `seq`; among the rows of its kind that one step has, also by its part or alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryRows {
    /// One for each journal row of an instance's own steps.
    pub events: Vec<InstanceEvent>,
    /// What became of orders: one for each journal row of a trade, and one with magic number 0 for each step of an
    /// instance that a trade rule asked for.
    pub trades: Vec<TradeEvent>,
    /// Incidents that were opened or ended; of one incident, the row with the highest `version` replaces the others.
    pub incidents: Vec<IncidentRow>,
    /// Alerts that began or ceased to stand.
    pub alerts: Vec<AlertRow>,
    /// What people were told.
    pub notifications: Vec<NotificationRow>,
}

/// Why the history did not do what it was asked.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// It did not answer, or not whole.
    #[error("history did not answer: {0}; it is tried again")]
    Unreachable(String),
    /// It answered that it cannot now, such as with HTTP 500 or 503.
    #[error("history refused: {0}; it is tried again, see the server's log if it goes on")]
    Refused(String),
    /// Its tables are not what this program writes.
    #[error("history has another schema: {0}; run the migrator")]
    Schema(String),
    /// It does not let us in.
    #[error("history refused the user: {0}; check user and password of the history")]
    Denied(String),
}
