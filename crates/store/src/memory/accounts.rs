mod epochs;
mod file;

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use thiserror::Error;
use warden_domain::{Desired, Epoch, InstanceId, Login, TradeServer};

use self::epochs::Epochs;
pub use self::file::FileFault;
use crate::{Absorbed, Account, Accounts, AccountsError, Password, Pending, Registered};

/// Accounts in memory, filled from a file that only its owner reads. Clones share one store.
///
/// # Guarantees
/// - Refused credentials are remembered as a hash under a random key of this process, never as text (LOG-9).
/// - With an [epochs file](Self::with_epochs_file), epochs rise across restarts of the same data folder.
///
/// # Caveats
/// Revocations, refusals and states of rest last as long as the process; the file keeps what a person wrote into it.
#[derive(Clone)]
pub struct MemoryAccounts(Arc<Shared>);

struct Shared {
    key: [u8; 32],
    held: Mutex<HashMap<InstanceId, Held>>,
    epochs: tokio::sync::Mutex<Epochs>,
}

/// What is held of one instance.
struct Held {
    server: TradeServer,
    credentials: Credentials,
    absorbed: Option<Absorbed>,
}

/// The hash of the credentials that the broker refused last.
type Refused = Option<blake3::Hash>;

enum Credentials {
    Valid(Login, Password, Refused),
    /// Unusable, not yet deleted.
    Revoked(Login, Refused),
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
    /// ones that were refused, rejected. An instance whose account was [closed](Absorbed::Closed) has a new one now;
    /// one that was stopped stays so until it is reset.
    pub fn put(&self, instance: InstanceId, account: Account) {
        let mut all = self.held();
        let mut held = Held::new(account);
        if let Some(before) = all.remove(&instance) {
            held.absorbed = before.absorbed.filter(|state| !state.is_closed());
            held.credentials.put_refused(before.credentials.refused());
        }
        all.insert(instance, held);
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

    fn hash(&self, login: Login, server: &TradeServer, password: &Password) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0.key);
        hasher.update(&login.number().to_le_bytes());
        for text in [server.as_str(), password.reveal()] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        hasher.finalize()
    }

    fn one(&self, instance: &InstanceId, held: Option<&Held>) -> Result<Account, AccountsError> {
        let Held { server, credentials, absorbed: _ } =
            held.ok_or_else(|| AccountsError::Missing(instance.clone()))?;
        match credentials {
            Credentials::Valid(login, password, refused) => Ok(Account {
                login: *login,
                server: server.clone(),
                password: password.clone(),
                rejected: *refused == Some(self.hash(*login, server, password)),
            }),
            Credentials::Revoked(..) | Credentials::Deleted => Err(AccountsError::Revoked(instance.clone())),
        }
    }

    /// Changes what is held of an instance, if anything is, unless a higher epoch owns it.
    async fn change(
        &self,
        instance: &InstanceId,
        epoch: Epoch,
        change: impl FnOnce(&mut Held) + Send,
    ) -> Result<(), AccountsError> {
        // Held until the change is made, so that no epoch is raised between.
        let epochs = self.0.epochs.lock().await;
        let owner = epochs.of(instance);
        if owner > epoch {
            return Err(AccountsError::Fenced(owner));
        }
        if let Some(held) = self.held().get_mut(instance) {
            change(held);
        }
        Ok(())
    }
}

impl Accounts for MemoryAccounts {
    fn accounts<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Result<Account, AccountsError>>, AccountsError>> {
        Box::pin(async move {
            let all = self.held();
            Ok(instances.iter().map(|instance| self.one(instance, all.get(instance))).collect())
        })
    }

