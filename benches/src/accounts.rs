//! What a mass start asks of the accounts, on one core: the credentials of every instance fetched, decrypted, and held
//! against what the broker refused before.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::TempDir;
use tokio::runtime::Builder;
use warden_domain::{Desired, InstanceId, Login};
use warden_store::{Accounts, Password};
use warden_store_postgres::{
    AccountsConfig, NewAccount, SqlAccounts,
    envelope::{self, Identity},
    keys::{Kms, LocalKms, MasterKey},
};

use crate::{Figures, figure::Figure, fleet};

const ACCOUNTS: usize = 2_000;
/// As many as the supervisor fetches in one call.
const TOGETHER: usize = 500;
const FOR: Duration = Duration::from_secs(3);

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Every figure of the accounts.
///
/// # Errors
/// When the store fails, or the system gives no core.
pub fn figures() -> Figures {
    // Threads that are started from this one, those of the store included, share its core.
    let measuring = thread::spawn(|| {
        to_one_core()?;
        Builder::new_current_thread().enable_all().build()?.block_on(measure())
    });
    measuring.join().map_err(|_| "the measuring thread panicked")?
}

fn to_one_core() -> Result<(), Fault> {
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|core| allowed.is_set(*core)).ok_or("no core is allowed")?;
    let mut one = CpuSet::new();
    one.set(last);
    Ok(sched_setaffinity(None, &one)?)
}

async fn measure() -> Figures {
    let place = Place::filled().await?;
    let store = &place.store;
    let together = per_second(async |turn| {
        let parts = place.ids.chunks(TOGETHER);
        let part = parts.clone().nth(turn % parts.len()).ok_or("there are accounts")?;
        let found = store.accounts(part).await?;
        // Every one was refused before, so that every answer has hashed its password.
        if found.iter().all(|account| account.as_ref().is_ok_and(|account| account.rejected)) {
            Ok(found.len())
        } else {
            Err("an account was not found, or its refusal is not known".into())
        }
    })
    .await?;
    let one = per_second(async |turn| {
        let account = store.account(&place.ids[turn % ACCOUNTS]).await?;
        if account.rejected { Ok(1) } else { Err("a refusal is not known".into()) }
    })
    .await?;
    let bare = place.bare().await?;
    store.close().await;
    Ok(vec![
        Figure::at_least("accounts.login".to_owned(), together, "logins/s", 1_000.0).beside(bare),
        Figure::noted("accounts.login.one".to_owned(), one, "logins/s").beside(bare),
    ])
}

/// How many a second, for a few seconds.
async fn per_second(mut some: impl AsyncFnMut(usize) -> Result<usize, Fault>) -> Result<f64, Fault> {
    let (began, mut done, mut turn) = (Instant::now(), 0, 0);
    while began.elapsed() < FOR {
        done += some(turn).await?;
        turn += 1;
    }
    Ok(done as f64 / began.elapsed().as_secs_f64())
}

/// Accounts in a SQLite file, each with a refusal.
struct Place {
    store: SqlAccounts,
    ids: Vec<InstanceId>,
    kms: Arc<dyn Kms>,
    _folder: TempDir,
}

impl Place {
    async fn filled() -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let kms: Arc<dyn Kms> =
            Arc::new(LocalKms::new(MasterKey::generate(&folder.path().join("key"))?, None)?);
        let config = AccountsConfig::new(format!("sqlite:{}/accounts.db", folder.path().display()));
        let store = SqlAccounts::open(&config, Arc::clone(&kms), "bench").await?;
        let ids: Vec<InstanceId> = (0..ACCOUNTS).map(fleet::id).collect();
        for (index, instance) in ids.iter().enumerate() {
            store.register(account(index, instance)?, "bench").await?;
            store.remember_rejected(instance).await?;
        }
        Ok(Self { store, ids, kms, _folder: folder })
    }

    /// Envelopes opened a second, without a store: the data key by the key from the file, the password by it.
    async fn bare(&self) -> Result<f64, Fault> {
        let (instance, server) = (&self.ids[0], fleet::server(0));
        let login = Login::new(5_000_000)?;
        let identity = Identity { table: "credentials", instance, login, server: &server, version: 1 };
        let sealed = envelope::seal(&*self.kms, &identity, &password(0)).await?;
        per_second(async |_| {
            for _ in 0..TOGETHER {
                envelope::open(&*self.kms, &identity, &sealed).await?;
            }
            Ok(TOGETHER)
        })
        .await
    }
}

fn account(index: usize, instance: &InstanceId) -> Result<NewAccount, Fault> {
    Ok(NewAccount {
        instance: instance.clone(),
        login: Login::new(5_000_000 + index as u64)?,
        server: fleet::server(index),
        password: password(index),
        desired: Desired::Running,
        gateway: "gateway-4".to_owned(),
        profile: String::new(),
        group: "desk".to_owned(),
    })
}

fn password(index: usize) -> Password {
    Password::new(format!("correct horse {index}"))
}
