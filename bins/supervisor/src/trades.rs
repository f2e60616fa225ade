//! Signals and trades from the command line.

use std::{io::Read as _, path::Path, time::Duration};

use anyhow::{Context as _, Error};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::{Instant, sleep};
use warden_domain::{ClientTradeId, InstanceId, Magic, Span};
use warden_store::Journal as _;
use warden_supervisor::{
    config::Config,
    control::{Ask, Client, ClientError, Refusal, RefusalKind},
    signals::life_of,
};

use crate::{
    ask,
    say::{say, say_text},
    why,
};

/// A file that the command line names cannot be read.
#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct Unreadable(std::io::Error);

/// How soon a report is looked at again until nothing more will be learnt; each wait is twice as long as the last.
const LOOK: Duration = Duration::from_millis(100);
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// Gives a signal to its accounts, and shows its report: at once, or when it is settled or the time is over.
pub(crate) async fn signal(
    file: &Path,
    signal: &Path,
    within: Option<Span>,
    json: bool,
) -> Result<(), Error> {
    let config = Config::open(file)?;
    let signal = read(signal)?;
    let mut client = Client::connect(&config.supervisor.control).await?;
    let mut answer = client.ask(Ask::Signal { signal }).await?;
    if let Some(within) = within {
        let (over, mut wait) = (Instant::now() + Duration::from(within), LOOK);
        while answer["report"]["settled"] != json!(true) && Instant::now() < over {
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_LOOK);
            let key = answer["report"]["key"].as_str().unwrap_or_default();
            let key = ClientTradeId::new(key).context("the supervisor answers without the signal's key")?;
            answer = client.ask(Ask::Report { key }).await?;
        }
    }
    show(&answer, json);
    if nobody_took(&answer["report"]) {
        let text = "no account took the signal; its report says why".to_owned();
        return Err(ClientError::Refused(Refusal { kind: RefusalKind::Forbidden, text }).into());
    }
    Ok(())
}

/// Whether every account refused the signal, or it was too late for all: nothing was sent.
fn nobody_took(report: &Value) -> bool {
    let mut outcomes = report["lines"].as_array().into_iter().flatten().map(|line| &line["outcome"]);
    outcomes.all(|outcome| outcome == "blocked" || outcome == "late_dropped")
}

/// Shows what became of a signal.
pub(crate) async fn report(file: &Path, key: ClientTradeId, json: bool) -> Result<(), Error> {
    let answer = ask::ask(&Config::open(file)?, Ask::Report { key }).await?;
    show(&answer, json);
    Ok(())
}

/// Shows the trades that have not ended.
pub(crate) async fn list(file: &Path, instance: Option<InstanceId>, json: bool) -> Result<(), Error> {
    let config = Config::open(file)?;
    if let Some(instance) = &instance {
        ask::known(&config, instance).await?;
    }
    let answer = ask::ask(&config, Ask::Trades { instance }).await?;
    let trades = answer["trades"].as_array().map(Vec::as_slice).unwrap_or_default();
    if json {
        say!("{answer}");
        return Ok(());
    }
    say_text!("{}", table(trades));
    let more = answer["all"].as_u64().unwrap_or_default().saturating_sub(trades.len() as u64);
    if more > 0 {
        say!("… and {more} more");
    }
    Ok(())
}

/// Halts instances, or lets them go on; `done` says which of the two.
pub(crate) async fn halt(file: &Path, ask: Ask, done: &str) -> Result<(), Error> {
    let answer = ask::ask(&Config::open(file)?, ask).await?;
    for instance in answer["instances"].as_array().into_iter().flatten() {
        say!("{done} {}", instance.as_str().unwrap_or_default());
    }
    Ok(())
}

/// Explains a trade: asks the running supervisor, or reads its journal when none runs.
pub(crate) async fn why(
    file: &Path,
    instance: &InstanceId,
    tag: u64,
    steps: u32,
    json: bool,
) -> Result<(), Error> {
    let config = Config::open(file)?;
    match ask::ask(&config, Ask::WhyTrade { instance: instance.clone(), trade: tag, steps }).await {
        Ok(answer) if json => say!("{}", answer["life"]),
        Ok(answer) => say_text!("{}", answer["text"].as_str().unwrap_or_default()),
        Err(ClientError::NotRunning(_)) => {
            let life = from_journal(&config, instance, tag, steps).await?;
            if json {
                say!("{}", serde_json::to_string(&life)?);
            } else {
                say_text!("{life}\n(no supervisor is running: this is what its journal says)\n");
            }
        }
        Err(fault) => return Err(fault.into()),
    }
    Ok(())
}

async fn from_journal(
    config: &Config,
    instance: &InstanceId,
    tag: u64,
    steps: u32,
) -> Result<warden_supervisor::signals::TradeLife, Error> {
    let refused = |what: String| ClientError::Refused(Refusal { kind: RefusalKind::NotFound, text: what });
    let trade = Magic::from_number(tag).map_err(|_| refused(format!("{tag} is no tag")))?;
    let journal = why::open_journal(config).await?;
    let rows = journal.trade_history(instance, trade, steps).await?;
    journal.close().await?;
    let what = || format!("the journal holds no trade {tag} of {instance}; check tag and instance");
    Ok(life_of(trade, &rows)?.ok_or_else(|| refused(what()))?)
}

fn read(signal: &Path) -> Result<String, Error> {
    if signal == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(Unreadable)
            .context("the signal cannot be read")?;
        return Ok(text);
    }
    let text = std::fs::read_to_string(signal).map_err(Unreadable);
    text.with_context(|| format!("the signal {} cannot be read", signal.display()))
}

fn show(answer: &Value, json: bool) {
    if json {
        say!("{}", answer["report"]);
    } else {
        say!("{}", answer["text"].as_str().unwrap_or_default());
    }
}

fn table(trades: &[Value]) -> String {
    let mut text = format!(
        "{:<24} {:<18} {:<8} {:<12} {:<17} {:>10} {:>10}  {}\n",
        "INSTANCE", "TAG", "GOAL", "SYMBOL", "STATE", "FILLED", "VOLUME", "SIGNAL"
    );
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for trade in trades {
        let suspect = match trade["lookalike"].as_u64() {
            Some(ticket) => format!("  decide: is ticket {ticket} ours?"),
            None => String::new(),
        };
        text.push_str(&format!(
            "{:<24} {:<18} {:<8} {:<12} {:<17} {:>10} {:>10}  {}/{}{suspect}\n",
            word(&trade["instance"]),
            word(&trade["tag"]),
            word(&trade["goal"]),
            word(&trade["symbol"]),
            word(&trade["state"]),
            word(&trade["filled"]),
            word(&trade["volume"]),
            word(&trade["key"]),
            trade["part"],
        ));
    }
    text
}
