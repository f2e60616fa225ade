//! Stores to test against, and a look into them past the adapter.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use warden_domain::{Desired, InstanceId, Login, Span, Timestamp, TradeServer};
use warden_store::{Account, Password, schema};
use warden_store_postgres::{
    AccountsConfig, AccountsSchema, NewAccount, SqlAccounts,
    keys::{KeySource, Kms, LocalKms, MasterKey},
};
use warden_testkit::{Postgres, poll_until_async};

/// Runs each case on both engines.
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {$(
        mod $case {
            use crate::common::Engine;

            #[tokio::test]
            async fn sqlite() {
                Box::pin(super::$case(Engine::Sqlite)).await;
            }

            #[tokio::test]
            async fn postgres() {
                Box::pin(super::$case(Engine::Postgres)).await;
            }
        }
    )+};
}
pub(crate) use on_both;

/// Long enough for a busy machine, below the time after which a test counts as hung.
pub(crate) const SOON: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Postgres,
    Sqlite,
}

/// An empty store, its key files, and what is needed to look into it.
pub(crate) struct Place {
    pub(crate) config: AccountsConfig,
    folder: TempDir,
    server: Option<(Arc<Postgres>, String)>,
}

/// The cluster that all tests of this program share; it ends with the last of them.
fn cluster() -> Arc<Postgres> {
    static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let started = Arc::new(Postgres::start_with(&[("max_connections", "300")]).unwrap());
        *shared = Arc::downgrade(&started);
        started
    })
}

impl Place {
    pub(crate) fn new(engine: Engine) -> Self {
        match engine {
            Engine::Postgres => Self::on(cluster()),
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let config = AccountsConfig::new(format!("sqlite:{}/accounts.db", folder.path().display()));
                Self { config, folder, server: None }
            }
        }
    }

    /// A new database of a cluster.
    pub(crate) fn on(cluster: Arc<Postgres>) -> Self {
        let database = cluster.database().unwrap();
        let config = all_powerful(&cluster, &database);
        Self { config, folder: tempfile::tempdir().unwrap(), server: Some((cluster, database)) }
    }

    pub(crate) fn server(&self) -> &(Arc<Postgres>, String) {
        self.server.as_ref().expect("the test asked for PostgreSQL")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("accounts.db")
    }

    /// The file and its log as they are on the disk.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = std::fs::read(self.file()).unwrap();
        bytes.extend(std::fs::read(self.folder.path().join("accounts.db-wal")).unwrap_or_default());
        bytes
    }

    pub(crate) fn key(&self, name: &str) -> MasterKey {
        let path = self.folder.path().join(name);
        if path.exists() { MasterKey::read(&KeySource::File(path), None) } else { MasterKey::generate(&path) }
            .unwrap()
    }

    pub(crate) fn kms(&self, current: &str, previous: Option<&str>) -> Arc<dyn Kms> {
        Arc::new(LocalKms::new(self.key(current), previous.map(|name| self.key(name))).unwrap())
    }

    pub(crate) async fn up(&self) {
        let mut schema = AccountsSchema::connect(&self.config).await.unwrap();
        schema::up(&mut schema, Timestamp::from_millis(1), &mut |_| ()).await.unwrap();
    }

    /// The store, brought up.
    pub(crate) async fn open(&self) -> SqlAccounts {
        self.open_with(self.kms("key", None)).await
    }

    /// The store that was brought up, by a client with less patience: its own slowness must not fail its opening.
    pub(crate) async fn open_impatient(&self, answer_timeout: Span) -> SqlAccounts {
        let config = AccountsConfig { answer_timeout, ..self.config.clone() };
        let open = async || SqlAccounts::open(&config, self.kms("key", None), "sup-2").await.ok();
        poll_until_async(SOON, "the store to be opened", open).await.unwrap()
    }

    pub(crate) async fn open_with(&self, kms: Arc<dyn Kms>) -> SqlAccounts {
        self.up().await;
        SqlAccounts::open(&self.config, kms, "sup-1").await.unwrap()
    }

    /// Runs SQL past the adapter, as whoever may do everything; answers the first column.
    pub(crate) async fn sql(&self, sql: &str) -> Vec<String> {
        self.try_sql(sql).await.unwrap()
    }

    pub(crate) async fn try_sql(&self, sql: &str) -> Result<Vec<String>, String> {
        match &self.server {
            Some((cluster, database)) => {
                let told = cluster.psql(database, sql).map_err(|error| error.to_string())?;
                Ok(told.lines().map(str::to_owned).collect())
            }
            None => in_file(&self.file(), sql).await.map_err(|error| error.to_string()),
        }
    }

    /// Whether the store, looked at from outside, holds the text anywhere.
    pub(crate) fn holds(&self, text: &str) -> bool {
        match &self.server {
            Some((cluster, database)) => cluster.pg_dump(database).unwrap().contains(text),
            None => self.bytes().windows(text.len()).any(|bytes| bytes == text.as_bytes()),
        }
    }
}

async fn in_file(file: &Path, sql: &str) -> Result<Vec<String>, sqlx::Error> {
    let mut conn = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await?;
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut conn).await?;
    let texts = rows.iter().map(|row| {
        row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))
    });
    let texts = texts.collect();
    conn.close().await?;
    texts
}

/// The superuser's way in.
pub(crate) fn all_powerful(cluster: &Postgres, database: &str) -> AccountsConfig {
    let password = Some(Password::new(cluster.password().to_owned()));
    AccountsConfig { password, ..AccountsConfig::new(cluster.url(database)) }
}

pub(crate) fn instance(id: &str) -> InstanceId {
    InstanceId::new(id).unwrap()
}

pub(crate) fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

pub(crate) fn account(id: &str, login: u64, text: &str) -> NewAccount {
    NewAccount {
        instance: instance(id),
        login: Login::new(login).unwrap(),
        server: TradeServer::new("Broker-Live3").unwrap(),
        password: password(text),
        desired: Desired::Running,
        gateway: "gw-7".to_owned(),
        profile: "careful".to_owned(),
        group: "desk".to_owned(),
    }
}

pub(crate) fn plain(instance: &InstanceId, account: Account) -> NewAccount {
    NewAccount {
        instance: instance.clone(),
        login: account.login,
        server: account.server,
        password: account.password,
        desired: Desired::Stopped,
        gateway: String::new(),
        profile: String::new(),
        group: String::new(),
    }
}
