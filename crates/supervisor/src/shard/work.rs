//! What is done at a store for one instance while the shard goes on: one thing after the other, in the order decided.

use std::collections::{VecDeque, hash_map::Entry};

use tokio::task::JoinError;
use tracing::warn;
use warden_domain::{Epoch, InstanceId, Timestamp};
use warden_policy::{CommandId, Event, StoreAction};
use warden_store::{Absorbed, Account, AccountsError, HotError};

use super::{Shard, Shared, credentials::Fetch};

/// Something to be done at a store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// Fetch the credentials for this login (LOG-1).
    Credentials { id: CommandId, deadline: Timestamp },
    /// A store action of the policy.
    Action(StoreAction),
    /// Tell the accounts store of the state that only a person ends, as it is when its turn comes.
    Absorb,
}

/// How it ended.
pub(super) enum Worked {
    Credentials {
        id: CommandId,
        deadline: Timestamp,
        found: Result<Account, AccountsError>,
    },
    Action(StoreAction, Done),
    Absorb(Option<Absorbed>, Done),
    /// It is time to try to tell again; nothing was under way meanwhile.
    AbsorbAgain,
}

/// How a store action ended.
pub(super) enum Done {
    Yes,
    /// A higher epoch owns the instance.
    Fenced,
    /// In words, why not.
    No(String),
}

impl Shard {
    /// Begins it, or lets it wait for what is under way for the instance.
    pub(super) fn begin_work(&mut self, index: u32, work: Work) {
        match self.working.entry(index) {
            Entry::Occupied(mut waiting) => waiting.get_mut().push_back(work),
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                self.spawn(index, work);
            }
        }
    }

    fn spawn(&mut self, index: u32, work: Work) {
        let slot = &self.slots[index as usize];
        let (shared, id, epoch) = (self.shared.clone(), slot.id.clone(), slot.epoch);
        match work {
            Work::Credentials { id, deadline } => self.fetches.push(Fetch { index, id, deadline }),
            Work::Action(action) => {
                self.tasks.spawn(async move {
                    let done = carry_out(action, &shared, &id, epoch).await;
                    vec![(index, Worked::Action(action, done))]
                });
            }
            Work::Absorb => {
                let told = slot.ending.told();
                self.tasks.spawn(async move {
                    vec![(index, Worked::Absorb(told, absorb(&shared, &id, epoch, told).await))]
                });
            }
        }
    }

    /// Something ended: what waited for it begins, and who is concerned hears of it.
    pub(super) fn worked(&mut self, index: u32, worked: Worked) {
        if !matches!(worked, Worked::AbsorbAgain) {
            self.begin_next(index);
        }
        match worked {
            Worked::Credentials { id, deadline, found } => self.log_in(index, id, deadline, found),
            Worked::Absorb(told, done) => self.recorded(index, told, done),
            Worked::Action(action, Done::Yes) => self.follow_up(index, Event::StoreDone(action, true)),
            Worked::Action(_, Done::Fenced) => self.let_go(index),
            Worked::Action(action, Done::No(why)) => {
                let instance = &self.slots[index as usize].id;
                warn!(%instance, ?action, why, "a store action failed; it is tried again where a rule says so");
                self.follow_up(index, Event::StoreDone(action, false));
            }
            Worked::AbsorbAgain => {
                if self.slots[index as usize].is_ours() {
                    self.begin_work(index, Work::Absorb);
                }
            }
        }
    }

    /// Begins what waited for the end of what was under way for the instance.
    fn begin_next(&mut self, index: u32) {
        let ours = self.slots[index as usize].is_ours();
        match self.working.get_mut(&index).and_then(VecDeque::pop_front) {
            Some(next) if ours => self.spawn(index, next),
            Some(_) | None => {
                self.working.remove(&index);
            }
        }
    }
}

/// Other work of the instance waits behind it: an answer that does not come in time counts as none.
async fn absorb(shared: &Shared, instance: &InstanceId, epoch: Epoch, told: Option<Absorbed>) -> Done {
    let in_time = shared.clock.now().after(shared.params.closure.retry_after);
    let recorded = shared.accounts.absorb(instance, epoch, told);
    match tokio::time::timeout(shared.clock.until(in_time), recorded).await {
        Ok(recorded) => recorded.into(),
        Err(_) => Done::No("no answer in time".to_owned()),
    }
}

async fn carry_out(action: StoreAction, shared: &Shared, instance: &InstanceId, epoch: Epoch) -> Done {
    let accounts = &shared.accounts;
    match action {
        StoreAction::RememberRejected => accounts.remember_rejected(instance).await.into(),
        StoreAction::ForgetRejected => accounts.forget_rejected(instance).await.into(),
        StoreAction::Revoke => accounts.revoke(instance, epoch).await.into(),
        StoreAction::DeleteCredentials => accounts.delete(instance, epoch).await.into(),
        StoreAction::RemoveHotState => shared.hot.remove(instance, epoch).await.into(),
        StoreAction::Rebuild | StoreAction::RetryWrite => Done::Yes,
    }
}

impl From<Result<(), AccountsError>> for Done {
    fn from(done: Result<(), AccountsError>) -> Self {
        match done {
            Ok(()) => Self::Yes,
            Err(AccountsError::Fenced(_)) => Self::Fenced,
            Err(
                fault @ (AccountsError::Missing(_)
                | AccountsError::Revoked(_)
                | AccountsError::Unreachable(_)
                | AccountsError::Undecipherable { .. }),
            ) => Self::No(fault.to_string()),
        }
    }
}

impl From<Result<bool, HotError>> for Done {
    fn from(removed: Result<bool, HotError>) -> Self {
        match removed {
            Ok(true) => Self::Yes,
            Ok(false) => Self::Fenced,
            Err(fault) => Self::No(fault.to_string()),
        }
    }
}

/// What a task answered. One that panicked is our bug, and ends the shard.
pub(super) fn ended(task: Result<Vec<(u32, Worked)>, JoinError>) -> Vec<(u32, Worked)> {
    task.unwrap_or_else(|fault| std::panic::resume_unwind(fault.into_panic()))
}
