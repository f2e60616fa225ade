//! The mt5-warden supervisor: parses, builds, runs, drains. See [`exit_codes`] for how it ends.

mod accounts;
mod ask;
mod cli;
mod demo;
mod exit_codes;
mod log;
mod run;
mod say;
mod signals;
mod stores;
mod trades;
mod why;

use std::process::ExitCode;

use anyhow::{Context as _, Error};
use clap::Parser as _;
use cli::{Cli, ScopeArgs, Task, Whom};
use say::say;
use warden_supervisor::{
    config::{Config, Faults},
    control::Ask,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(fault) = warden_supervisor::hardening::keep_memory_private() {
        tell(&Error::new(fault).context("the system does not let this program keep its memory to itself"));
        return ExitCode::from(exit_codes::FAILED);
    }
    if let Task::ProbeJournal { file } = &cli.task {
        return warden_store_duckdb::probe_main(file);
    }
    match with_runtime(cli.task) {
        Ok(()) => ExitCode::from(exit_codes::OK),
        Err(error) => {
            tell(&error);
            ExitCode::from(exit_codes::of(&error))
        }
    }
}

fn with_runtime(task: Task) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    runtime.block_on(carry_out(task))
}

async fn carry_out(task: Task) -> Result<(), Error> {
    match task {
        Task::Run { config, log_format } => run::run(&config.file, log_format).await,
        Task::CheckConfig { config } => {
            let loaded = Config::load(&config).await?;
            stores::check_keys(&loaded)?;
            match &loaded.accounts {
                Some(accounts) => {
                    say!("{}: no fault; {} accounts", config.display(), accounts.instances().len());
                }
                None => say!("{}: no fault; the database was not asked", config.display()),
            }
            Ok(())
        }
        Task::Why { instance, config, trade: None, steps, json } => {
            why::why(&config.file, &instance, steps, json).await
        }
        Task::Why { instance, config, trade: Some(tag), steps, json } => {
            trades::why(&config.file, &instance, tag, steps, json).await
        }
        Task::Signal { signal, config, no_wait, within, json } => {
            let within = (!no_wait).then_some(within);
            trades::signal(&config.file, &signal, within, json).await
        }
        Task::Report { key, config, json } => trades::report(&config.file, key, json).await,
        Task::Trades { instance, config, json } => trades::list(&config.file, instance, json).await,
        Task::Halt(Whom { scope, config }) => {
            let ScopeArgs { instance, group, all } = scope;
            trades::halt(&config.file, Ask::Halt { instance, group, all }, "halted").await
        }
        Task::Resume(Whom { scope, config }) => {
            let ScopeArgs { instance, group, all } = scope;
            trades::halt(&config.file, Ask::Resume { instance, group, all }, "resumed").await
        }
        Task::Decide { instance, tag, decision, config } => {
            let ask = Ask::Decide { instance, trade: tag, decision: decision.into() };
            ask::wish(&config.file, ask).await
        }
        Task::Status { instance, config, json } => ask::status(&config.file, instance.as_ref(), json).await,
        Task::Start(target) => ask::wish(&target.config.file, Ask::Start { instance: target.instance }).await,
        Task::Stop { target, mode } => {
            let ask = Ask::Stop { instance: target.instance, mode: mode.map(Into::into) };
            ask::wish(&target.config.file, ask).await
        }
        Task::Reset(target) => ask::wish(&target.config.file, Ask::Reset { instance: target.instance }).await,
        Task::ConfirmClosure(target) => {
            ask::wish(&target.config.file, Ask::ConfirmClosure { instance: target.instance }).await
        }
        Task::Accounts { task } => accounts::carry_out(task).await,
        Task::Drain { config } => ask::wish(&config.file, Ask::Drain {}).await,
        Task::Demo(demo) => demo::run(demo).await,
        Task::ProbeJournal { file } => {
            unreachable!("{} was probed before the runtime was made", file.display())
        }
    }
}

/// Says what went wrong, once: the error and each cause on a line of its own; the faults of a configuration as they are.
fn tell(error: &Error) {
    for (depth, cause) in error.chain().enumerate() {
        if cause.is::<Faults>() {
            eprintln!("{cause}");
        } else if depth == 0 {
            eprintln!("warden-supervisor: {cause}");
        } else {
            eprintln!("  because: {cause}");
        }
    }
}
