use warden_domain::{Alert, FailureReason, IncidentKind, InstanceId, Severity, Status, Timestamp};

use crate::JournalId;

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
