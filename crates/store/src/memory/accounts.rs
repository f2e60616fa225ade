mod epochs;
mod file;

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use thiserror::Error;
use warden_domain::{Epoch, InstanceId};

use self::epochs::Epochs;
pub use self::file::FileFault;
use crate::{Account, Accounts, AccountsError, Pending};

/// Accounts in memory, filled from a file that only its owner reads. Clones share one store.
///
/// # Guarantees
/// - Refused credentials are remembered as a hash under a random key of this process, never as text (LOG-9).
/// - With an [epochs file](Self::with_epochs_file), epochs rise across restarts of the same data folder.
///
/// # Caveats
/// Revocations and refusals last as long as the process; the file keeps what a person wrote into it.
#[derive(Clone)]
pub struct MemoryAccounts(Arc<Shared>);

struct Shared {
    key: [u8; 32],
    held: Mutex<HashMap<InstanceId, Held>>,
    epochs: tokio::sync::Mutex<Epochs>,
}

/// What is held of one instance.
struct Held {
    credentials: Credentials,
    /// The hash of the credentials that the broker refused last.
    refused: Option<blake3::Hash>,
}

enum Credentials {
    Valid(Account),
    /// Unusable, not yet deleted.
    Revoked,
    Deleted,
}

impl MemoryAccounts {
    /// A store of these accounts; a later account of the same instance replaces an earlier one.
    ///
    /// # Errors
    /// When the operating system gives no random key.
    pub fn new(
        accounts: impl IntoIterator<Item = (InstanceId, Account)>,
    ) -> Result<Self, MemoryAccountsError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|fault| MemoryAccountsError::Randomness(fault.to_string()))?;
        let held = accounts.into_iter().map(|(id, account)| (id, Held::new(account))).collect();
        Ok(Self(Arc::new(Shared { key, held: Mutex::new(held), epochs: tokio::sync::Mutex::default() })))
    }

    /// Reads the accounts from a TOML file: one table `[accounts.<instance>]` each with `login`, `server`, `password`.
    ///
    /// # Errors
    /// When the file cannot be read, when group or others may read it, or when something in it is wrong: then every
    /// fault is named at once with its line and key, and none shows a password.
    pub fn from_file(path: &Path) -> Result<Self, MemoryAccountsError> {
        Self::new(file::read(path)?)
    }

    /// Keeps the owner epochs in a small file as well, written anew and synced before a raised epoch is answered.
    /// A missing file is an empty one.
    ///
    /// # Errors
    /// When the file is there but cannot be read or is damaged.
    pub fn with_epochs_file(self, path: &Path) -> Result<Self, MemoryAccountsError> {
        let epochs = Epochs::open(path)?;
        let mut held = HashMap::new();
        std::mem::swap(&mut held, &mut *self.held());
        let key = self.0.key;
        Ok(Self(Arc::new(Shared { key, held: Mutex::new(held), epochs: tokio::sync::Mutex::new(epochs) })))
    }

    /// Adds an account, or gives an instance new credentials: they are neither revoked nor, unless they are the very
    /// ones that were refused, rejected.
    pub fn put(&self, instance: InstanceId, account: Account) {
        let mut all = self.held();
        let refused = all.get(&instance).and_then(|held| held.refused);
        all.insert(instance, Held { refused, ..Held::new(account) });
    }

    /// The instances that have an account, revoked ones included, in no order.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceId> {
        self.held().keys().cloned().collect()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<InstanceId, Held>> {
        // Every change of an entry is made in one piece, so a panic elsewhere leaves nothing half done.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hash(&self, account: &Account) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0.key);
        hasher.update(&account.login.number().to_le_bytes());
        for text in [account.server.as_str(), account.password.reveal()] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        hasher.finalize()
    }

    /// Ends the credentials of an instance, unless a higher epoch owns it.
    async fn end(&self, instance: &InstanceId, epoch: Epoch, into: Credentials) -> Result<(), AccountsError> {
        let owner = self.0.epochs.lock().await.of(instance);
        if owner > epoch {
            return Err(AccountsError::Fenced(owner));
        }
        if let Some(held) = self.held().get_mut(instance)
            && !matches!(held.credentials, Credentials::Deleted)
        {
            held.credentials = into;
        }
        Ok(())
    }
}

