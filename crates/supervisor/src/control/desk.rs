use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering};

use serde::Serialize;
use serde_json::{Value, json};
use warden_domain::{InstanceId, Status, StopMode, Timestamp, error_chain};
use warden_store::Journal;

use super::{Ask, Refusal, RefusalKind, trades};
use crate::{Clock, Fleet, Stats, Wish, WishError, why};

/// Answers questions about a fleet.
pub struct Desk {
    /// What the supervisor is.
    pub about: About,
    /// Its journal, for explanations.
    pub journal: Arc<dyn Journal>,
    /// The clock of its deadlines.
    pub clock: Arc<dyn Clock>,
    /// What a stop does with open trades when it does not say (`policy.account.stop.mode`).
    pub stop: StopMode,
}

/// What a supervisor says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    /// Its name, `supervisor.name`.
    pub name: String,
    /// The release of the program.
    pub release: &'static str,
    /// The process.
    pub pid: u32,
    /// Where gateways dial in; empty when they cannot.
    pub gateways: String,
    /// Since when it runs.
    pub since: Timestamp,
}

impl Desk {
    /// The usual number of steps in an explanation is bounded by this.
    pub(super) const MOST_STEPS: u32 = 1_000;

    /// Answers a question. `drain` is only acknowledged: ending the fleet is its owner's part.
    ///
    /// # Errors
    /// When there is no such instance, a rule forbids it, or the journal cannot be read.
    pub async fn answer(&self, ask: Ask, fleet: &Fleet) -> Result<Value, Refusal> {
        match ask {
            Ask::Status {} => self.status(fleet).await,
            Ask::Views {} => value(fleet.views().await),
            Ask::Stats {} => Ok(stats(fleet.stats())),
            Ask::Why { instance, steps } => self.why(&instance, steps, fleet).await,
            Ask::Start { instance } => wish(fleet, &instance, Wish::Start).await,
            Ask::Stop { instance, mode } => {
                wish(fleet, &instance, Wish::Stop(mode.unwrap_or(self.stop))).await
            }
            Ask::Reset { instance } => wish(fleet, &instance, Wish::Reset).await,
            Ask::ConfirmClosure { instance } => wish(fleet, &instance, Wish::ConfirmClosure).await,
            Ask::CredentialsChanged { instance } => wish(fleet, &instance, Wish::CredentialsChanged).await,
            ask @ (Ask::Signal { .. }
            | Ask::Report { .. }
            | Ask::Trades { .. }
            | Ask::Halt { .. }
            | Ask::Resume { .. }
            | Ask::Decide { .. }
            | Ask::WhyTrade { .. }) => trades::answer(ask, fleet, self.journal.as_ref()).await,
            Ask::Drain {} => Ok(json!({ "draining": true })),
        }
    }

    async fn status(&self, fleet: &Fleet) -> Result<Value, Refusal> {
        let views = fleet.views().await;
        let mut by_status: BTreeMap<Status, u64> = BTreeMap::new();
        for view in &views {
            *by_status.entry(view.status).or_default() += 1;
        }
        value(json!({
            "about": self.about,
            "now": self.clock.now(),
            "instances": views.len(),
            "by_status": by_status,
            "open_incidents": views.iter().map(|view| view.incidents.len()).sum::<usize>(),
            "journal_seq": self.journal.head().seq,
            "hot_backlog": fleet.stats().hot_backlog.load(Ordering::Relaxed),
        }))
    }

    async fn why(&self, instance: &InstanceId, steps: u32, fleet: &Fleet) -> Result<Value, Refusal> {
        let failed = |fault: &dyn std::error::Error| Refusal::new(RefusalKind::Failed, error_chain(fault));
        let steps = steps.clamp(1, Self::MOST_STEPS);
        let rows = self
            .journal
            .history(instance, self.journal.head().seq + 1, steps)
            .await
            .map_err(|e| failed(&e))?;
        let Some(explanation) = why::explain(&rows, self.clock.now()).map_err(|fault| failed(&fault))? else {
            return Err(self.unexplained(instance, fleet).await);
        };
        let text = explanation.to_string();
        Ok(json!({ "explanation": value(explanation)?, "text": text }))
    }

    async fn unexplained(&self, instance: &InstanceId, fleet: &Fleet) -> Refusal {
        if fleet.views().await.iter().any(|view| view.instance == *instance) {
            let text = format!("nothing happened to {instance} yet; there is nothing to explain");
            return Refusal::new(RefusalKind::Forbidden, text);
        }
        WishError::Unknown(instance.clone()).into()
    }
}

async fn wish(fleet: &Fleet, instance: &InstanceId, wish: Wish) -> Result<Value, Refusal> {
    fleet.wish(instance, wish).await?;
    Ok(json!({ "accepted": true }))
}

impl From<WishError> for Refusal {
    fn from(fault: WishError) -> Self {
        let kind = match &fault {
            WishError::Unknown(_) => RefusalKind::UnknownInstance,
            WishError::Refused(_) | WishError::Elsewhere(_) => RefusalKind::Forbidden,
            WishError::Ended => RefusalKind::Ending,
        };
        Self::new(kind, fault.to_string())
    }
}

pub(super) fn value(answer: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|fault| Refusal::new(RefusalKind::Failed, fault.to_string()))
}

fn stats(stats: &Stats) -> Value {
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    json!({
        "events": read(&stats.events),
        "transitions": read(&stats.transitions),
        "commits": read(&stats.commits),
        "commit_failures": read(&stats.commit_failures),
        "hot_writes": read(&stats.hot_writes),
        "hot_backlog": read(&stats.hot_backlog),
        "commands": read(&stats.commands),
        "notifications": read(&stats.notifications),
        "strangers": read(&stats.strangers),
        "fenced": read(&stats.fenced),
        "broker_incidents": read(&stats.broker_incidents),
        "incidents_opened": stats.incidents_opened(),
        "incidents_recovered": stats.incidents_recovered(),
    })
}
