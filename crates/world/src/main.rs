//! `warden-simulate`: runs seeds of the simulated world.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use warden_world::{Campaign, Log, Report, regressions, run};

const HELP: &str = "\
usage: warden-simulate [--seeds N] [--from S] [--verbose] [--json] [--regressions]
       warden-simulate --mutants [--seeds N] [--from S] [--only NAME]   (a build with the feature `mutants`)

Runs N seeds (default 100) from S (default 1) on. The log of a seed that violates an invariant is told on stderr; --verbose
tells that of every seed as it happens. --regressions first runs the seeds that found something before. The last line of
stdout is one object: {seeds, steps, steps_per_s, violations, faults_by_kind, trace_hash}.

--mutants runs at most N seeds (default 200) with each decision that is broken on purpose, until one notices it.

Exit codes: 0 clean, 1 an invariant was violated, a fault never happened in 2,000 seeds, or a mutant was not noticed, 2 not
understood.";

/// How long one seed may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many seeds meet every fault and hit every crash point.
const ENOUGH: u64 = 2_000;

struct Asked {
    seeds: Option<u64>,
    from: u64,
    verbose: bool,
    json: bool,
    regressions: bool,
    mutants: bool,
    only: Option<String>,
}

fn main() -> ExitCode {
    let asked = match read(std::env::args().skip(1)) {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(what) => {
            eprintln!("{what}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if asked.mutants { mutants(&asked) } else { simulate(&asked) }
}

fn simulate(asked: &Asked) -> ExitCode {
    let known: Vec<u64> = if asked.regressions { regressions().collect() } else { Vec::new() };
    let campaign =
        Campaign { known, from: asked.from, seeds: asked.seeds.unwrap_or(100), verbose: asked.verbose };
    let present = watch(asked.from);
    let summary = campaign.run(|report| {
        tell(asked, report);
        present.store(report.seed + 1, Ordering::Relaxed);
    });
    println!("{}", serde_json::to_string(&summary).expect("plain numbers and names"));
    let missed = if summary.seeds >= ENOUGH { summary.missed() } else { Vec::new() };
    if !missed.is_empty() {
        eprintln!("never happened in {} seeds: {}", summary.seeds, missed.join(", "));
    }
    if summary.violations == 0 && missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A run that does not end shows nothing: after a minute of one seed the program says which one, and ends.
fn watch(first: u64) -> Arc<AtomicU64> {
    let present = Arc::new(AtomicU64::new(first));
    let watched = Arc::clone(&present);
    thread::spawn(move || {
        let (mut seed, mut since) = (first, Instant::now());
        loop {
            thread::sleep(Duration::from_secs(1));
            let now = watched.load(Ordering::Relaxed);
            if now != seed {
                (seed, since) = (now, Instant::now());
            } else if since.elapsed() > PATIENCE {
                eprintln!(
                    "seed {seed} does not end: time stands still in it; see it with --from {seed} --verbose"
                );
                std::process::exit(1);
            }
        }
    });
    present
}

fn tell(asked: &Asked, report: &Report) {
    if !report.violations.is_empty() && !asked.verbose {
        let _ = run(report.seed, Log::Told);
    }
    if asked.verbose || !report.violations.is_empty() {
        eprintln!("seed {}: {} steps, trace {:016x}", report.seed, report.steps, report.trace_hash);
    }
    for violation in &report.violations {
        eprintln!("seed {}: {violation}", report.seed);
    }
    if !asked.json && asked.seeds.is_some_and(|seeds| seeds > 200) && report.seed.is_multiple_of(500) {
        eprintln!("seed {} done", report.seed);
    }
}

#[cfg(feature = "mutants")]
fn mutants(asked: &Asked) -> ExitCode {
    let seeds = asked.seeds.unwrap_or(200);
    if let Some(only) =
        asked.only.as_deref().filter(|only| !warden_world::mutants::all().any(|(name, _)| name == *only))
    {
        eprintln!("there is no mutant {only:?}; --mutants alone names them");
        return ExitCode::from(2);
    }
    let fates = warden_world::mutants::hunt(asked.from, seeds, asked.only.as_deref(), |fate| {
        let how = match (fate.caught_by, fate.invariant) {
            (Some(seed), Some(invariant)) => {
                format!("caught after {} seeds, by seed {seed}: {invariant}", fate.seeds)
            }
            (Some(_) | None, _) => format!("NOT caught by {} seeds", fate.seeds),
        };
        eprintln!("{:<24} {how}", fate.mutant);
        if asked.json {
            println!("{}", serde_json::to_string(fate).expect("plain numbers and names"));
        }
    });
    let caught = fates.iter().filter(|fate| fate.caught_by.is_some()).count();
    println!("{{\"mutants\":{},\"caught\":{caught}}}", fates.len());
    if caught == fates.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(not(feature = "mutants"))]
fn mutants(_: &Asked) -> ExitCode {
    eprintln!("this build has no mutants: use `cargo xtask simulate --mutants`");
    ExitCode::from(2)
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Asked>, String> {
    let mut asked = Asked {
        seeds: None,
        from: 1,
        verbose: false,
        json: false,
        regressions: false,
        mutants: false,
        only: None,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        let number = |value: String| value.parse().map_err(|_| format!("{value:?} is no number"));
        match word.as_str() {
            "--seeds" => asked.seeds = Some(number(value()?)?),
            "--from" => asked.from = number(value()?)?,
            "--only" => asked.only = Some(value()?),
            "--verbose" => asked.verbose = true,
            "--json" => asked.json = true,
            "--regressions" => asked.regressions = true,
            "--mutants" => asked.mutants = true,
            "help" | "--help" | "-h" => return Ok(None),
            other => return Err(format!("{other:?} is not understood")),
        }
    }
    Ok(Some(asked))
}