impl Accounts for MemoryAccounts {
    fn account(&self, instance: &InstanceId) -> Pending<'_, Result<Account, AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move {
            let all = self.held();
            let held = all.get(&instance).ok_or_else(|| AccountsError::Missing(instance.clone()))?;
            let account = held.credentials.valid(&instance)?;
            let rejected = held.refused == Some(self.hash(account));
            Ok(Account { rejected, ..account.clone() })
        })
    }

    fn raise_epochs<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Epoch>, AccountsError>> {
        Box::pin(async move { self.0.epochs.lock().await.raise(instances).await })
    }

    fn remember_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move {
            let mut all = self.held();
            let held = all.get_mut(&instance).ok_or_else(|| AccountsError::Missing(instance.clone()))?;
            held.refused = Some(self.hash(held.credentials.valid(&instance)?));
            Ok(())
        })
    }

    fn forget_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move {
            if let Some(held) = self.held().get_mut(&instance) {
                held.refused = None;
            }
            Ok(())
        })
    }

    fn revoke(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move { self.end(&instance, epoch, Credentials::Revoked).await })
    }

    fn delete(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move { self.end(&instance, epoch, Credentials::Deleted).await })
    }
}

impl fmt::Debug for MemoryAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryAccounts").field("instances", &self.held().len()).finish_non_exhaustive()
    }
}

impl Held {
    fn new(account: Account) -> Self {
        Self { credentials: Credentials::Valid(account), refused: None }
    }
}

impl Credentials {
    fn valid(&self, instance: &InstanceId) -> Result<&Account, AccountsError> {
        match self {
            Self::Valid(account) => Ok(account),
            Self::Revoked | Self::Deleted => Err(AccountsError::Revoked(instance.clone())),
        }
    }
}

/// Why accounts in memory could not be set up.
#[derive(Debug, Error)]
pub enum MemoryAccountsError {
    /// A file could not be opened or read.
    #[error("{path} could not be read; check that it exists and belongs to the user of this program")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The operating system's own words.
        #[source]
        source: std::io::Error,
    },
    /// Others than the owner may read the passwords.
    #[error("{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something in the accounts file is wrong.
    #[error("{}", file::list(path, faults))]
    Faulty {
        /// Which file.
        path: PathBuf,
        /// Everything that is wrong in it, in line order.
        faults: Vec<FileFault>,
    },
    /// The epochs file is not what was written.
    #[error("{path} is damaged: {what}; restore it, or the old owners of these instances cannot be fenced")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No random bytes for the key of the refused-credentials hashes.
    #[error("the operating system gives no random bytes: {0}; try again")]
    Randomness(String),
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Password, conformance::accounts};

    #[tokio::test]
    async fn memory_passes_every_case() {
        accounts::run(|given| {
            Box::pin(async move { Arc::new(MemoryAccounts::new(given).unwrap()) as Arc<dyn Accounts> })
        })
        .await;
    }

    #[tokio::test]
    async fn memory_with_an_epochs_file_passes_every_case() {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let number = std::sync::atomic::AtomicU32::new(0);
        accounts::run(|given| {
            let path =
                folder.path().join(number.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string());
            Box::pin(async move {
                Arc::new(MemoryAccounts::new(given).unwrap().with_epochs_file(&path).unwrap())
                    as Arc<dyn Accounts>
            })
        })
        .await;
    }

    #[tokio::test]
    async fn log_9_changed_credentials_are_tried_again_and_refused_ones_are_known_when_they_come_back() {
        let [(id, first), _] = accounts::some_accounts();
        let store = MemoryAccounts::new([(id.clone(), first.clone())]).unwrap();
        store.remember_rejected(&id).await.unwrap();
        assert!(store.account(&id).await.unwrap().rejected);
        store.put(id.clone(), Account { password: Password::new("another".into()), ..first.clone() });
        assert!(!store.account(&id).await.unwrap().rejected);
        store.put(id.clone(), first);
        assert!(store.account(&id).await.unwrap().rejected);
        assert!(!format!("{store:?}").contains("another"));
    }

    #[tokio::test]
    async fn acc_1_new_credentials_undo_a_revocation() {
        let [(id, account), _] = accounts::some_accounts();
        let store = MemoryAccounts::new([(id.clone(), account.clone())]).unwrap();
        store.delete(&id, Epoch(0)).await.unwrap();
        assert_eq!(store.account(&id).await, Err(AccountsError::Revoked(id.clone())));
        store.put(id.clone(), account.clone());
        assert_eq!(store.account(&id).await, Ok(account));
    }
}
