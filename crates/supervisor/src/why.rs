//! Explains an instance from its journal: evidence → rule → action → what is next and when.

use std::fmt;

use serde::Serialize;
use warden_domain::{FailureReason, IncidentKind, InstanceId, Rule, Status, Timestamp, Version};
use warden_policy::{DecodeError, Effect, Event, Instance, Outcome, Step, decode_step};
use warden_store::Row;

use crate::view::{action, distance, in_words};

/// The chain of an instance's last steps, and what is next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Which instance.
    pub instance: InstanceId,
    /// When it was asked.
    pub now: Timestamp,
    /// Its status.
    pub status: Status,
    /// Why it last failed.
    pub reason: FailureReason,
    /// The steps, oldest first.
    pub chain: Vec<Link>,
    /// The open incidents, each as a sentence.
    pub open: Vec<String>,
    /// What happens next by itself, and when; `None` when a person or an event must act.
    pub next: Option<Next>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its place in the journal.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The version it made.
    pub version: Version,
    /// What was observed.
    pub evidence: String,
    /// The rule that decided, such as `BRK-1`; empty when the step only recorded a fact.
    pub rule: String,
    /// What the rule says.
    pub because: &'static str,
    /// What was done, in order.
    pub actions: Vec<&'static str>,
    /// The status afterwards.
    pub status: Status,
}

/// The next deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// When.
    pub at: Timestamp,
    /// The incident whose next attempt it is, when it is one.
    pub of: Option<IncidentKind>,
}

/// Explains the rows of one instance, given oldest first; `None` when there are none.
///
/// # Errors
/// When a row cannot be read.
pub fn explain(rows: &[Row], now: Timestamp) -> Result<Option<Explanation>, DecodeError> {
    let steps = rows
        .iter()
        .map(|row| Ok((row, decode_step(&row.payload)?)))
        .collect::<Result<Vec<_>, DecodeError>>()?;
    let Some((last_row, last)) = steps.last() else { return Ok(None) };
    Ok(Some(Explanation {
        instance: last_row.instance.clone(),
        now,
        status: last.state.status(),
        reason: last.state.last_failure_reason(),
        chain: steps.iter().map(|(row, step)| link(row, step)).collect(),
        open: last
            .state
            .incidents()
            .map(|(kind, incident, next)| {
                let next = next.map_or_else(String::new, |at| format!(", next {}", when(now, at)));
                let since = distance(incident.opened_at, now);
                format!(
                    "{kind} for {since}, attempt {}, on {}{next}",
                    incident.attempt,
                    in_words(incident.evidence)
                )
            })
            .collect(),
        next: next(&last.state),
    }))
}

fn link(row: &Row, step: &Step) -> Link {
    let rule = Rule::from_text(&row.rule);
    let evidence =
        if step.detail.is_empty() { observed(step) } else { format!("{}: {}", row.kind, step.detail) };
    Link {
        seq: row.seq,
        at: row.at,
        version: row.version,
        evidence,
        rule: row.rule.clone(),
        because: rule.map_or("recorded as a fact", Rule::summary),
        actions: step.effects.list().iter().map(|(_, effect): &(Rule, Effect)| action(*effect)).collect(),
        status: step.state.status(),
    }
}

fn observed(step: &Step) -> String {
    match step.event {
        Event::Finished { outcome, facts, .. } => {
            format!("{}: {}{}", step.event.kind(), ended(outcome), facts_in_words(&facts))
        }
        Event::Report(report) | Event::GatewayUp(report) => {
            let alive = if report.terminal_alive { "terminal alive" } else { "terminal gone" };
            format!("{}: {alive}{}", step.event.kind(), facts_in_words(&report.facts))
        }
        Event::Start
        | Event::Resume
        | Event::Stop(_)
        | Event::Reset
        | Event::CredentialsChanged
        | Event::ConfirmClosure
        | Event::GatewayDown
        | Event::Tick { .. }
        | Event::Hold
        | Event::Release { .. }
        | Event::StateStore(_)
        | Event::State(_)
        | Event::StoreDone(..)
        | Event::UnresolvedSends(_)
        | Event::Trade(_)
        | Event::Absorbed { .. }
        | Event::Halt
        | Event::Unhalt => step.event.kind().to_owned(),
    }
}

/// How a command ended, in words.
fn ended(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Session { matches, reconciled, positions } => {
            let account = if matches { "the expected account" } else { "another account" };
            let compared = if reconciled { "reconciled" } else { "not reconciled yet" };
            format!("session of {account}, {compared}, {positions} positions")
        }
        Outcome::Failed => "failed".to_owned(),
        Outcome::NotStarted => "not started".to_owned(),
        Outcome::NoCredentials => "no credentials that were not refused before".to_owned(),
        Outcome::CredentialsUnavailable => "the accounts store did not answer".to_owned(),
    }
}

fn facts_in_words(facts: &warden_domain::Facts) -> String {
    let mut words = String::new();
    if let Some(line) = facts.journal {
        words.push_str(&format!(", journal {line}"));
    }
    if let Some(code) = facts.retcode {
        words.push_str(&format!(", retcode {}", warden_domain::retcode::Retcode::of(code)));
    }
    if let Some(code) = facts.last_error {
        words.push_str(&format!(", last_error {}", warden_domain::retcode::LastError::of(code)));
    }
    if let Some(terminal) = facts.terminal {
        words.push_str(if terminal.connected { ", connected" } else { ", not connected" });
    }
    if facts.trading_permitted() == Some(false) {
        words.push_str(", trading not permitted");
    }
    words
}

fn next(state: &Instance) -> Option<Next> {
    let at = state.next_deadline()?;
    let of = state.incidents().find(|(_, _, next)| *next == Some(at)).map(|(kind, _, _)| kind);
    Some(Next { at, of })
}

fn when(now: Timestamp, at: Timestamp) -> String {
    if at >= now { format!("in {}", distance(now, at)) } else { format!("due since {}", distance(at, now)) }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} is {} (last failure {})", self.instance, self.status, self.reason)?;
        for link in &self.chain {
            let rule = if link.rule.is_empty() { "-" } else { &link.rule };
            writeln!(f, "\n  {}  {}  [{}]", link.at, link.evidence, link.status)?;
            writeln!(f, "    {rule:<6} {}", link.because)?;
            for action in &link.actions {
                writeln!(f, "           → {action}")?;
            }
        }
        if !self.open.is_empty() {
            writeln!(f, "\nopen:")?;
            for incident in &self.open {
                writeln!(f, "  {incident}")?;
            }
        }
        match &self.next {
            Some(Next { at, of: Some(kind) }) => writeln!(f, "\nnext: {kind} {} ({at})", when(self.now, *at)),
            Some(Next { at, of: None }) => writeln!(f, "\nnext: a deadline {} ({at})", when(self.now, *at)),
            None => writeln!(f, "\nnext: nothing by itself; a person or an event must act"),
        }
    }
}
