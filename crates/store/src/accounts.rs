use std::fmt;

use secrecy::{ExposeSecret, SecretBox};
use thiserror::Error;
use warden_domain::{Epoch, InstanceId, Login, TradeServer};

use crate::Pending;

/// Accounts, credentials and owner epochs: the authority for who may be logged in and who owns an instance.
pub trait Accounts: Send + Sync {
    /// Fetches an account with its decrypted password, for one login (LOG-1).
    ///
    /// # Errors
    /// When there is no such account, its credentials were revoked, or the store did not answer.
    fn account(&self, instance: &InstanceId) -> Pending<'_, Result<Account, AccountsError>>;

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

    /// Deletes the credentials for good (ACC-3). Harmless when repeated.
    ///
    /// # Errors
    /// When the store did not answer, or a higher epoch owns the instance.
    fn delete(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>>;
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
