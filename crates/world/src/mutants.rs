//! Whether the world has teeth: decisions of the policy, and numbers of the judge, that are wrong on purpose, each of which
//! it must notice.

use std::{ops::Range, time::Instant};

use serde::Serialize;
use warden_domain::Span;
use warden_policy::{Params, mutant::Mutant, params::Waits};

use crate::{Log, Report, run, run::believing};

/// Mutants that this world does not show within 200 seeds; the policy's own cases notice them (`warden-policy`,
/// `tests/mutants.rs`).
///
/// A look that began before the send could no longer be started proves nothing. Here three looks over a minute are the
/// proof, and whatever a gateway may still start it starts within two seconds: the other two looks of the proof are late
/// enough, and show it. What a single old look settles, a cancellation or a protection, is harmless when it is repeated.
///
/// An answer to an old send must come after the next one left. Here a line delays an answer by three seconds at most, nothing
/// whose answer did not come is sent again before five, and the driver takes an answer once.
const UNSEEN: [Mutant; 2] = [Mutant::OldLookCounts, Mutant::OldAnswerCounts];

/// The judge believes in another number than the driver has: a count or a wait that it does not look at would not be
/// noticed. Those of single instances are proven by the tests of their invariants.
const BELIEFS: [Belief; 9] = [
    ("FillWithin", "TRD-1: the rest of a part has 9 s", |p| p.partial_fill.fill_within = Span::from_secs(9)),
    ("SlippagePauses", "TRD-2: the first pause after a slippage is 31 s", |p| {
        p.slippage.pauses = Waits::secs(&[31, 60, 120]);
    }),
    ("SlippageGrows", "TRD-2: the second pause is as long as the first", |p| {
        p.slippage.pauses = Waits::secs(&[30, 30, 120]);
    }),
    ("SlippageStops", "TRD-2: the second slippage in a row stops", |p| p.slippage.stop_after = 2),
    ("RecoverAfter", "TRD-3: what was not executed pauses for 9 s", |p| {
        p.timeout.recover_after = Span::from_secs(9);
    }),
    ("DuplicatesStop", "TRD-4: the second duplicate stops", |p| p.duplicate.stop_after = 2),
    ("MisfiresStop", "TRD-5: the second misfire stops", |p| p.protection.stop_after = 2),
    ("PendingWaits", "TRD-6, NET-1: the first retry is after 6 s", |p| {
        p.pending.waits = Waits::secs(&[6, 10, 20]);
    }),
    ("StoreReconnect", "NET-3: a lost store is tried again after 11 s", |p| {
        p.state_store.reconnect_after = Span::from_secs(11);
    }),
];

/// A name, what is believed, and the number.
type Belief = (&'static str, &'static str, fn(&mut Params));

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

/// Every mutant of the driver, then of the judge, and what it wrongly believes.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let beliefs = BELIEFS.iter().map(|(name, text, _)| (*name, *text));
    Mutant::ALL.iter().map(|mutant| (mutant.name(), mutant.text())).chain(beliefs)
}

/// Runs seeds from `from` on with each mutant in force until one notices it, `seeds` at most; those that this world does not
/// show only when they are named.
pub fn hunt(from: u64, seeds: u64, only: Option<&str>, mut each: impl FnMut(&Fate)) -> Vec<Fate> {
    let mut fates = Vec::new();
    let seeds = from..from.saturating_add(seeds);
    for mutant in Mutant::ALL {
        if only.map_or(!UNSEEN.contains(mutant), |name| name == mutant.name()) {
            fates.push(hunted(mutant.name(), mutant.text(), seeds.clone(), |seed| {
                let _broken = mutant.set();
                run(seed, Log::None)
            }));
            each(&fates[fates.len() - 1]);
        }
    }
    for (name, text, change) in BELIEFS {
        if only.is_none_or(|only| only == name) {
            fates.push(hunted(name, text, seeds.clone(), |seed| believing(seed, change)));
            each(&fates[fates.len() - 1]);
        }
    }
    fates
}

fn hunted(
    mutant: &'static str,
    believes: &'static str,
    seeds: Range<u64>,
    wrong: impl Fn(u64) -> Report,
) -> Fate {
    let began = Instant::now();
    let found = seeds.clone().find_map(|seed| {
        let violation = wrong(seed).violations.into_iter().next();
        // What is wrong without the mutant too proves nothing about it.
        let invariant = violation?.invariant;
        run(seed, Log::None).violations.is_empty().then_some((seed, invariant))
    });
    Fate {
        mutant,
        believes,
        seeds: found.map_or(seeds.end, |(seed, _)| seed + 1) - seeds.start,
        caught_by: found.map(|(seed, _)| seed),
        invariant: found.map(|(_, invariant)| invariant),
        seconds: began.elapsed().as_secs_f64(),
    }
}
