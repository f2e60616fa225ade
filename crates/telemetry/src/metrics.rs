//! The catalogue: every metric with its name, unit, help and labels.

use std::marker::PhantomData;

use crate::value::{Counter, Gauge, Histogram, sealed::Sealed as _};

/// One metric: what it is called, what it counts and by which labels it is split.
///
/// Its type says which kind of value it has and how many labels, so that neither can be mistaken where it is used.
#[derive(Debug)]
pub struct Metric<K, const N: usize> {
    /// The name, by Prometheus' rules: base unit at the end, `_total` for counters.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// In what it is counted.
    pub unit: &'static str,
    /// The labels, in the order in which their values are given.
    pub labels: [&'static str; N],
    kind: PhantomData<fn() -> K>,
}

/// What the catalogue says of a metric, whatever its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// What it says.
    pub help: &'static str,
    /// In what it is counted.
    pub unit: &'static str,
    /// The labels.
    pub labels: &'static [&'static str],
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $ident:ident: $kind:ident[$($label:literal),*] = $name:literal, $unit:literal, $help:literal;)+) => {
        $(
            $(#[$doc])*
            #[doc = concat!("\n\n`", $name, "`: ", $help, ".")]
            pub static $ident: Metric<$kind, { const LABELS: &[&str] = &[$($label),*]; LABELS.len() }> = Metric {
                name: $name,
                help: $help,
                unit: $unit,
                labels: [$($label),*],
                kind: PhantomData,
            };
        )+

        /// Every metric.
        pub static ALL: &[Entry] = &[$(Entry {
            name: $name,
            kind: $kind::TYPE,
            help: $help,
            unit: $unit,
            labels: &[$($label),*],
        }),+];
    };
}

