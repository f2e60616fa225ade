//! Questions about signals and trades.

use serde_json::{Value, json};
use warden_distribution::{Group, Report};
use warden_domain::{InstanceId, Magic, error_chain};
use warden_policy::trade::Decision;
use warden_store::Journal;

use super::{Ask, Desk, Refusal, RefusalKind, Said, desk::value};
use crate::{
    Fleet, Scope, SignalError,
    signals::{DecideError, HaltError, life_of},
};

/// Trades in one answer at most.
const MOST_TRADES: usize = 1_000;

/// Answers a question about signals and trades.
pub(super) async fn answer(ask: Ask, fleet: &Fleet, journal: &dyn Journal) -> Result<Value, Refusal> {
    match ask {
        Ask::Signal { signal } => {
            let read = fleet.distributor().read_json(signal.as_bytes());
            let signal = read.map_err(SignalError::Faulty)?;
            Ok(report(&fleet.signal(signal).await?))
        }
        Ask::Report { key } => {
            let known = fleet.report(&key).await.map_err(|fault| failed(&fault))?;
            let text = format!("nothing is known of signal {key}: it was not read yet, or the key is wrong");
            known.map(|known| report(&known)).ok_or_else(|| Refusal::new(RefusalKind::NotFound, text))
        }
        Ask::Trades { instance } => {
            let mut trades = fleet.trades(instance.as_ref()).await;
            let all = trades.len();
            trades.truncate(MOST_TRADES);
            value(json!({ "all": all, "trades": trades }))
        }
        Ask::Halt { instance, group, all } => halted(fleet.halt(scope(instance, group, all)?).await),
        Ask::Resume { instance, group, all } => halted(fleet.resume(scope(instance, group, all)?).await),
        Ask::Decide { instance, trade, decision } => {
            let decision = match decision {
                Said::Ours => Decision::Ours,
                Said::NotOurs => Decision::NotOurs,
            };
            fleet.decide(&instance, tag(trade)?, decision).await?;
            Ok(json!({ "accepted": true }))
        }
        Ask::WhyTrade { instance, trade, steps } => life(&instance, tag(trade)?, steps, journal).await,
        Ask::Status {}
        | Ask::Views {}
        | Ask::Stats {}
        | Ask::Why { .. }
        | Ask::Start { .. }
        | Ask::Stop { .. }
        | Ask::Reset { .. }
        | Ask::ConfirmClosure { .. }
        | Ask::CredentialsChanged { .. }
        | Ask::Drain {} => unreachable!("the desk answers these itself"),
    }
}

/// A report for programs and for people.
fn report(report: &Report) -> Value {
    let shown: Value = serde_json::from_str(&report.to_json()).expect("a report's own JSON is JSON");
    json!({ "report": shown, "text": report.to_string() })
}

fn halted(done: Result<Vec<InstanceId>, HaltError>) -> Result<Value, Refusal> {
    value(json!({ "instances": done? }))
}

async fn life(
    instance: &InstanceId,
    trade: Magic,
    steps: u32,
    journal: &dyn Journal,
) -> Result<Value, Refusal> {
    let steps = steps.clamp(1, Desk::MOST_STEPS);
    let rows = journal.trade_history(instance, trade, steps).await.map_err(|fault| failed(&fault))?;
    let life = life_of(trade, &rows).map_err(|fault| failed(&fault))?;
    let life = life.ok_or_else(|| {
        let tag = trade.number();
        let text = format!("the journal holds no trade {tag} of {instance}; check tag and instance");
        Refusal::new(RefusalKind::NotFound, text)
    })?;
    let text = life.to_string();
    Ok(json!({ "life": value(life)?, "text": text }))
}

fn scope(instance: Option<InstanceId>, group: Option<String>, all: bool) -> Result<Scope, Refusal> {
    let malformed = |text: String| Refusal::new(RefusalKind::Malformed, text);
    match (instance, group, all) {
        (Some(instance), None, false) => Ok(Scope::Instance(instance)),
        (None, Some(group), false) => {
            Group::new(&group).map(Scope::Group).map_err(|fault| malformed(fault.to_string()))
        }
        (None, None, true) => Ok(Scope::All),
        _ => Err(malformed("does not say whose; give exactly one of instance, group and all".to_owned())),
    }
}

fn tag(number: u64) -> Result<Magic, Refusal> {
    Magic::from_number(number).map_err(|_| {
        let text = format!("{number} is no tag; see the list of trades");
        Refusal::new(RefusalKind::Malformed, text)
    })
}

fn failed(fault: &dyn std::error::Error) -> Refusal {
    Refusal::new(RefusalKind::Failed, error_chain(fault))
}

impl From<SignalError> for Refusal {
    fn from(fault: SignalError) -> Self {
        let kind = match &fault {
            SignalError::Faulty(_) => RefusalKind::Malformed,
            SignalError::Nobody(_) => RefusalKind::UnknownInstance,
            SignalError::Ended => RefusalKind::Ending,
        };
        Self::new(kind, fault.to_string())
    }
}

impl From<HaltError> for Refusal {
    fn from(fault: HaltError) -> Self {
        let kind = match &fault {
            HaltError::Nobody(_) => RefusalKind::UnknownInstance,
            HaltError::Elsewhere { .. } => RefusalKind::Forbidden,
            HaltError::Ended => RefusalKind::Ending,
        };
        Self::new(kind, fault.to_string())
    }
}

impl From<DecideError> for Refusal {
    fn from(fault: DecideError) -> Self {
        let kind = match &fault {
            DecideError::Unknown(_) => RefusalKind::UnknownInstance,
            DecideError::NoTrade(_) => RefusalKind::NotFound,
            DecideError::Elsewhere(_) | DecideError::NotSuspect(_) => RefusalKind::Forbidden,
            DecideError::Ended => RefusalKind::Ending,
        };
        Self::new(kind, fault.to_string())
    }
}
