use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Error, bail};
use serde::Serialize;
use warden_domain::{FailureReason, IncidentKind, Span, Status};

use super::{audit::Audit, judge::short};
use crate::cli::Demo;

/// What a demonstration came to; the last line of `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    instances: usize,
    incidents_opened: u64,
    incidents_recovered: u64,
    incidents: BTreeMap<IncidentKind, Count>,
    instances_stopped: BTreeMap<FailureReason, u64>,
    by_status: BTreeMap<Status, u64>,
    transitions: u64,
    journal_rows: u64,
    trade_rows: u64,
    signals: u64,
    trades: u64,
    /// Orders that trades made at the brokers, by the brokers' own ledger.
    orders_executed: usize,
    /// Intents that were executed more than once: none, ever.
    executed_twice: usize,
    history_rows: u64,
    lost_transitions: u64,
    state_mismatches: usize,
    /// The first mismatches in words; for a person who has to find their cause.
    mismatches: Vec<String>,
    broker_incidents: u64,
    faults: u64,
    events: u64,
    commits: u64,
    commands: u64,
    notifications: u64,
    speed: u32,
    seconds: f64,
    seed: u64,
    cut_short: bool,
}

/// Incidents of one kind.
#[derive(Debug, Default, Serialize)]
struct Count {
    opened: u64,
    recovered: u64,
    /// The median of the trade server where recovery took longest; absent where nothing has recovered.
    #[serde(skip_serializing_if = "Option::is_none")]
    median: Option<Span>,
}

/// Mismatches that are told in words.
const TOLD: usize = 10;

impl Summary {
    pub(crate) fn new(demo: &Demo, seed: u64, took: Duration, cut_short: bool, mut audit: Audit) -> Self {
        let mut incidents: BTreeMap<IncidentKind, Count> = BTreeMap::new();
        for (kind, count) in &audit.opened {
            incidents.entry(*kind).or_default().opened = *count;
        }
        for (kind, count) in &audit.recovered {
            incidents.entry(*kind).or_default().recovered = *count;
        }
        for (kind, median) in &audit.medians {
            incidents.entry(*kind).or_default().median = Some(*median);
        }
        let state_mismatches = audit.mismatches.len();
        audit.mismatches.truncate(TOLD);
        Self {
            instances: audit.instances,
            incidents_opened: audit.opened.values().sum(),
            incidents_recovered: audit.recovered.values().sum(),
            incidents,
            instances_stopped: audit.stopped,
            by_status: audit.by_status,
            transitions: audit.transitions,
            journal_rows: audit.rows,
            trade_rows: audit.trade_rows,
            signals: audit.signals,
            trades: audit.trades,
            orders_executed: audit.ledger.executions,
            executed_twice: audit.ledger.sends_twice + audit.ledger.overfilled,
            history_rows: audit.history_rows,
            lost_transitions: audit.lost,
            state_mismatches,
            mismatches: audit.mismatches,
            broker_incidents: audit.broker_incidents,
            faults: audit.faults,
            events: audit.events,
            commits: audit.commits,
            commands: audit.commands,
            notifications: audit.notifications,
            speed: demo.speed,
            seconds: (took.as_secs_f64() * 1_000.0).round() / 1_000.0,
            seed,
            cut_short,
        }
    }

    /// Fails when something was lost or two stores disagree.
    pub(crate) fn verdict(&self) -> Result<(), Error> {
        if self.lost_transitions == 0 && self.state_mismatches == 0 {
            return Ok(());
        }
        bail!(
            "{} transitions were lost and {} states disagree; repeat it with --seed {} and report it{}",
            self.lost_transitions,
            self.state_mismatches,
            self.seed,
            self.mismatches.iter().map(|it| format!("\n    {it}")).collect::<String>(),
        )
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{} terminals, {:.0} s at {} times the speed, {} faults injected (seed {})",
            self.instances, self.seconds, self.speed, self.faults, self.seed
        )?;
        writeln!(f, "\n  {:<22} {:>7} {:>10} {:>10}", "incidents", "opened", "recovered", "median")?;
        for (kind, count) in &self.incidents {
            let median = count.median.map_or_else(String::new, |median| median.to_string());
            writeln!(f, "    {:<20} {:>7} {:>10} {median:>10}", short(*kind), count.opened, count.recovered)?;
        }
        writeln!(f, "    {:<20} {:>7} {:>10}", "all", self.incidents_opened, self.incidents_recovered)?;
        writeln!(f, "    of one broker, together: {}", self.broker_incidents)?;
        let words =
            |counts: Vec<String>| if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
        let status = self.by_status.iter().map(|(status, count)| format!("{count} {status}")).collect();
        let stopped =
            self.instances_stopped.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        writeln!(f, "\n  at the end: {}", words(status))?;
        writeln!(f, "  stopped until a person acts: {}", words(stopped))?;
        writeln!(
            f,
            "  {} events, {} decisions in {} journal commits, {} commands, {} notifications",
            self.events, self.transitions, self.commits, self.commands, self.notifications
        )?;
        writeln!(
            f,
            "  {} signals became {} trades, and these {} orders at the brokers; {} were executed twice",
            self.signals, self.trades, self.orders_executed, self.executed_twice
        )?;
        writeln!(
            f,
            "  read back: {} journal rows of instances and {} of trades, {} lost, {} in the history; stores and terminals disagree in {} places",
            self.journal_rows,
            self.trade_rows,
            self.lost_transitions,
            self.history_rows,
            self.state_mismatches
        )
    }
}
