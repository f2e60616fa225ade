//! What is done at a store for one instance while the shard goes on: one thing after the other, in the order decided.

use std::collections::{VecDeque, hash_map::Entry};

use tokio::task::JoinError;
use tracing::{debug, warn};
use warden_bridge::{Command as Ordered, CommandId as Number, Envelope, message::Secret};
use warden_domain::{Epoch, Facts, InstanceId, Timestamp};
use warden_policy::{CommandId, Event, Outcome, Phase, StoreAction};
use warden_store::{Account, AccountsError, HotError};

use super::{Shard, Shared};

/// Something to be done at a store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// Fetch the credentials for this login (LOG-1).
    Credentials { id: CommandId, deadline: Timestamp },
    /// A store action of the policy.
    Action(StoreAction),
}

/// How it ended.
pub(super) enum Worked {
    Credentials { id: CommandId, deadline: Timestamp, found: Result<Account, AccountsError> },
    Action(StoreAction, Done),
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
        self.tasks.spawn(async move { (index, work.carry_out(&shared, &id, epoch).await) });
    }

    /// Something ended: what waited for it begins, and the policy hears of it.
    pub(super) fn worked(&mut self, index: u32, worked: Worked) {
        let ours = self.slots[index as usize].is_ours();
        match self.working.get_mut(&index).and_then(VecDeque::pop_front) {
            Some(next) if ours => self.spawn(index, next),
            Some(_) | None => {
                self.working.remove(&index);
            }
        }
        match worked {
            Worked::Credentials { id, deadline, found } => self.log_in(index, id, deadline, found),
            Worked::Action(action, Done::Yes) => self.follow_up(index, Event::StoreDone(action, true)),
            Worked::Action(_, Done::Fenced) => self.let_go(index),
            Worked::Action(action, Done::No(why)) => {
                let instance = &self.slots[index as usize].id;
                warn!(%instance, ?action, why, "a store action failed; it is tried again where a rule says so");
                self.follow_up(index, Event::StoreDone(action, false));
            }
        }
    }

    /// Sends a login with its credentials, which are dropped with it, unless it is not wanted any more.
    fn log_in(
        &mut self,
        index: u32,
        id: CommandId,
        deadline: Timestamp,
        found: Result<Account, AccountsError>,
    ) {
        let slot = &self.slots[index as usize];
        let wanted = slot.login_asked == Some(id) && slot.state.phase() == Phase::LoggingIn;
        if !slot.is_ours() || !wanted {
            debug!(instance = %slot.id, id = id.0, "a login is not wanted any more");
            return;
        }
        let (outcome, detail) = match found {
            Ok(account) if account.rejected => {
                (Outcome::NoCredentials, "exactly these credentials were refused before".to_owned())
            }
            Ok(account) => {
                let password = Secret::new(account.password.reveal().to_owned());
                let command = Ordered::Login { login: account.login, server: account.server, password };
                let (instance, epoch) = (slot.id.clone(), slot.epoch);
                self.hand_over(index, Envelope { instance, epoch, id: Number(id.0), deadline, command });
                return;
            }
            Err(
                fault @ (AccountsError::Missing(_)
                | AccountsError::Revoked(_)
                | AccountsError::Undecipherable { .. }
                | AccountsError::Fenced(_)),
            ) => (Outcome::NoCredentials, fault.to_string()),
            Err(fault @ AccountsError::Unreachable(_)) => {
                (Outcome::CredentialsUnavailable, fault.to_string())
            }
        };
        let event = Event::Finished { id, outcome, facts: Facts::default() };
        self.follow_ups.push_back((index, event, detail));
    }
}

impl Work {
    async fn carry_out(self, shared: &Shared, instance: &InstanceId, epoch: Epoch) -> Worked {
        match self {
            Self::Credentials { id, deadline } => {
                Worked::Credentials { id, deadline, found: shared.accounts.account(instance).await }
            }
            Self::Action(action) => {
                let accounts = &shared.accounts;
                let done = match action {
                    StoreAction::RememberRejected => accounts.remember_rejected(instance).await.into(),
                    StoreAction::ForgetRejected => accounts.forget_rejected(instance).await.into(),
                    StoreAction::Revoke => accounts.revoke(instance, epoch).await.into(),
                    StoreAction::DeleteCredentials => accounts.delete(instance, epoch).await.into(),
                    StoreAction::RemoveHotState => shared.hot.remove(instance, epoch).await.into(),
                    StoreAction::Rebuild | StoreAction::RetryWrite => Done::Yes,
                };
                Worked::Action(action, done)
            }
        }
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
                | AccountsError::Undecipherable { .. }
                | AccountsError::Unreachable(_)),
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
pub(super) fn ended(task: Result<(u32, Worked), JoinError>) -> (u32, Worked) {
    task.unwrap_or_else(|fault| std::panic::resume_unwind(fault.into_panic()))
}
