//! What happened, for questions: rows derived from the journal, and the questions people ask of them.

use std::collections::HashMap;

use thiserror::Error;
use warden_domain::{Alert, FailureReason, IncidentKind, InstanceId, Severity, Span, Status, Timestamp};

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
    /// (that of the server's bytes and of [`IncidentKind::ALL`]). An incident is as its last row says.
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

/// Where a row comes from; part of every row's key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Whose.
    pub instance: InstanceId,
    /// The journal that holds the step.
    pub journal: JournalId,
    /// The step's place in it.
    pub seq: u64,
    /// When the step was decided.
    pub at: Timestamp,
    /// The trade server of the instance; empty when it is not known any more.
    pub server: String,
}

/// One journalled step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceEvent {
    /// Where it comes from.
    pub origin: Origin,
    /// The owner's epoch.
    pub epoch: u64,
    /// The state version that the step made.
    pub version: u64,
    /// Names the step.
    pub op: u64,
    /// What kind of event led to it.
    pub kind: String,
    /// The rule that decided; empty when the step only recorded a fact.
    pub rule: String,
    /// The status afterwards.
    pub status: Status,
    /// The last failure reason afterwards.
    pub reason: FailureReason,
    /// The login that ended with this step.
    pub login: LoginOutcome,
    /// What was done, in words, with `; ` between.
    pub actions: String,
    /// The words behind the event.
    pub detail: String,
    /// The whole step as the policy encodes it, from which a state can be rebuilt when journal and hot state are gone.
    pub payload: Vec<u8>,
}

/// How a login ended with a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoginOutcome {
    /// No login ended.
    #[default]
    None,
    /// The broker let it in.
    Succeeded,
    /// The broker refused it.
    Refused,
    /// It came to nothing for another reason, such as the network.
    Failed,
}

impl LoginOutcome {
    /// The text that stores keep: empty, `SUCCEEDED`, `REFUSED` or `FAILED`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Succeeded => "SUCCEEDED",
            Self::Refused => "REFUSED",
            Self::Failed => "FAILED",
        }
    }

    /// Reads the text that [`as_str`](Self::as_str) wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::None, Self::Succeeded, Self::Refused, Self::Failed].into_iter().find(|it| it.as_str() == text)
    }
}

/// One step in the life of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct TradeEvent {
    /// Where it comes from.
    pub origin: Origin,
    /// Its place among the trade events of the step, from 0.
    pub part: u16,
    /// The order's magic number (MQL5 `ORDER_MAGIC`); 0 when the step concerns no single order.
    pub magic: u64,
    /// The symbol; empty when the step concerns none.
    pub symbol: String,
    /// `BUY` or `SELL`; empty when the step concerns no single order.
    pub side: String,
    /// What happened: a fill, such as `FILLED`; else `SENDING` when an order left with the step; else how the trade stands
    /// after it, such as `UNKNOWN`. Of a step of the instance what was asked of it, such as `SLIPPAGE_PAUSE`.
    pub kind: String,
    /// The trade server's retcode (MQL5 `TRADE_RETCODE_*`); 0 when there is none.
    pub retcode: u32,
    /// Lots that were executed with the step.
    pub volume: f64,
    /// The price that was asked for; 0 when there is none.
    pub requested: f64,
    /// The price that was got; 0 when there is none.
    pub filled: f64,
    /// How much worse the fill was, in points; below 0 it was better. `None` when nothing was filled.
    pub slippage: Option<i64>,
    /// From the order's leaving to its answer, in milliseconds; 0 when the step was no answer.
    pub latency_ms: u32,
}

/// One incident as it stood after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRow {
    /// Where it comes from: the step that opened, changed or ended it.
    pub origin: Origin,
    /// The state version that the step made: it rises from owner to owner, as `seq` does not.
    pub version: u64,
    /// What kind.
    pub kind: IncidentKind,
    /// When it was opened; with instance and kind, its identity.
    pub opened_at: Timestamp,
    /// When it ended; `None` while it is open.
    pub closed_at: Option<Timestamp>,
    /// Whether it ended with the instance running on (and not by a stop).
    pub recovered: bool,
    /// Attempts to recover that were started.
    pub attempts: u8,
    /// What it was opened on, in words.
    pub evidence: String,
}

/// An alert that began or ceased to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRow {
    /// Where it comes from.
    pub origin: Origin,
    /// Which alert.
    pub alert: Alert,
    /// How urgent.
    pub severity: Severity,
    /// Whether it stands from now on.
    pub firing: bool,
}

/// What people were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationRow {
    /// Where it comes from.
    pub origin: Origin,
    /// Its place among the notifications of the step, from 0.
    pub part: u16,
    /// Its name, such as `AccountClosed`.
    pub notice: String,
    /// The rule behind it.
    pub rule: String,
    /// The sentence that people read.
    pub text: String,
}

/// How long the incidents of one kind took to recover at one trade server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToRecover {
    /// The trade server.
    pub server: String,
    /// What kind of incident.
    pub kind: IncidentKind,
    /// How many were opened.
    pub opened: u64,
    /// How many of these have recovered.
    pub recovered: u64,
    /// The lower median of the recovered ones: the shortest time that at least half of them took at most; `None` when
    /// none has.
    pub median: Option<Span>,
    /// The longest of them.
    pub longest: Option<Span>,
}

/// How many incidents of one kind were opened at one trade server in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailuresPerHour {
    /// The trade server.
    pub server: String,
    /// When the hour began, UTC.
    pub hour: Timestamp,
    /// What kind of incident.
    pub kind: IncidentKind,
    /// How many.
    pub failures: u64,
}

/// How many logins succeeded at one trade server in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSuccess {
    /// The trade server.
    pub server: String,
    /// When the hour began, UTC.
    pub hour: Timestamp,
    /// Logins that ended, however they did.
    pub ended: u64,
    /// Those that the broker let in.
    pub succeeded: u64,
}

/// How far fills of one symbol were from the requested price at one trade server.
#[derive(Clone, Debug, PartialEq)]
pub struct Slippage {
    /// The trade server.
    pub server: String,
    /// The symbol.
    pub symbol: String,
    /// How many fills.
    pub fills: u64,
    /// Their mean slippage in points; above 0 is worse than requested.
    pub mean: f64,
    /// The worst (the highest), in points.
    pub worst: i64,
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
