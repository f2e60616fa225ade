use warden_domain::{Alert, FailureReason, IncidentKind, Severity, Status, Timestamp};

use super::{at, id};
use crate::{
    HistoryRows, JournalId,
    history::{
        AlertRow, IncidentRow, InstanceEvent, LoginOutcome, NotificationRow, Origin, Range, TradeEvent,
    },
};

/// The journal of the cases; beyond what a signed number holds.
pub const JOURNAL: JournalId = JournalId(0xfedc_ba98_7654_3210);

/// The journal of another owner.
pub const OTHER_JOURNAL: JournalId = JournalId(0x0123_4567_89ab_cdef);

/// The trade server of the cases.
pub const SERVER: &str = "Broker-Live3";

/// Where a row of a case comes from: [`JOURNAL`] and [`SERVER`].
///
/// # Panics
/// When `instance` is no instance id.
#[must_use]
pub fn origin(instance: &str, seq: u64, at: Timestamp) -> Origin {
    Origin { instance: id(instance), journal: JOURNAL, seq, at, server: SERVER.to_owned() }
}

/// An event in which nothing happened, at the version that is its `seq`.
#[must_use]
pub fn event(origin: Origin) -> InstanceEvent {
    let version = origin.seq;
    InstanceEvent {
        origin,
        epoch: 1,
        version,
        op: version,
        kind: "tick".to_owned(),
        rule: String::new(),
        status: Status::Connected,
        reason: FailureReason::None,
        login: LoginOutcome::None,
        actions: String::new(),
        detail: String::new(),
        payload: Vec::new(),
    }
}

/// An event with which a login ended.
#[must_use]
pub fn login(origin: Origin, login: LoginOutcome) -> InstanceEvent {
    InstanceEvent { login, ..event(origin) }
}

/// A fill of one lot, so many points worse than asked for; `None` when nothing was filled.
#[must_use]
pub fn trade(origin: Origin, symbol: &str, slippage: Option<i64>) -> TradeEvent {
    TradeEvent {
        origin,
        part: 0,
        magic: 7,
        symbol: symbol.to_owned(),
        side: "BUY".to_owned(),
        kind: "FILLED".to_owned(),
        retcode: 10_009,
        volume: 1.0,
        requested: 1.25,
        filled: 1.5,
        slippage,
        latency_ms: 12,
    }
}

/// An incident that is opened with the step, at the version that is its `seq`.
#[must_use]
pub fn opened(origin: Origin, kind: IncidentKind) -> IncidentRow {
    IncidentRow {
        version: origin.seq,
        opened_at: origin.at,
        origin,
        kind,
        closed_at: None,
        recovered: false,
        attempts: 0,
        evidence: "it was told to".to_owned(),
    }
}

/// The last row of an incident: it ended so many milliseconds after it was opened, with the step `seq` and the version
/// of the same number.
#[must_use]
pub fn closed(incident: &IncidentRow, seq: u64, after: i64, recovered: bool) -> IncidentRow {
    let end = Timestamp::from_millis(incident.opened_at.as_millis() + after);
    IncidentRow {
        origin: Origin { seq, at: end, ..incident.origin.clone() },
        version: seq,
        closed_at: Some(end),
        recovered,
        attempts: 3,
        ..incident.clone()
    }
}

/// A range with a row or two of every kind, in which every field holds what is hard to keep: texts of quotes, other
/// scripts and line ends, empty texts, any bytes, numbers at their limits.
#[must_use]
pub fn whole() -> (Range, HistoryRows) {
    let server = "Bröker's \"Live\" \\3".to_owned();
    let first = Origin { server, ..origin("acct-1", u64::MAX - 1, at(123)) };
    let last = Origin { server: String::new(), ..origin("acct_2", u64::MAX, at(124)) };
    let range = Range { journal: JOURNAL, first: first.seq, last: last.seq };
    let rows = HistoryRows {
        events: vec![hard_event(first.clone()), event(last.clone())],
        trades: hard_trades(&first, &last),
        incidents: hard_incidents(first.clone(), last.clone()),
        alerts: hard_alerts(&first, last.clone()),
        notifications: hard_notifications(&first, last),
    };
    (range, rows)
}

const HARD_TEXT: &str = "it's \"so\"; 'DROP TABLE' -- \\N \\0 \\x00 {x:Int8} ? $1\n\r\t事件 🦀 ";

fn hard_event(origin: Origin) -> InstanceEvent {
    InstanceEvent {
        origin,
        epoch: u64::MAX,
        version: u64::MAX,
        op: u64::MAX,
        kind: HARD_TEXT.to_owned(),
        rule: "BRK-1".to_owned(),
        status: Status::PermanentlyFailed,
        reason: FailureReason::UserStopped,
        login: LoginOutcome::Refused,
        actions: "stop; notify".to_owned(),
        detail: HARD_TEXT.repeat(100),
        payload: (0..=u8::MAX).rev().collect(),
    }
}

fn hard_trades(first: &Origin, last: &Origin) -> Vec<TradeEvent> {
    let hard = TradeEvent {
        origin: first.clone(),
        part: 0,
        magic: u64::MAX,
        symbol: "EURUSD.'m\"".to_owned(),
        side: "SELL".to_owned(),
        kind: HARD_TEXT.to_owned(),
        retcode: u32::MAX,
        volume: 0.1 + 0.2,
        requested: f64::MAX,
        filled: f64::MIN_POSITIVE,
        slippage: Some(-(1 << 60)),
        latency_ms: u32::MAX,
    };
    let of_no_order = TradeEvent {
        part: u16::MAX,
        magic: 0,
        side: String::new(),
        retcode: 0,
        volume: 0.0,
        requested: 0.0,
        filled: 0.0,
        latency_ms: 0,
        ..trade(last.clone(), "", None)
    };
    vec![hard, TradeEvent { part: 1, ..trade(first.clone(), "XAUUSD", Some(3)) }, of_no_order]
}

fn hard_incidents(first: Origin, last: Origin) -> Vec<IncidentRow> {
    let closed = IncidentRow {
        closed_at: Some(at(456)),
        recovered: true,
        attempts: u8::MAX,
        evidence: HARD_TEXT.to_owned(),
        ..opened(first, IncidentKind::ProtectionMisfire)
    };
    let open = IncidentRow { version: 0, evidence: String::new(), ..opened(last, IncidentKind::LoginFailed) };
    vec![closed, open]
}

fn hard_alerts(first: &Origin, last: Origin) -> Vec<AlertRow> {
    let alert = |origin, alert, severity, firing| AlertRow { origin, alert, severity, firing };
    vec![
        alert(first.clone(), Alert::LoginFailure, Severity::Critical, true),
        alert(first.clone(), Alert::DriftFound, Severity::Info, false),
        alert(last, Alert::LoginFailure, Severity::Warning, false),
    ]
}

fn hard_notifications(first: &Origin, last: Origin) -> Vec<NotificationRow> {
    let hard = NotificationRow {
        origin: first.clone(),
        part: 0,
        notice: "AccountClosed".to_owned(),
        rule: "ACC-2".to_owned(),
        text: HARD_TEXT.to_owned(),
    };
    let second = NotificationRow { part: 1, text: String::new(), ..hard.clone() };
    let third = NotificationRow { origin: last, rule: String::new(), part: u16::MAX, ..hard.clone() };
    vec![hard, second, third]
}