    fn registered(&self) -> Pending<'_, Result<Vec<Registered>, AccountsError>> {
        Box::pin(async move {
            let mut all: Vec<_> = self.held().iter().map(|(id, held)| held.registered(id)).collect();
            all.sort_unstable_by(|one, other| one.instance.cmp(&other.instance));
            Ok(all)
        })
    }

    fn absorb<'a>(
        &'a self,
        instance: &'a InstanceId,
        epoch: Epoch,
        state: Option<Absorbed>,
    ) -> Pending<'a, Result<(), AccountsError>> {
        Box::pin(async move { self.change(instance, epoch, |held| held.absorb(state)).await })
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
            let account = self.one(&instance, all.get(&instance))?;
            let refused = self.hash(account.login, &account.server, &account.password);
            if let Some(held) = all.get_mut(&instance) {
                held.credentials.put_refused(Some(refused));
            }
            Ok(())
        })
    }

    fn forget_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move {
            if let Some(held) = self.held().get_mut(&instance) {
                held.credentials.put_refused(None);
            }
            Ok(())
        })
    }

    fn revoke(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move { self.change(&instance, epoch, |held| held.credentials.revoke()).await })
    }

    fn delete(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move {
            self.change(&instance, epoch, |held| held.credentials = Credentials::Deleted).await
        })
    }
}

impl fmt::Debug for MemoryAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryAccounts").field("instances", &self.held().len()).finish_non_exhaustive()
    }
}

impl Held {
    fn new(Account { login, server, password, rejected: _ }: Account) -> Self {
        Self { server, credentials: Credentials::Valid(login, password, None), absorbed: None }
    }

    fn absorb(&mut self, state: Option<Absorbed>) {
        if !self.absorbed.is_some_and(|before| before.is_closed()) {
            self.absorbed = state;
        }
    }

    /// A file says nothing of labels: they are empty.
    fn registered(&self, instance: &InstanceId) -> Registered {
        Registered {
            instance: instance.clone(),
            login: self.credentials.login(),
            server: self.server.clone(),
            desired: Desired::Running,
            gateway: String::new(),
            profile: String::new(),
            group: String::new(),
            absorbed: self.absorbed,
        }
    }
}

impl Credentials {
    fn login(&self) -> Option<Login> {
        match self {
            Self::Valid(login, ..) | Self::Revoked(login, _) => Some(*login),
            Self::Deleted => None,
        }
    }

    fn refused(&self) -> Refused {
        match self {
            Self::Valid(.., refused) | Self::Revoked(_, refused) => *refused,
            Self::Deleted => None,
        }
    }

    fn put_refused(&mut self, hash: Refused) {
        match self {
            Self::Valid(.., refused) | Self::Revoked(_, refused) => *refused = hash,
            Self::Deleted => {}
        }
    }

    fn revoke(&mut self) {
        match self {
            Self::Valid(login, _, refused) => *self = Self::Revoked(*login, *refused),
            Self::Revoked(..) | Self::Deleted => {}
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

    use warden_domain::FailureReason;

    use super::*;
    use crate::conformance::accounts;

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

    #[tokio::test]
    async fn acc_3_a_deleted_account_leaves_no_refusal() {
        let [(id, account), _] = accounts::some_accounts();
        let store = MemoryAccounts::new([(id.clone(), account.clone())]).unwrap();
        for (gone, rejected) in [(false, true), (true, false)] {
            store.remember_rejected(&id).await.unwrap();
            if gone { store.delete(&id, Epoch(0)).await } else { store.revoke(&id, Epoch(0)).await }.unwrap();
            store.put(id.clone(), account.clone());
            assert_eq!(store.account(&id).await.unwrap().rejected, rejected);
        }
    }

    #[tokio::test]
    async fn acc_4_a_new_account_begins_anew_and_a_stopped_instance_waits_for_its_reset() {
        let [(id, account), _] = accounts::some_accounts();
        let store = MemoryAccounts::new([(id.clone(), account.clone())]).unwrap();
        let since = warden_domain::Timestamp::from_millis(1);
        let stopped = Absorbed::Stopped { reason: FailureReason::LoginFailed, permanently: false, since };
        let closed = Absorbed::Closed { reason: FailureReason::AccountClosed, since };
        for (state, left) in [(stopped, Some(stopped)), (closed, None)] {
            store.absorb(&id, Epoch(0), Some(state)).await.unwrap();
            store.put(id.clone(), account.clone());
            assert_eq!(store.registered().await.unwrap()[0].absorbed, left);
        }
    }
}
