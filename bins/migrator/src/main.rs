//! The mt5-warden migrator: brings the schemas of all stores up and proves them. See [`exit_codes`] for how it ends.

mod absent;
mod cli;
mod exit_codes;
mod plan;
mod progress;
mod report;
mod status;
mod stores;
mod targets;
#[cfg(test)]
mod testing;
mod up;
mod verify;

use std::process::ExitCode;

use anyhow::{Context as _, Error};
use clap::Parser as _;
use cli::{Cli, Task};
use warden_supervisor::{
    config::{Auth, Config, Faults},
    hardening,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let hardened = hardening::keep_memory_private().context("core files cannot be forbidden");
    match hardened.and_then(|()| with_runtime(&cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tell("", &error);
            ExitCode::from(exit_codes::of(&error))
        }
    }
}

fn with_runtime(cli: &Cli) -> Result<u8, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    runtime.block_on(carry_out(cli))
}

/// Does what was asked; the exit code that says what came of it.
async fn carry_out(cli: &Cli) -> Result<u8, Error> {
    let (mut loaded, stores) = (Config::load(cli.config()).await?, cli.stores());
    if let Some(file) = &cli.accounts_auth {
        loaded.accounts_auth = Some(Auth::from_file("--accounts-auth", file)?);
    }
    if let Some(file) = &cli.history_auth {
        loaded.history_auth = Some(Auth::from_file("--history-auth", file)?);
    }
    let report = match cli.task {
        Task::Status => status::status(&stores, &loaded).await,
        Task::Plan => plan::plan(&stores, &loaded).await,
        Task::Up => up::up(&stores, &loaded).await,
        Task::Verify => verify::verify(&stores, &loaded).await,
    };
    Ok(report.show(cli.json))
}

/// Says what went wrong, once: the error and each cause on a line of its own; the faults of a configuration as they are.
fn tell(about: &str, error: &Error) {
    for (depth, cause) in error.chain().enumerate() {
        if cause.is::<Faults>() {
            eprintln!("{cause}");
        } else if depth == 0 {
            eprintln!("warden-migrator: {about}{cause}");
        } else {
            eprintln!("  because: {cause}");
        }
    }
}