catalogue! {
    /// Steps that changed a state.
    TRANSITIONS: Counter[] = "warden_transitions_total", "transitions",
        "state changes that were journalled";
    /// Everything that happened to instances.
    EVENTS: Counter[] = "warden_events_total", "events",
        "events that the policy was given";
    /// What was turned away, by kind.
    REFUSALS: Counter["kind"] = "warden_refusals_total", "refusals",
        "frames, requests and writes that were refused";
    /// What gateways were asked to do, by kind.
    COMMANDS: Counter["kind"] = "warden_commands_total", "commands",
        "commands that were handed to gateways";
    /// What people were told.
    NOTIFICATIONS: Counter[] = "warden_notifications_total", "notifications",
        "notifications that were put into the outbox";
    /// The fleet by status.
    INSTANCES: Gauge["status"] = "warden_instances", "instances",
        "instances of this supervisor by status";
    /// The alerts that stand, one series for each; gone when the alert is cleared.
    ALERT_ACTIVE: Gauge["alert", "instance"] = "warden_alert_active", "1",
        "1 while the condition of the alert holds for the instance";
    /// Alerts that are news instead of conditions, such as `CredentialsDeleted`.
    ANNOUNCED: Gauge["alert", "instance"] = "warden_announced_timestamp_seconds", "seconds",
        "when the news was last true of the instance, since the Unix epoch";
    /// BRK-5: shared outages; gone when the incident is over.
    BROKER_INCIDENT: Gauge["server"] = "warden_broker_incident_active", "1",
        "1 while the trade server is down for many instances together";
    /// Open incidents by kind.
    INCIDENTS: Gauge["kind"] = "warden_incidents_open", "incidents",
        "open incidents by kind";
    /// What waits for the journal.
    JOURNAL_QUEUE: Gauge[] = "warden_journal_queue_rows", "rows",
        "rows that wait for a journal commit";
    /// How long the journal takes.
    JOURNAL_COMMIT: Histogram[] = "warden_journal_commit_duration_seconds", "seconds",
        "how long a journal commit took, from its rows to their durability";
    /// The last sign of life of the journal; set at start, and by every commit.
    JOURNAL_LAST_COMMIT: Gauge[] = "warden_journal_last_commit_timestamp_seconds", "seconds",
        "when the journal last committed, since the Unix epoch";
    /// NET-3: what the hot state still lacks.
    HOT_STATE_BACKLOG: Gauge[] = "warden_hot_state_backlog_updates", "updates",
        "journalled updates that the hot state has not taken";
    /// How far the history is behind; absent where no history is configured.
    HISTORY_LAG: Gauge[] = "warden_history_lag_seconds", "seconds",
        "age of the oldest journal row that the history has not acknowledged";
    /// What the history still lacks; absent where no history is configured.
    HISTORY_BACKLOG: Gauge[] = "warden_history_backlog_rows", "rows",
        "journal rows that the history has not acknowledged";
    /// What the history took since the start.
    HISTORY_EXPORTED: Counter[] = "warden_history_exported_total", "steps",
        "journalled steps that the history acknowledged";
    /// Ranges that were not acknowledged; each is sent again as it was.
    HISTORY_FAILURES: Counter[] = "warden_history_failures_total", "failures",
        "ranges of the journal that the history did not acknowledge when they were sent";
    /// Steps of which the history knows little, such as those of a newer program.
    HISTORY_UNREADABLE: Counter[] = "warden_history_unreadable_total", "steps",
        "journalled steps that were exported although their payload could not be read";
    /// TRD-7: orders that left, by what was heard of them; the values are [`ORDER_OUTCOMES`].
    ORDERS: Counter["outcome"] = "warden_orders_total", "orders",
        "trade orders that were handed to gateways, by what was heard of them";
    /// Trades that have not ended; `UNKNOWN` counts those of which nobody knows whether they were executed.
    TRADES: Gauge["state"] = "warden_trades", "trades",
        "trades of this supervisor that have not ended, by state";
    /// Trades that wait for a person's word.
    TRADES_SUSPECT: Gauge[] = "warden_trades_suspect", "trades",
        "trades of which a person must say whether what looks like them at the broker is theirs";
    /// Trades that ended, by the state that they ended in.
    TRADES_ENDED: Counter["state"] = "warden_trades_ended_total", "trades",
        "trades that ended, by state";
    /// The fleet's halted instances.
    INSTANCES_HALTED: Gauge[] = "warden_instances_halted", "instances",
        "instances of this supervisor whose trading a person halted";
    /// Signals by what became of them; the values are [`SIGNAL_OUTCOMES`].
    SIGNALS: Counter["outcome"] = "warden_signals_total", "signals",
        "signals that arrived, by what became of them";
    /// How long a signal takes to become an order.
    SIGNAL_LATENCY: Histogram[] = "warden_signal_latency_seconds", "seconds",
        "how long it took from the arrival of a signal until an order of it was handed to its gateway";
    /// What accounts made of signals; the values are the outcomes of a report.
    REPORT_LINES: Counter["outcome"] = "warden_report_lines_total", "lines",
        "lines of signal reports that will not change any more, by outcome";
}

/// What is heard of an order: an answer of the trade server; an answer of the terminal without one; that it was not
/// started; nothing, so that it must be found out.
pub const ORDER_OUTCOMES: [&str; 4] = ["answered", "failed", "not_started", "lost"];

/// What becomes of a signal: it is planned and durable; it was known already, and nothing was done; no account may
/// take it; it is not a signal, and lies in the dead-letter stream.
pub const SIGNAL_OUTCOMES: [&str; 4] = ["accepted", "repeated", "refused", "dead_letter"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_prometheus_and_are_unique() {
        let names: BTreeSet<_> = ALL.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), ALL.len());
        for entry in ALL {
            assert!(entry.name.starts_with("warden_"), "{entry:?}");
            assert_eq!(entry.name.ends_with("_total"), entry.kind == "counter", "{entry:?}");
            if matches!(entry.unit, "seconds" | "rows" | "updates") {
                assert!(entry.name.ends_with(entry.unit), "{entry:?}");
            }
            assert!(
                !entry.labels.iter().any(|label| matches!(*label, "order" | "login" | "ticket")),
                "{entry:?}"
            );
        }
    }
}
