//! Rows as the tables have them: borrowed from the rows of the port, so that writing one costs no allocation.

use clickhouse::Row;
use serde::{Deserialize, Serialize, Serializer};
use warden_domain::{FailureReason, InstanceId, Status, Timestamp};
use warden_store::{
    JournalId,
    history::{AlertRow, IncidentRow, InstanceEvent, LoginOutcome, NotificationRow, Origin, TradeEvent},
};

use crate::fault::Fault;

/// Declares the row of a table: the columns that every row has, then its own, each with what it is in a row of the port.
macro_rules! row {
    ($(#[$meta:meta])* $name:ident of $it:ident: $port:ident {
        $($(#[$attribute:meta])* $column:ident: $kind:ty = $value:expr,)+
    }) => {
        $(#[$meta])*
        pub struct $name<'a> {
            instance_id: &'a str,
            journal: u64,
            seq: u64,
            at: i64,
            server: &'a str,
            $($(#[$attribute])* $column: $kind,)+
        }

        impl<'a> From<&'a $port> for $name<'a> {
            fn from($it: &'a $port) -> Self {
                let Origin { instance, journal, seq, at, server } = &$it.origin;
                Self {
                    instance_id: instance.as_str(),
                    journal: journal.0,
                    seq: *seq,
                    at: at.as_millis(),
                    server,
                    $($column: $value,)+
                }
            }
        }
    };
}

row! {
    /// A row of `instance_events`.
    #[derive(Row, Serialize, Deserialize)]
    Event of event: InstanceEvent {
        epoch: u64 = event.epoch,
        version: u64 = event.version,
        op: u64 = event.op,
        kind: &'a str = &event.kind,
        rule: &'a str = &event.rule,
        status: &'a str = event.status.as_str(),
        reason: &'a str = event.reason.as_str(),
        login: &'a str = event.login.as_str(),
        actions: &'a str = &event.actions,
        detail: &'a str = &event.detail,
        #[serde(serialize_with = "bytes")]
        payload: &'a [u8] = &event.payload,
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

row! {
    /// A row of `trade_events`.
    #[derive(Row, Serialize)]
    Trade of trade: TradeEvent {
        part: u16 = trade.part,
        magic: u64 = trade.magic,
        symbol: &'a str = &trade.symbol,
        side: &'a str = &trade.side,
        kind: &'a str = &trade.kind,
        retcode: u32 = trade.retcode,
        volume: f64 = trade.volume,
        requested: f64 = trade.requested,
        filled: f64 = trade.filled,
        slippage: Option<i64> = trade.slippage,
        latency_ms: u32 = trade.latency_ms,
    }
}

row! {
    /// A row of `incidents`.
    #[derive(Row, Serialize)]
    Incident of incident: IncidentRow {
        version: u64 = incident.version,
        kind: &'a str = incident.kind.as_str(),
        opened_at: i64 = incident.opened_at.as_millis(),
        closed_at: Option<i64> = incident.closed_at.map(Timestamp::as_millis),
        recovered: bool = incident.recovered,
        attempts: u8 = incident.attempts,
        evidence: &'a str = &incident.evidence,
    }
}

row! {
    /// A row of `alerts`.
    #[derive(Row, Serialize)]
    Alert of alert: AlertRow {
        alert: &'a str = alert.alert.as_str(),
        severity: &'a str = alert.severity.as_str(),
        firing: bool = alert.firing,
    }
}

row! {
    /// A row of `notifications`.
    #[derive(Row, Serialize)]
    Notification of notification: NotificationRow {
        part: u16 = notification.part,
        notice: &'a str = &notification.notice,
        rule: &'a str = &notification.rule,
        text: &'a str = &notification.text,
    }
}

/// Bytes at once: `serde` would write them one by one.
fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}
