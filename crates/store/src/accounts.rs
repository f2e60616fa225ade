use std::fmt;

use secrecy::{ExposeSecret, SecretBox};
use thiserror::Error;
use warden_domain::{Desired, Epoch, FailureReason, InstanceId, Login, Timestamp, TradeServer};

use crate::Pending;

/// Accounts, credentials and owner epochs: the authority for who may be logged in and who owns an instance.
pub trait Accounts: Send + Sync {
    /// Fetches an account with its decrypted password, for one login (LOG-1).
    ///
    /// # Errors
    /// When there is no such account, its credentials were revoked, or the store did not answer.
    fn account(&self, instance: &InstanceId) -> Pending<'_, Result<Account, AccountsError>> {
        let instance = [instance.clone()];
        Box::pin(async move {
            let found = self.accounts(&instance).await?.pop();
            let [instance] = instance;
            found.unwrap_or(Err(AccountsError::Missing(instance)))
        })
    }

    /// Fetches many accounts at once, each with its decrypted password, for logins that start together; one answer an
    /// instance, in the order asked.
    ///
    /// # Errors
    /// When the store did not answer; what concerns one instance is its own answer.
    fn accounts<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Result<Account, AccountsError>>, AccountsError>>;

    /// Every instance that is registered, those whose account was destroyed included, in the order of their ids; no
    /// password is touched.
    ///
    /// # Errors
    /// When the store did not answer.
    fn registered(&self) -> Pending<'_, Result<Vec<Registered>, AccountsError>>;

    /// Records that an instance has come to rest until a person acts, or with `None` that it has not any more. What it
    /// replaces is forgotten; [`Absorbed::Closed`] is never replaced. Harmless when repeated, and when the instance is
    /// not registered.
    ///
    /// # Errors
    /// When the store did not answer, or a higher epoch owns the instance.
    fn absorb<'a>(
        &'a self,
        instance: &'a InstanceId,
        epoch: Epoch,
        state: Option<Absorbed>,
    ) -> Pending<'a, Result<(), AccountsError>>;

    /// Raises the owner epoch of each instance by one and answers the new ones.
    ///
    /// # Errors
    /// When the store did not answer.
    fn raise_epochs<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Epoch>, AccountsError>>;

    /// Remembers that the broker refused the present credentials, as a keyed hash (LOG-9).
    ///
    /// # Errors
    /// When the store did not answer.
    fn remember_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>>;

    /// Forgets remembered refusals: a person asked to try again (LOG-7).
    ///
    /// # Errors
    /// When the store did not answer.
    fn forget_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>>;

    /// Makes the credentials unusable at once, before they are deleted (ACC-3). Harmless when repeated.
    ///
    /// # Errors
    /// When the store did not answer, or a higher epoch owns the instance.
    fn revoke(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>>;

    /// Deletes the credentials, the login and remembered refusals for good, and records `CredentialsDeleted` (ACC-3).
    /// What is left is the instance with its trade server and its end. Harmless when repeated.
    ///
    /// # Errors
    /// When the store did not answer, or a higher epoch owns the instance.
    fn delete(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>>;
}

/// An instance as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Which instance.
    pub instance: InstanceId,
    /// Its account number; `None` when the account was destroyed (ACC-3).
    pub login: Option<Login>,
    /// The trade server of its account.
    pub server: TradeServer,
    /// Whether it is started when it was never run before.
    pub desired: Desired,
    /// The gateway that serves it, as a label for people; empty when none was given.
    pub gateway: String,
    /// The name of its policy profile; empty for the common one.
    pub profile: String,
    /// The group it belongs to; empty when to none.
    pub group: String,
    /// The state that only a person ends, when it is in one.
    pub absorbed: Option<Absorbed>,
}

/// A state that an instance does not leave by itself. This store is right about it: it holds also when journal and hot
/// state are both gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// A rule stopped it; a person's reset starts it again.
    Stopped {
        /// Why.
        reason: FailureReason,
        /// Whether a recovery budget is used up: status `PERMANENTLY_FAILED` instead of `FAILED`.
        permanently: bool,
        /// Since when.
        since: Timestamp,
    },
    /// Its account is gone and its destruction has begun (ACC-3): nothing starts it again.
    Closed {
        /// `ACCOUNT_CLOSED` or `ACCOUNT_DISABLED`.
        reason: FailureReason,
        /// Since when.
        since: Timestamp,
    },
}

impl Absorbed {
    /// Whether it is for good.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        match self {
            Self::Closed { .. } => true,
            Self::Stopped { .. } => false,
        }
    }
}

/// One broker account with its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account number.
    pub login: Login,
    /// Its trade server.
    pub server: TradeServer,
    /// Its password.
    pub password: Password,
    /// Whether exactly these credentials were refused before and have not changed since (LOG-9).
    pub rejected: bool,
}

/// A password; never shown, and its memory is overwritten when it is dropped.
pub struct Password(SecretBox<String>);

impl Password {
    /// Takes a password in, without a copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretBox::new(Box::new(text)))
    }

    /// The password, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Clone for Password {
    fn clone(&self) -> Self {
        Self::new(self.reveal().to_owned())
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.reveal() == other.reveal()
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why the accounts store did not do what it was asked.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AccountsError {
    /// No account of this instance.
    #[error("no account is stored for instance {0}; add it to the accounts")]
    Missing(InstanceId),
    /// The credentials were revoked or deleted.
    #[error("the credentials of instance {0} were revoked; enter new ones")]
    Revoked(InstanceId),
    /// A higher epoch owns the instance.
    #[error("instance is owned at epoch {0}; let go of it")]
    Fenced(Epoch),
    /// The store did not answer.
    #[error("accounts store did not answer: {0}; it is tried again")]
    Unreachable(String),
    /// What is stored of the credentials cannot be decrypted, or is not what was stored for this account.
    #[error("the credentials of instance {instance} cannot be decrypted: {what}")]
    Undecipherable {
        /// Whose.
        instance: InstanceId,
        /// What is wrong and what to do, without any secret.
        what: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let account = Account {
            login: Login::new(5001).unwrap(),
            server: TradeServer::new("Broker-Live3").unwrap(),
            password: Password::new("correct horse".into()),
            rejected: false,
        };
        let shown = format!("{account:?} {:?}", account.password);
        assert!(!shown.contains("correct"), "{shown}");
        assert_eq!(account.password.clone().reveal(), "correct horse");
        assert_ne!(account.password, Password::new("wrong horse".into()));
    }
}
