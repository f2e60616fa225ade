//! Carrying effects out, after they are durable.

use std::{sync::atomic::Ordering, time::Duration};

use tracing::{debug, warn};
use warden_bridge::{Command as Ordered, CommandId as Number, Envelope, message::Secret};
use warden_domain::{Facts, Rule, Timestamp};
use warden_policy::{Command, CommandId, Effect, Event, Outcome, StoreAction};
use warden_store::{AccountsError, Pending};

use super::{Internal, Shard, Shared};

/// How long a command that no gateway took waits before the policy hears of it.
const NOT_TAKEN: Duration = Duration::from_millis(200);

impl Shard {
    pub(super) async fn act(&mut self, index: u32, rule: Rule, effect: Effect, now: Timestamp) {
        let slot = &self.slots[index as usize];
        if !slot.is_ours() {
            return;
        }
        match effect {
            Effect::Command { id, command, deadline } => self.command(index, id, command, deadline),
            Effect::Notify(notice) => {
                self.shared.stats.notifications.fetch_add(1, Ordering::Relaxed);
                warn!(instance = %slot.id, %rule, "{}", notice.text());
            }
            Effect::Store(StoreAction::Rebuild) => self.rebuild(index, now).await,
            Effect::Store(StoreAction::RetryWrite) => self.retry_write(index, now).await,
            Effect::Store(
                action @ (StoreAction::RememberRejected
                | StoreAction::ForgetRejected
                | StoreAction::Revoke
                | StoreAction::RemoveHotState
                | StoreAction::DeleteCredentials),
            ) => self.store_action(index, action),
        }
    }

    fn command(&self, index: u32, id: CommandId, command: Command, deadline: Timestamp) {
        let slot = &self.slots[index as usize];
        debug!(instance = %slot.id, ?command, id = id.0, "command");
        let envelope = |command| Envelope {
            instance: slot.id.clone(),
            epoch: slot.epoch,
            id: Number(id.0),
            deadline,
            command,
        };
        let ordered = match command {
            Command::Reconnect => Ordered::Reconnect,
            Command::Restart { force } => Ordered::Restart { force },
            Command::Confirm => Ordered::Confirm,
            Command::CloseTrades(mode) => Ordered::CloseTrades(mode),
            Command::EndSession => Ordered::EndSession,
            Command::Login => {
                // The credentials are fetched for this one login and dropped with it (LOG-1).
                tokio::spawn(login(
                    self.shared.clone(),
                    self.to_self.clone(),
                    index,
                    envelope(Ordered::Confirm),
                ));
                return;
            }
        };
        let envelope = envelope(ordered);
        if !self.shared.send(envelope) {
            tokio::spawn(not_taken(self.to_self.clone(), index, id));
        }
    }

    fn store_action(&self, index: u32, action: StoreAction) {
        let slot = &self.slots[index as usize];
        let (id, epoch) = (slot.id.clone(), slot.epoch);
        let (shared, to_self) = (self.shared.clone(), self.to_self.clone());
        tokio::spawn(async move {
            let accounts = &shared.accounts;
            let done: Pending<'_, Result<(), AccountsError>> = match action {
                StoreAction::RememberRejected => accounts.remember_rejected(&id),
                StoreAction::ForgetRejected => accounts.forget_rejected(&id),
                StoreAction::Revoke => accounts.revoke(&id, epoch),
                StoreAction::DeleteCredentials => accounts.delete(&id, epoch),
                StoreAction::RemoveHotState | StoreAction::Rebuild | StoreAction::RetryWrite => {
                    let removed = shared.hot.remove(&id, epoch);
                    Box::pin(async move {
                        removed.await.map_err(|fault| AccountsError::Unreachable(fault.to_string()))?;
                        Ok(())
                    })
                }
            };
            let done = done.await;
            if let Err(fault) = &done {
                warn!(instance = %id, ?action, %fault, "a store action failed; it is tried again where a rule says so");
            }
            let event = Event::StoreDone(action, done.is_ok());
            let _ = to_self.send(Internal::Event { index, event, detail: String::new() }).await;
        });
    }
}

impl Shared {
    /// Hands a command over; answers whether a gateway took it.
    fn send(&self, envelope: Envelope) -> bool {
        match self.bridge.send(envelope) {
            Ok(()) => {
                self.stats.commands.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(fault) => {
                debug!(%fault, "command not taken");
                false
            }
        }
    }
}

async fn not_taken(to_self: tokio::sync::mpsc::Sender<Internal>, index: u32, id: CommandId) {
    tokio::time::sleep(NOT_TAKEN).await;
    let event = Event::Finished { id, outcome: Outcome::NotStarted, facts: Facts::default() };
    // A shard that has ended needs no answer.
    let _ = to_self.send(Internal::Event { index, event, detail: String::new() }).await;
}

/// Fetches the credentials and sends the login; `envelope` lacks only the command.
async fn login(shared: Shared, to_self: tokio::sync::mpsc::Sender<Internal>, index: u32, envelope: Envelope) {
    let id = CommandId(envelope.id.0);
    let (outcome, detail) = match shared.accounts.account(&envelope.instance).await {
        Ok(account) if account.rejected => {
            (Outcome::NoCredentials, "exactly these credentials were refused before".to_owned())
        }
        Ok(account) => {
            let password = Secret::new(account.password.reveal().to_owned());
            let command = Ordered::Login { login: account.login, server: account.server, password };
            if shared.send(Envelope { command, ..envelope }) {
                return;
            }
            return not_taken(to_self, index, id).await;
        }
        Err(fault @ (AccountsError::Missing(_) | AccountsError::Revoked(_) | AccountsError::Fenced(_))) => {
            (Outcome::NoCredentials, fault.to_string())
        }
        Err(fault @ AccountsError::Unreachable(_)) => (Outcome::CredentialsUnavailable, fault.to_string()),
    };
    let event = Event::Finished { id, outcome, facts: Facts::default() };
    let _ = to_self.send(Internal::Event { index, event, detail }).await;
}
