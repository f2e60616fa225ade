//! Whether the world has teeth: decisions of the policy that are broken on purpose, each of which it must notice.

use std::time::Instant;

use serde::Serialize;
use warden_policy::mutant::Mutant;

use crate::{Log, run};

/// Mutants that no source, person or broker of this world brings to bear within 200 seeds; the policy's own cases notice
/// them (`warden-policy`, `tests/mutants.rs`).
const UNSEEN: [Mutant; 6] = [
    Mutant::OldLookCounts,
    Mutant::UnseenIsNotStarted,
    Mutant::OldAnswerCounts,
    Mutant::DuplicateIgnored,
    Mutant::ExternalIsTouched,
    Mutant::SlippageUnjudged,
];

/// What became of one mutant.
#[derive(Clone, Debug, Serialize)]
pub struct Fate {
    /// Its name.
    pub mutant: &'static str,
    /// What it wrongly believes.
    pub believes: &'static str,
    /// Seeds that were run until it was noticed; all of them when it was not.
    pub seeds: u64,
    /// The first seed that noticed it.
    pub caught_by: Option<u64>,
    /// The invariant that it violated there.
    pub invariant: Option<&'static str>,
    /// How long that took, in seconds.
    pub seconds: f64,
}

/// Every mutant, and what it wrongly believes.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    Mutant::ALL.iter().map(|mutant| (mutant.name(), mutant.text()))
}

/// Runs seeds from `from` on with each mutant in force until one notices it, `seeds` at most; those that this world does not
/// show only when they are named.
pub fn hunt(from: u64, seeds: u64, only: Option<&str>, mut each: impl FnMut(&Fate)) -> Vec<Fate> {
    let wanted = Mutant::ALL
        .iter()
        .filter(|mutant| only.map_or(!UNSEEN.contains(mutant), |name| name == mutant.name()));
    wanted
        .map(|mutant| {
            let fate = hunted(*mutant, from, seeds);
            each(&fate);
            fate
        })
        .collect()
}

fn hunted(mutant: Mutant, from: u64, seeds: u64) -> Fate {
    let began = Instant::now();
    let found = (from..from.saturating_add(seeds)).find_map(|seed| {
        let broken = mutant.set();
        let violation = run(seed, Log::None).violations.into_iter().next();
        drop(broken);
        // What is wrong without the mutant too proves nothing about it.
        let invariant = violation?.invariant;
        run(seed, Log::None).violations.is_empty().then_some((seed, invariant))
    });
    Fate {
        mutant: mutant.name(),
        believes: mutant.text(),
        seeds: found.map_or(seeds, |(seed, _)| seed - from + 1),
        caught_by: found.map(|(seed, _)| seed),
        invariant: found.map(|(_, invariant)| invariant),
        seconds: began.elapsed().as_secs_f64(),
    }
}
