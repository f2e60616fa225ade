use std::{collections::BTreeMap, time::Instant};

use serde::Serialize;

use crate::{Log, Report, Tally, menu, run};

/// Many seeds, one after the other.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Seeds that are run first: those that found something before.
    pub known: Vec<u64>,
    /// The first seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// Everything that happens is told on standard error as it happens.
    pub verbose: bool,
}

/// What a campaign came to: the last line of `cargo xtask simulate`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Seeds that were run.
    pub seeds: u64,
    /// Things that happened in all of them.
    pub steps: u64,
    /// Steps a second of one core.
    pub steps_per_s: u64,
    /// Seeds that violated an invariant.
    pub violations: u64,
    /// Faults by their kind, and deaths of the supervisor by their point.
    pub faults_by_kind: BTreeMap<String, u64>,
    /// The hash of all traces, in hexadecimal.
    pub trace_hash: String,
}

impl Summary {
    /// Faults and points of death that never happened, by their names: after many seeds, none.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        menu::missed(&self.faults_by_kind)
    }
}

impl Campaign {
    /// Runs every seed and hands each report over as it comes.
    pub fn run(&self, mut each: impl FnMut(&Report)) -> Summary {
        let began = Instant::now();
        let (mut steps, mut violations, mut hash, mut tally) = (0, 0, 0_u64, Tally::default());
        let known = self.known.iter().copied();
        for seed in known.chain(self.from..self.from.saturating_add(self.seeds)) {
            let report = run(seed, if self.verbose { Log::Told } else { Log::None });
            steps += report.steps;
            violations += u64::from(!report.violations.is_empty());
            hash = (hash ^ report.trace_hash).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
            tally.add(&report.tally);
            each(&report);
        }
        let seconds = began.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        let points = tally.points.iter().map(|(point, count)| (point.to_string(), *count));
        let faults = tally.faults.iter().map(|(kind, count)| ((*kind).to_owned(), *count));
        Summary {
            seeds: self.known.len() as u64 + self.seeds,
            steps,
            steps_per_s: (steps as f64 / seconds) as u64,
            violations,
            faults_by_kind: faults.chain(points).collect(),
            trace_hash: format!("{hash:016x}"),
        }
    }
}
