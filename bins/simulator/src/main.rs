//! `warden-simulator`: simulated MetaTrader 5 terminals that dial a supervisor over the published protocol.
//!
//! Exit codes: 0 it ended as asked; 1 it failed; 2 its input is wrong, and everything that is wrong was told.

mod args;
mod control;
mod input;
mod ledger_file;
mod run;
mod summary;

use std::process::ExitCode;

use args::Args;
use clap::Parser;
use tracing_subscriber::EnvFilter;

/// What is wrong with the input; clap's own code for wrong arguments is the same.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("WARDEN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let input = match input::read(&args) {
        Ok(input) => input,
        Err(wrong) => {
            for fault in wrong {
                eprintln!("{fault}");
            }
            return ExitCode::from(BAD_INPUT);
        }
    };
    match run::run(&args, input) {
        Ok(summary) => {
            println!("{}", if args.json { summary.to_json() } else { summary.to_string() });
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("warden-simulator: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
