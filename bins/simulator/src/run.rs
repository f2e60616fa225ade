//! Builds the world, runs it, drains it.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use warden_bridge_sim::{Dialling, FleetPlan, Gateways, Settings, World, WorldClock};
use warden_domain::Timestamp;

use crate::{args::Args, control, input::Input, ledger_file::LedgerFile, summary::Summary};

/// How often the ledger is written.
const LEDGER_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &Args, input: Input) -> anyhow::Result<Summary> {
    if let Some(path) = &args.write_accounts {
        write_accounts(path, &input.plan)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(serve(args, input))
}

async fn serve(args: &Args, input: Input) -> anyhow::Result<Summary> {
    let (terminate, interrupt) = (listen_for(SignalKind::terminate())?, listen_for(SignalKind::interrupt())?);
    let mut ledger = args.ledger.as_deref().map(LedgerFile::open).transpose()?;
    let control = args.control.as_deref().map(control::bind).transpose()?;
    if let Some(folder) = &args.epochs {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let dialling = Dialling { epochs: args.epochs.clone(), ..Dialling::new(args.supervisor.clone()) };
    let clock = WorldClock::from(SystemTime::now().into(), args.speed);
    let world = world(args, input, clock.now());
    let gateways = Arc::new(Gateways::serve(world, clock, dialling)?);
    let control = control.map(|listener| tokio::spawn(control::serve(listener, Arc::clone(&gateways))));
    tracing::info!(gateways = args.gateways, "serving; end with SIGTERM or SIGINT");

    until_the_end(args, &gateways, &mut ledger, terminate, interrupt).await?;
    if let (Some(control), Some(path)) = (control, &args.control) {
        control.abort();
        // Whoever still wants to connect is told at once that nobody listens.
        let _ = std::fs::remove_file(path);
    }
    gateways.close().await;
    write_ledger(&gateways, &mut ledger)?;
    if let Some(ledger) = &ledger {
        ledger.sync()?;
    }
    Ok(gateways.with_world(|world, _| Summary::of(world)))
}

fn world(args: &Args, input: Input, start: Timestamp) -> World {
    let mut world = World::new(&input.plan, input.market, Settings::default(), args.seed, start);
    world.add_mix(input.mix);
    world.add_faults(input.script.faults);
    world
}

/// Writes the ledger from time to time, until a signal or the end of the given time.
async fn until_the_end(
    args: &Args,
    gateways: &Gateways,
    ledger: &mut Option<LedgerFile>,
    mut terminate: Signal,
    mut interrupt: Signal,
) -> anyhow::Result<()> {
    let end = async {
        match args.lasts {
            Some(lasts) => tokio::time::sleep(lasts.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let mut writing = tokio::time::interval(LEDGER_INTERVAL);
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = writing.tick() => write_ledger(gateways, ledger)?,
        }
    }
}

fn write_ledger(gateways: &Gateways, ledger: &mut Option<LedgerFile>) -> anyhow::Result<()> {
    let Some(ledger) = ledger else { return Ok(()) };
    let lines = gateways.with_world(|world, _| ledger.fresh(world));
    if lines.is_empty() { Ok(()) } else { ledger.append(&lines) }
}

/// Writes the accounts where only their owner reads them; a file that is there is replaced as a whole.
fn write_accounts(path: &Path, plan: &FleetPlan) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    let write = || {
        // A file left behind may have other rights.
        match std::fs::remove_file(&beside) {
            Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => return Err(fault),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(plan.accounts_file().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().with_context(|| format!("cannot write the accounts to {}", path.display()))
}

fn listen_for(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot listen for signals")
}
