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

use warden_world::{Campaign, Log, Report, run};

const HELP: &str = "\
usage: warden-simulate [--seeds N] [--from S] [--verbose] [--json]

Runs N seeds from S on. The last line of stdout is one object:
{seeds, steps, steps_per_s, violations, faults_by_kind, trace_hash}.
Exit codes: 0 clean, 1 an invariant was violated, 2 not understood.";

/// How long one seed may take.
const PATIENCE: Duration = Duration::from_secs(60);

struct Asked {
    seeds: u64,
    from: u64,
    verbose: bool,
    json: bool,
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
    let campaign = Campaign { from: asked.from, seeds: asked.seeds, verbose: asked.verbose };
    let present = watch(asked.from);
    let summary = campaign.run(|report| {
        tell(&asked, report);
        present.store(report.seed + 1, Ordering::Relaxed);
    });
    println!("{}", serde_json::to_string(&summary).expect("plain numbers and names"));
    if summary.violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
                eprintln!("seed {seed} does not end: time stands still in it; see it with --from {seed} --verbose");
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
    if !asked.json && asked.seeds > 20 && report.seed % 100 == 0 {
        eprintln!("seed {} done", report.seed);
    }
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Asked>, String> {
    let mut asked = Asked { seeds: 100, from: 1, verbose: false, json: false };
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().ok_or(format!("{word} needs a number"))?;
            value.parse().map_err(|_| format!("{value:?} is no number"))
        };
        match word.as_str() {
            "--seeds" => asked.seeds = number()?,
            "--from" => asked.from = number()?,
            "--verbose" => asked.verbose = true,
            "--json" => asked.json = true,
            "help" | "--help" | "-h" => return Ok(None),
            other => return Err(format!("{other:?} is not understood")),
        }
    }
    Ok(Some(asked))
}
