use serde::Serialize;
use warden_domain::{
    Alert, ConnectionState, Epoch, FailureReason, Gate, IncidentKind, InstanceId, Layer, Rule, Span, Status,
    Timestamp, Version,
};
use warden_policy::{Command, Effect, Evidence, Instance, StoreAction};

/// One instance, as people and other services see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct View {
    /// Which instance.
    pub instance: InstanceId,
    /// Under which ownership.
    pub epoch: Epoch,
    /// The version of this state.
    pub version: Version,
    /// Its status.
    pub status: Status,
    /// Its connection state.
    pub connection_state: ConnectionState,
    /// Why it last failed.
    pub last_failure_reason: FailureReason,
    /// Refused logins in a row.
    pub login_attempt_count: u8,
    /// Whether orders may leave.
    pub gate: Gate,
    /// The layers of its health that are up.
    pub health: Vec<Layer>,
    /// Open positions of the account.
    pub positions: u16,
    /// Whether a person halted its trading (TRD-7).
    pub halted: bool,
    /// Its trades.
    pub trades: TradeCounts,
    /// Whether a broker incident holds it back while another instance probes (BRK-5).
    pub held: bool,
    /// The open incidents.
    pub incidents: Vec<IncidentView>,
    /// The alerts whose condition holds.
    pub alerts: Vec<Alert>,
    /// When it will next do something by itself.
    pub next_deadline: Option<Timestamp>,
}

/// How many trades an instance has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TradeCounts {
    /// That have not ended.
    pub open: u32,
    /// Of which nobody knows whether they were executed; those on their way are not counted.
    pub unknown: u32,
    /// Orders and positions at the broker that are not ours, as the newest look saw them (TRD-8).
    pub externals: u32,
}

/// One open incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncidentView {
    /// What kind.
    pub kind: IncidentKind,
    /// Attempts to recover that were started.
    pub attempt: u8,
    /// Since when.
    pub opened_at: Timestamp,
    /// When the next attempt starts.
    pub next_attempt_at: Option<Timestamp>,
    /// What it was opened on, in words.
    pub evidence: String,
}

/// One step that changed something, for the live stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub instance: InstanceId,
    /// What kind of event led to it.
    pub event: &'static str,
    /// The rule that decided.
    pub rule: Option<Rule>,
    /// The status before.
    pub before: Status,
    /// The status afterwards.
    pub after: Status,
    /// What is done now, in words; empty when nothing is.
    pub actions: Vec<String>,
    /// The words behind the event.
    pub detail: String,
}

impl View {
    pub(crate) fn of(
        instance: &InstanceId,
        epoch: Epoch,
        version: Version,
        state: &Instance,
        trades: TradeCounts,
    ) -> Self {
        Self {
            instance: instance.clone(),
            epoch,
            version,
            status: state.status(),
            connection_state: state.connection_state(),
            last_failure_reason: state.last_failure_reason(),
            login_attempt_count: state.login_attempt_count(),
            gate: state.gate(),
            health: Layer::ALL.iter().copied().filter(|layer| state.health().is_up(*layer)).collect(),
            positions: state.positions(),
            halted: state.is_halted(),
            trades,
            held: state.is_held(),
            incidents: state
                .incidents()
                .map(|(kind, incident, next_attempt_at)| IncidentView {
                    kind,
                    attempt: incident.attempt,
                    opened_at: incident.opened_at,
                    next_attempt_at,
                    evidence: in_words(incident.evidence),
                })
                .collect(),
            alerts: state.alerts().iter().collect(),
            next_deadline: state.next_deadline(),
        }
    }
}

/// Evidence as a person reads it.
#[must_use]
pub(crate) fn in_words(evidence: Evidence) -> String {
    match evidence {
        Evidence::Retcode(code) => format!("retcode {}", warden_domain::retcode::Retcode::of(code)),
        Evidence::LastError(code) => format!("last_error {}", warden_domain::retcode::LastError::of(code)),
        Evidence::Journal(line) => format!("terminal journal {line}"),
        Evidence::Flags => "flags of terminal or account".to_owned(),
        Evidence::ProcessGone => "terminal process gone".to_owned(),
        Evidence::GatewayGone => "gateway gone".to_owned(),
        Evidence::Silence => "no answer in time".to_owned(),
        Evidence::Store => "the store said so".to_owned(),
        Evidence::Internal => "another part of the system said so".to_owned(),
    }
}

/// How long ago, or how long until, as a person reads it.
#[must_use]
pub(crate) fn distance(from: Timestamp, to: Timestamp) -> Span {
    if to >= from { to.since(from) } else { from.since(to) }
}

/// An effect as a person reads it.
#[must_use]
pub(crate) const fn action(effect: Effect) -> &'static str {
    match effect {
        Effect::Command { command, .. } => match command {
            Command::Login => "log in",
            Command::Reconnect => "reconnect",
            Command::Restart { .. } => "restart the terminal",
            Command::Confirm => "confirm the session",
            Command::CloseTrades(_) => "close open trades",
            Command::EndSession => "close the terminal session",
        },
        Effect::Notify(notice) => notice.text(),
        Effect::Store(action) => match action {
            StoreAction::RememberRejected => "remember the refused credentials",
            StoreAction::ForgetRejected => "forget refused credentials",
            StoreAction::Rebuild => "rebuild the stored state",
            StoreAction::RetryWrite => "write the stored state again",
            StoreAction::Revoke => "revoke the credentials",
            StoreAction::RemoveHotState => "remove the hot state",
            StoreAction::DeleteCredentials => "delete the credentials",
        },
    }
}
