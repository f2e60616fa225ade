//! Carrying effects out, after they are durable.

use std::sync::atomic::Ordering;

use tracing::{debug, warn};
use warden_bridge::{Command as Ordered, CommandId as Number, Envelope};
use warden_domain::{Alert, Facts, Rule, Timestamp};
use warden_policy::{Command, CommandId, Effect, Event, Notice, Outcome, StoreAction};

use super::{Shard, Shared, work::Work};

impl Shard {
    pub(super) async fn act(&mut self, index: u32, rule: Rule, effect: Effect, now: Timestamp) {
        let slot = &self.slots[index as usize];
        if !slot.is_ours() {
            return;
        }
        match effect {
            Effect::Command { id, command, deadline } => self.command(index, id, command, deadline),
            Effect::Notify(notice) => {
                self.shared.notified();
                warn!(instance = %slot.id, %rule, "{}", notice.text());
                if notice == Notice::CredentialsDeleted {
                    self.shared.meters.announce(Alert::CredentialsDeleted, &slot.id);
                }
            }
            Effect::Store(StoreAction::Rebuild) => self.rebuild(index, now).await,
            Effect::Store(StoreAction::RetryWrite) => self.retry_write(index, now).await,
            Effect::Store(
                action @ (StoreAction::RememberRejected
                | StoreAction::ForgetRejected
                | StoreAction::Revoke
                | StoreAction::RemoveHotState
                | StoreAction::DeleteCredentials),
            ) => self.begin_work(index, Work::Action(action)),
        }
    }

    fn command(&mut self, index: u32, id: CommandId, command: Command, deadline: Timestamp) {
        let slot = &mut self.slots[index as usize];
        debug!(instance = %slot.id, ?command, id = id.0, "command");
        // A login whose credentials are still being fetched is overtaken by whatever is commanded after it.
        slot.login_asked = None;
        let command = match command {
            Command::Login => {
                slot.login_asked = Some(id);
                return self.begin_work(index, Work::Credentials { id, deadline });
            }
            Command::Reconnect => Ordered::Reconnect,
            Command::Restart { force } => Ordered::Restart { force },
            Command::Confirm => Ordered::Confirm,
            Command::CloseTrades(mode) => {
                Ordered::CloseTrades { mode, installation: self.shared.options.installation }
            }
            Command::EndSession => Ordered::EndSession,
        };
        let (instance, epoch) = (slot.id.clone(), slot.epoch);
        self.hand_over(index, Envelope { instance, epoch, id: Number(id.0), deadline, command });
    }

    /// Hands a command over; the policy hears of one that no gateway took, and says when it is tried again.
    pub(super) fn hand_over(&mut self, index: u32, envelope: Envelope) {
        let id = CommandId(envelope.id.0);
        if !self.shared.send(envelope) {
            let outcome = Outcome::NotStarted;
            self.follow_up(index, Event::Finished { id, outcome, facts: Facts::default() });
        }
    }
}

impl Shared {
    /// Answers whether a gateway took the command.
    pub(super) fn send(&self, envelope: Envelope) -> bool {
        let counter = self.meters.commands(&envelope.command);
        match self.bridge.send(envelope) {
            Ok(()) => {
                self.stats.commands.fetch_add(1, Ordering::Relaxed);
                counter.add(1);
                true
            }
            Err(fault) => {
                debug!(%fault, "command not taken");
                self.meters.refused_commands.add(1);
                false
            }
        }
    }

    /// People were told something.
    pub(super) fn notified(&self) {
        self.stats.notifications.fetch_add(1, Ordering::Relaxed);
        self.meters.notifications.add(1);
    }
}
