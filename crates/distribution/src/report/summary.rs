use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use warden_domain::{Lots, Points, Span};

use super::{Line, Outcome, OutcomeKind, Report};
use crate::refusal::Code;

/// A report in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How many lines there are of each outcome that occurs.
    pub outcomes: BTreeMap<OutcomeKind, u32>,
    /// How many were blocked by each code that occurs, the late ones included.
    pub blocked: BTreeMap<Code, u32>,
    /// The lots that new positions and partial ends want; saturates.
    pub wanted: Lots,
    /// The lots that were filled of these; saturates.
    pub filled: Lots,
    /// The lots that were filled where all of a trade was to end; saturates.
    pub ended: Lots,
    /// How long the broker's first word took; `None` before there is one.
    pub latency: Option<Spans>,
    /// How much worse than their references fills were; `None` before there is one.
    pub slippage: Option<Slippage>,
}

/// How a length of time is distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spans {
    /// Half of them are not longer.
    pub p50: Span,
    /// 99 of 100 are not longer.
    pub p99: Span,
    /// The longest.
    pub longest: Span,
}

/// How slippage is distributed; positive is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slippage {
    /// Half of the fills are not worse.
    pub median: Points,
    /// The worst.
    pub worst: Points,
}

impl Report {
    /// The report in a few numbers.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let (mut outcomes, mut blocked) = (BTreeMap::new(), BTreeMap::new());
        for line in &self.lines {
            *outcomes.entry(line.kind()).or_default() += 1;
            if let Outcome::Blocked(refusal) = line.outcome {
                *blocked.entry(refusal.code()).or_default() += 1;
            }
        }
        let latencies = sorted(self.lines.iter().filter_map(|line| line.latency));
        let slippages = sorted(self.lines.iter().filter_map(|line| line.slippage));
        Summary {
            outcomes,
            blocked,
            wanted: total(self.lines.iter().filter_map(|line| line.wanted)),
            filled: total(self.lines.iter().filter(|line| line.wanted.is_some()).filter_map(filled)),
            ended: total(self.lines.iter().filter(|line| line.wanted.is_none()).filter_map(filled)),
            latency: latencies.last().map(|longest| Spans {
                p50: rank(&latencies, 50).unwrap_or(*longest),
                p99: rank(&latencies, 99).unwrap_or(*longest),
                longest: *longest,
            }),
            slippage: slippages
                .last()
                .map(|worst| Slippage { median: rank(&slippages, 50).unwrap_or(*worst), worst: *worst }),
        }
    }
}

fn filled(line: &Line) -> Option<Lots> {
    line.outcome.fill().map(|fill| fill.lots)
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort();
    values
}

/// The least value that so many percent of all are not above (nearest rank).
fn rank<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

fn total(lots: impl Iterator<Item = Lots>) -> Lots {
    Lots::from_units(lots.fold(0, |sum, lots| sum.saturating_add(lots.units())))
}
