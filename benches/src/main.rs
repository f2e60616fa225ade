//! Runs the benchmarks that are named, or all of them, and prints a table or one JSON object a line.

use std::{path::Path, process::ExitCode};

use warden_benches::{
    Figures, accounts, deadlines,
    figure::Figure,
    history::{self, backlog, elsewhere},
    hot, journal, path, policy, storm, trades,
};

#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

type Run = fn() -> Figures;

const BENCHMARKS: [(&str, Run); 10] = [
    ("policy", || policy::figures(ALLOCATOR)),
    ("journal", journal::figures),
    ("hot", hot::figures),
    ("path", path::figures),
    ("storm", storm::figures),
    ("trades", trades::figures),
    ("deadlines", deadlines::figures),
    ("history", history::figures),
    ("backlog", backlog::figures),
    ("accounts", accounts::figures),
];

fn main() -> ExitCode {
    match &std::env::args().collect::<Vec<_>>()[..] {
        [_, flag, folder, url] if flag == backlog::DRAIN => {
            return ended(backlog::drain(Path::new(folder), url));
        }
        [_, flag] if flag == elsewhere::SERVE => return ended(elsewhere::serve()),
        _ => {}
    }
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let json = flags.iter().any(|flag| flag == "--json");
    let known = |name: &String| BENCHMARKS.iter().any(|(known, _)| known == name);
    if flags.iter().any(|flag| flag != "--json") || !names.iter().all(known) {
        let all: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: warden-bench [{}]... [--json]", all.join("|"));
        return ExitCode::from(2);
    }
    let mut met = true;
    for (name, run) in
        BENCHMARKS.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == name))
    {
        eprintln!("{name} …");
        match run() {
            Ok(figures) => {
                met &= figures.iter().all(|figure| figure.ok);
                for figure in &figures {
                    print(figure, json);
                }
            }
            Err(fault) => {
                eprintln!("{name} failed: {fault}");
                return ExitCode::FAILURE;
            }
        }
    }
    if met { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

/// How a process ends that is a part of a benchmark.
fn ended(done: Result<(), Box<dyn std::error::Error + Send + Sync>>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn print(figure: &Figure, json: bool) {
    if json {
        println!("{}", figure.to_json());
        return;
    }
    let floor = match (figure.floor, figure.ratio) {
        (Some(floor), Some(ratio)) => format!("floor {floor:.1}, ratio {ratio:.2}"),
        _ => String::new(),
    };
    let mark = if figure.ok { "ok" } else { "MISSED" };
    println!(
        "{:<28} {:>14.2} {:<10} {:<18} {mark:<7} {floor}",
        figure.name, figure.value, figure.unit, figure.target
    );
}
