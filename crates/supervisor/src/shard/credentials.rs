//! Credentials for the logins of one turn, fetched with as few calls as possible (LOG-1).

use tracing::debug;
use warden_bridge::{Command as Ordered, CommandId as Number, Envelope, message::Secret};
use warden_domain::{Facts, InstanceId, Timestamp};
use warden_policy::{CommandId, Event, Outcome, Phase};
use warden_store::{Account, AccountsError};

use super::{Shard, Shared, work::Worked};

/// Accounts fetched in one call at most.
const TOGETHER: usize = 500;

/// A login that waits for its credentials.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch {
    pub(super) index: u32,
    pub(super) id: CommandId,
    pub(super) deadline: Timestamp,
}

impl Shard {
    /// Begins to fetch what the logins of this turn need. One call that takes its time holds up nobody but its own
    /// logins, and these no longer than the last of them may start.
    pub(super) fn fetch_credentials(&mut self) {
        for part in self.fetches.chunks(TOGETHER) {
            let ids: Vec<InstanceId> =
                part.iter().map(|fetch| self.slots[fetch.index as usize].id.clone()).collect();
            let (shared, part) = (self.shared.clone(), part.to_vec());
            self.tasks.spawn(async move { fetched(&shared, &ids, part).await });
        }
        self.fetches.clear();
    }

    /// Sends a login with its credentials, which are dropped with it, unless it is not wanted any more.
    pub(super) fn log_in(
        &mut self,
        index: u32,
        id: CommandId,
        deadline: Timestamp,
        found: Result<Account, AccountsError>,
    ) {
        let slot = &mut self.slots[index as usize];
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
                // An account that was destroyed and given new credentials has a login again (ACC-1).
                slot.login.get_or_insert(account.login);
                let password = Secret::new(account.password.reveal().to_owned());
                let command = Ordered::Login { login: account.login, server: account.server, password };
                let (instance, epoch) = (slot.id.clone(), slot.epoch);
                self.hand_over(index, Envelope { instance, epoch, id: Number(id.0), deadline, command });
                return;
            }
            Err(
                fault @ (AccountsError::Missing(_)
                | AccountsError::Revoked(_)
                | AccountsError::Fenced(_)
                | AccountsError::Undecipherable { .. }),
            ) => (Outcome::NoCredentials, fault.to_string()),
            Err(fault @ AccountsError::Unreachable(_)) => {
                (Outcome::CredentialsUnavailable, fault.to_string())
            }
        };
        let event = Event::Finished { id, outcome, facts: Facts::default() };
        self.follow_ups.push_back((index, event, detail));
    }
}

async fn fetched(shared: &Shared, ids: &[InstanceId], wanted: Vec<Fetch>) -> Vec<(u32, Worked)> {
    let last = wanted.iter().map(|fetch| fetch.deadline).max().unwrap_or_else(|| shared.clock.now());
    let asked = tokio::time::timeout(shared.clock.until(last), shared.accounts.accounts(ids));
    let answer = asked.await.unwrap_or_else(|_| Err(AccountsError::Unreachable("no answer in time".into())));
    let (mut found, why) = match answer {
        Ok(found) => (found.into_iter(), "it answered for fewer accounts than asked".to_owned()),
        Err(AccountsError::Unreachable(why)) => (Vec::new().into_iter(), why),
        Err(
            fault @ (AccountsError::Missing(_)
            | AccountsError::Revoked(_)
            | AccountsError::Fenced(_)
            | AccountsError::Undecipherable { .. }),
        ) => (Vec::new().into_iter(), fault.to_string()),
    };
    wanted
        .into_iter()
        .map(|Fetch { index, id, deadline }| {
            let found = found.next().unwrap_or_else(|| Err(AccountsError::Unreachable(why.clone())));
            (index, Worked::Credentials { id, deadline, found })
        })
        .collect()
}
