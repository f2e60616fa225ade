//! Rows as the tables have them: borrowed from the rows of the port, so that writing one costs no allocation.

use clickhouse::Row;
use serde::{Deserialize, Serialize, Serializer};
use warden_domain::{FailureReason, InstanceId, Status, Timestamp};
use warden_store::{
    JournalId,
    history::{AlertRow, IncidentRow, InstanceEvent, LoginOutcome, NotificationRow, Origin, TradeEvent},
};

use crate::fault::Fault;

/// A row of `instance_events`.
#[derive(Row, Serialize, Deserialize)]
pub struct Event<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    epoch: u64,
    version: u64,
    op: u64,
    kind: &'a str,
    rule: &'a str,
    status: &'a str,
    reason: &'a str,
    login: &'a str,
    actions: &'a str,
    detail: &'a str,
    #[serde(serialize_with = "bytes")]
    payload: &'a [u8],
}

impl<'a> From<&'a InstanceEvent> for Event<'a> {
    fn from(event: &'a InstanceEvent) -> Self {
        let Origin { instance, journal, seq, at, server } = &event.origin;
        Self {
            instance_id: instance.as_str(),
            journal: journal.0,
            seq: *seq,
            at: at.as_millis(),
            server,
            epoch: event.epoch,
            version: event.version,
            op: event.op,
            kind: &event.kind,
            rule: &event.rule,
            status: event.status.as_str(),
            reason: event.reason.as_str(),
            login: event.login.as_str(),
            actions: &event.actions,
            detail: &event.detail,
            payload: &event.payload,
        }
    }
}

impl Event<'_> {
    /// The row as the port has it.
    pub(crate) fn read(&self) -> Result<InstanceEvent, Fault> {
        let unknown = |column, text: &str| {
            let seq = self.seq;
            Fault::unreadable(format!(
                "{column} {text:?} of row {seq} is not known; a newer program wrote it"
            ))
        };
        let text = |text: &str| text.to_owned();
        Ok(InstanceEvent {
            origin: Origin {
                instance: InstanceId::new(self.instance_id)
                    .map_err(|_| unknown("instance_id", self.instance_id))?,
                journal: JournalId(self.journal),
                seq: self.seq,
                at: Timestamp::from_millis(self.at),
                server: text(self.server),
            },
            epoch: self.epoch,
            version: self.version,
            op: self.op,
            kind: text(self.kind),
            rule: text(self.rule),
            status: Status::from_text(self.status).ok_or_else(|| unknown("status", self.status))?,
            reason: FailureReason::from_text(self.reason).ok_or_else(|| unknown("reason", self.reason))?,
            login: LoginOutcome::from_text(self.login).ok_or_else(|| unknown("login", self.login))?,
            actions: text(self.actions),
            detail: text(self.detail),
            payload: self.payload.to_vec(),
        })
    }
}

/// A row of `trade_events`.
#[derive(Row, Serialize)]
pub struct Trade<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    part: u16,
    magic: u64,
    symbol: &'a str,
    side: &'a str,
    kind: &'a str,
    retcode: u32,
    volume: f64,
    requested: f64,
    filled: f64,
    slippage: Option<i64>,
    latency_ms: u32,
}

impl<'a> From<&'a TradeEvent> for Trade<'a> {
    fn from(trade: &'a TradeEvent) -> Self {
        let Origin { instance, journal, seq, at, server } = &trade.origin;
        Self {
            instance_id: instance.as_str(),
            journal: journal.0,
            seq: *seq,
            at: at.as_millis(),
            server,
            part: trade.part,
            magic: trade.magic,
            symbol: &trade.symbol,
            side: &trade.side,
            kind: &trade.kind,
            retcode: trade.retcode,
            volume: trade.volume,
            requested: trade.requested,
            filled: trade.filled,
            slippage: trade.slippage,
            latency_ms: trade.latency_ms,
        }
    }
}

/// A row of `incidents`.
#[derive(Row, Serialize)]
pub struct Incident<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    version: u64,
    kind: &'a str,
    opened_at: i64,
    closed_at: Option<i64>,
    recovered: bool,
    attempts: u8,
    evidence: &'a str,
}

impl<'a> From<&'a IncidentRow> for Incident<'a> {
    fn from(incident: &'a IncidentRow) -> Self {
        let Origin { instance, journal, seq, at, server } = &incident.origin;
        Self {
            instance_id: instance.as_str(),
            journal: journal.0,
            seq: *seq,
            at: at.as_millis(),
            server,
            version: incident.version,
            kind: incident.kind.as_str(),
            opened_at: incident.opened_at.as_millis(),
            closed_at: incident.closed_at.map(Timestamp::as_millis),
            recovered: incident.recovered,
            attempts: incident.attempts,
            evidence: &incident.evidence,
        }
    }
}

/// A row of `alerts`.
#[derive(Row, Serialize)]
pub struct Alert<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    alert: &'a str,
    severity: &'a str,
    firing: bool,
}

impl<'a> From<&'a AlertRow> for Alert<'a> {
    fn from(alert: &'a AlertRow) -> Self {
        let Origin { instance, journal, seq, at, server } = &alert.origin;
        Self {
            instance_id: instance.as_str(),
            journal: journal.0,
            seq: *seq,
            at: at.as_millis(),
            server,
            alert: alert.alert.as_str(),
            severity: alert.severity.as_str(),
            firing: alert.firing,
        }
    }
}

/// A row of `notifications`.
#[derive(Row, Serialize)]
pub struct Notification<'a> {
    instance_id: &'a str,
    journal: u64,
    seq: u64,
    at: i64,
    server: &'a str,
    part: u16,
    notice: &'a str,
    rule: &'a str,
    text: &'a str,
}

impl<'a> From<&'a NotificationRow> for Notification<'a> {
    fn from(notification: &'a NotificationRow) -> Self {
        let Origin { instance, journal, seq, at, server } = &notification.origin;
        Self {
            instance_id: instance.as_str(),
            journal: journal.0,
            seq: *seq,
            at: at.as_millis(),
            server,
            part: notification.part,
            notice: &notification.notice,
            rule: &notification.rule,
            text: &notification.text,
        }
    }
}

/// Bytes at once: `serde` would write them one by one.
fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}
