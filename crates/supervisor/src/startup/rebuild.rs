//! What only the history knows (ACC-6).
//!
//! All instances that neither the journal nor the hot-state store knows are asked for at once, for as long as
//! `account.corrupted.rebuild_within` says (5 s): a new instance costs its part of one question. A history that cannot
//! answer now is asked again meanwhile: what took journal and hot state may have taken its server down too. Leases that
//! run out while it is waited for are taken again, unless another supervisor has them.
//!
//! What it knows is the newest step that was exported. Counters, deadlines and incidents go on from there, under the
//! versions that follow; what came after it is found out by the session confirmation (SES-1), as after every start.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{error, warn};
use warden_domain::{Epoch, InstanceId, OpId, Span, Version};
use warden_policy::{DecodeError, decode_step};
use warden_store::{History, HistoryError, history::InstanceEvent};

use super::{Hot, Journalled};

/// How long to wait before a history that did not answer is asked again.
const AGAIN: Duration = Duration::from_millis(250);

/// Puts what the history knows in the place of what journal and hot state have lost.
pub(super) async fn fill_in(
    history: &dyn History,
    within: Span,
    ids: &[InstanceId],
    epochs: &[Epoch],
    journalled: &mut [Option<Journalled>],
    stored: &[Hot],
) {
    let lost: Vec<usize> =
        (0..ids.len()).filter(|index| journalled[*index].is_none() && stored[*index].is_lost()).collect();
    if lost.is_empty() {
        return;
    }
    let asked: Vec<InstanceId> = lost.iter().map(|index| ids[*index].clone()).collect();
    let events = match ask(history, within, &asked).await {
        Ok(events) => events,
        Err(fault) => return unanswered(&fault, &asked),
    };
    let mut rebuilt = 0_u64;
    for (index, event) in lost.into_iter().zip(events) {
        journalled[index] = event.and_then(|event| read(&event, epochs[index]));
        rebuilt += u64::from(journalled[index].is_some());
    }
    if rebuilt > 0 {
        warn!(
            instances = rebuilt,
            rule = "ACC-6",
            "journal and hot state are gone; the instances go on from what the history has of them"
        );
    }
}

async fn ask(
    history: &dyn History,
    within: Span,
    asked: &[InstanceId],
) -> Result<Vec<Option<InstanceEvent>>, HistoryError> {
    let mut last = HistoryError::Unreachable(format!("nothing was heard for {within}"));
    let answer = timeout(within.into(), async {
        loop {
            match history.latest(asked).await {
                Err(fault @ (HistoryError::Unreachable(_) | HistoryError::Refused(_))) => last = fault,
                answer @ (Ok(_) | Err(HistoryError::Schema(_) | HistoryError::Denied(_))) => return answer,
            }
            sleep(AGAIN).await;
        }
    })
    .await;
    answer.unwrap_or(Err(last))
}

fn unanswered(fault: &HistoryError, asked: &[InstanceId]) {
    const NAMED: usize = 20;
    let names: Vec<&str> = asked.iter().take(NAMED).map(InstanceId::as_str).collect();
    error!(
        %fault,
        instances = asked.len(),
        first = names.join(" "),
        rule = "ACC-6",
        "neither journal nor hot state knows these instances, and the history does not say what they were; they start as \
         new ones: where they were not, their counters, deadlines and incidents are lost"
    );
}

/// The step as the journal had it; `None` when it cannot be read.
fn read(event: &InstanceEvent, epoch: Epoch) -> Option<Journalled> {
    let instance = &event.origin.instance;
    if event.epoch >= epoch.0 {
        error!(%instance, history = event.epoch, ours = %epoch, "the accounts store has lost owner epochs: restore it, or gateways refuse this supervisor");
    }
    let lost = |fault: &DecodeError| {
        error!(%instance, %fault, seq = event.origin.seq, rule = "ACC-6", "journal and hot state are gone, and the newest step in the history cannot be read; the instance starts as a new one, and its counters, deadlines and incidents are lost");
    };
    Some(Journalled {
        state: decode_step(&event.payload).inspect_err(lost).ok()?.state,
        epoch: Epoch(event.epoch),
        version: Version(event.version),
        op: OpId(event.op),
        at: event.origin.at,
        rebuilt: true,
    })
}
