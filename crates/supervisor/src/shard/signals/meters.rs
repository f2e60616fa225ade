//! What is counted of the lines of reports.

use warden_distribution::{Outcome, OutcomeKind, Refusal};
use warden_telemetry::{Counter, Registry, metrics};

/// The series of a shard; shards share them.
#[derive(Debug)]
pub(super) struct Counted {
    /// By the outcome's place in [`OutcomeKind::ALL`].
    lines: Vec<Counter>,
}

impl Counted {
    pub(super) fn new(registry: &Registry) -> Self {
        let lines = |kind: &OutcomeKind| registry.series(&metrics::REPORT_LINES, [kind.as_str()]);
        Self { lines: OutcomeKind::ALL.iter().map(lines).collect() }
    }

    /// A line will not change any more.
    pub(super) fn settled(&self, outcome: &Outcome) {
        let kind = match outcome {
            Outcome::Waiting => OutcomeKind::Waiting,
            Outcome::Resting => OutcomeKind::Resting,
            Outcome::Unknown => OutcomeKind::Unknown,
            Outcome::Partly(_) => OutcomeKind::Partly,
            Outcome::Filled(_) => OutcomeKind::Filled,
            Outcome::Done => OutcomeKind::Done,
            Outcome::LateDropped | Outcome::Blocked(Refusal::Late(_)) => OutcomeKind::LateDropped,
            Outcome::Blocked(_) => OutcomeKind::Blocked,
            Outcome::Failed { .. } => OutcomeKind::Failed,
        };
        self.lines[kind as usize].add(1);
    }
}
