mod assembly;
mod scrape;

use std::{path::Path, process, time::Duration};

use anyhow::{Context as _, Error};
use tokio::time::{MissedTickBehavior, interval, timeout};
use warden_domain::{Span, Timestamp};
use warden_supervisor::{
    Fleet,
    config::Config,
    control::{Ask, Question},
};

use self::assembly::Running;
use crate::{cli::LogFormat, exit_codes, log, say::say, signals::Signals};

/// How often rows that are older than the retention are looked for.
const FORGETTING: Duration = Duration::from_secs(600);

/// How long rows are kept.
#[derive(Clone, Copy)]
struct Retention {
    journal: Span,
    history: Span,
}

/// Runs a supervisor until a signal, the control socket or a fault ends it.
pub(crate) async fn run(file: &Path, format: LogFormat) -> Result<(), Error> {
    let loaded = Config::load(file).await?;
    log::start(&loaded.config.supervisor.log, format);
    let mut signals = Signals::take().context("signals cannot be handled")?;
    let retention =
        Retention { journal: loaded.config.journal.retention, history: loaded.config.history.retention };
    let drain_within = loaded.config.supervisor.drain_within();
    let mut running = tokio::select! {
        running = assembly::assemble(loaded) => running?,
        signal = signals.next() => {
            tracing::info!(signal, "ended before it ran");
            return Ok(());
        }
    };
    tracing::info!(gateways = %running.address, control = %running.control.path().display(), "the supervisor runs");
    // Scripts wait for this line.
    say!("ready: gateways at {}, control socket {}", running.address, running.control.path().display());
    let end = serve(&mut running, &mut signals, retention).await;
    end_in_order(running, signals, drain_within, end).await
}

/// Answers questions and forgets old rows until something ends it.
async fn serve(
    running: &mut Running,
    signals: &mut Signals,
    retention: Retention,
) -> Result<&'static str, Error> {
    let mut forgetting = interval(FORGETTING);
    forgetting.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            signal = signals.next() => return Ok(signal),
            fault = running.fleet.ended() => return Err(Error::new(fault).context("the fleet ended by itself")),
            question = running.questions.recv() => {
                let question = question.context("the control socket ended by itself")?;
                if answer(running, question).await {
                    return Ok("the control socket");
                }
            }
            _ = forgetting.tick() => forget(running, retention),
        }
    }
}

/// Answers a question; whether it asks to end.
async fn answer(running: &Running, question: Question) -> bool {
    let ends = matches!(question.ask, Ask::Drain {});
    let answer = running.desk.answer(question.ask, &running.fleet).await;
    // Who asked may have gone away.
    let _ = question.answer.send(answer);
    ends
}

/// Forgets old rows, beside everything else: of the journal those that the history has, and of a history that is a file.
fn forget(running: &Running, retention: Retention) {
    let (journal, now) = (running.desk.journal.clone(), running.desk.clock.now());
    let (exported, history) = (running.export.exported(), running.history.clone());
    let before =
        |kept: Span| Timestamp::from_millis(now.as_millis().saturating_sub_unsigned(kept.as_millis()));
    let older = before(retention.journal);
    tokio::spawn(async move {
        match journal.retain(older, exported).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, %older, "journal rows were forgotten"),
            Err(fault) => tracing::warn!(%fault, "journal rows were not forgotten"),
        }
    });
    let Some(history) = history else { return };
    let older = before(retention.history);
    tokio::spawn(async move {
        match history.forget(older).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, %older, "rows of the history were forgotten"),
            Err(fault) => tracing::warn!(%fault, "rows of the history were not forgotten"),
        }
    });
}

/// Finishes what is under way, closes the journal, says goodbye to the gateways. A second signal ends it at once.
async fn end_in_order(
    running: Running,
    mut signals: Signals,
    within: Span,
    end: Result<&'static str, Error>,
) -> Result<(), Error> {
    if let Ok(by) = &end {
        tracing::info!(by, "the supervisor is ending; a second signal ends it at once");
    }
    tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::warn!(signal, "ended at once; what was committed is safe");
        process::exit(i32::from(exit_codes::CUT_SHORT));
    });
    let drained = timeout(within.into(), drain(running, end.is_ok())).await;
    let drained = drained.unwrap_or_else(|_| {
        Err(anyhow::anyhow!("the supervisor did not end within {within}; what was committed is safe"))
    });
    end?;
    drained?;
    tracing::info!("the supervisor has ended");
    Ok(())
}

async fn drain(running: Running, whole: bool) -> Result<(), Error> {
    let Running { control, questions, desk, export, fleet, listener, scrape, intake, .. } = running;
    drop((questions, control));
    if let Some(intake) = intake {
        intake.stop().await;
    }
    let drained = stop(fleet, whole).await;
    listener.shutdown().await;
    export.stop().await;
    let closed = desk.journal.close().await;
    drop(scrape); // what the end did can still be scraped
    drained?;
    if whole {
        closed.context("the journal was not closed in order")?;
    }
    Ok(())
}

/// Drains the fleet; one that has ended by itself has nothing to drain.
async fn stop(fleet: Fleet, whole: bool) -> Result<(), Error> {
    let drained = fleet.drain().await;
    if whole {
        drained.context("the fleet did not end in order")?;
    }
    Ok(())
}
