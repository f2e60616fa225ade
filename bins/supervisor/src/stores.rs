//! Opens the stores that a configuration names.

use std::{env, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Error};
use tokio::time::sleep;
use warden::assembly;
use warden_store::{
    Accounts, AccountsError, History, HistoryError, JournalId, Registered, schema::SchemaError,
};
use warden_store_clickhouse::ClickHouseHistory;
use warden_store_duckdb::{DuckHistory, HistoryConfig, Probe};
use warden_store_postgres::{
    OpenError, SqlAccounts,
    keys::{KeyFileError, KeyFiles, KeySource as Key, Kms as _, LocalKms, MasterKey},
};
use warden_supervisor::config::{
    AccountsConfig, Auth, Config, DatabaseConfig, DatabaseUrl, Faults, KeySource, Loaded, Places,
};

/// How long a store that does not answer at the start is left alone.
const AGAIN: Duration = Duration::from_secs(2);

/// The accounts of a configuration. A database that does not answer is waited for.
pub(crate) async fn accounts(loaded: &Loaded) -> Result<Arc<dyn Accounts>, Error> {
    match (&loaded.config.accounts, &loaded.accounts) {
        (AccountsConfig::Database(database), _) => {
            let kms = Arc::new(keys(loaded, database).await?);
            let store = waited_for(loaded, database, &kms).await?;
            compare_keys(&loaded.places, &store, &kms).await?;
            Ok(Arc::new(store))
        }
        (AccountsConfig::File(_), Some(accounts)) => {
            Ok(Arc::new(accounts.clone().with_epochs_file(&loaded.config.supervisor.epochs())?))
        }
        (AccountsConfig::File(_), None) => {
            Err(anyhow::anyhow!("the accounts file was not read; report this"))
        }
    }
}

async fn waited_for(
    loaded: &Loaded,
    database: &DatabaseConfig,
    kms: &Arc<LocalKms>,
) -> Result<SqlAccounts, Error> {
    let actor = loaded.config.supervisor.options.owner.as_str();
    loop {
        match open_database(loaded, database, kms, actor).await {
            Err(fault) if fault.downcast_ref::<OpenError>().is_some_and(OpenError::is_unreachable) => {
                tracing::warn!(%fault, "the accounts store does not answer at the start; waiting for it");
                sleep(AGAIN).await;
            }
            opened => return opened,
        }
    }
}

/// Refuses a key that opens nothing of what is stored, before instances are taken from a supervisor that has the right
/// one.
async fn compare_keys(places: &Places, store: &SqlAccounts, kms: &LocalKms) -> Result<(), Error> {
    let used = loop {
        match store.keys_in_use().await {
            Err(fault @ AccountsError::Unreachable(_)) => {
                tracing::warn!(%fault, "the keys of the credentials cannot be compared yet");
                sleep(AGAIN).await;
            }
            asked => break asked?,
        }
    };
    let readable = kms.readable();
    let lost: Vec<&str> = used
        .iter()
        .map(String::as_str)
        .filter(|key| !readable.iter().any(|it| it.as_str() == *key))
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    let names = lost.join(", ");
    if lost.len() == used.len() {
        let what = format!(
            "holds key {}, and every stored credential is under {names}; name the file of that key",
            kms.current()
        );
        return Err(places.fault("accounts.key_file", what).into());
    }
    tracing::warn!(keys = %names, "credentials under these keys cannot be read; name their file as accounts.previous_key_file");
    Ok(())
}

/// Opens the database of a configuration once, for a person who waits for it.
pub(crate) async fn database(loaded: &Loaded, actor: &str) -> Result<SqlAccounts, Error> {
    let AccountsConfig::Database(database) = &loaded.config.accounts else {
        let what =
            "keeps the accounts in memory; edit that file, or remove the key to keep them in a database";
        return Err(loaded.places.fault("accounts.file", what).into());
    };
    match &database.url {
        DatabaseUrl::Sqlite(_) => loaded.make_data_folder()?,
        DatabaseUrl::Postgres(_) => {}
    }
    let kms = Arc::new(keys(loaded, database).await?);
    open_database(loaded, database, &kms, actor).await
}

async fn open_database(
    loaded: &Loaded,
    database: &DatabaseConfig,
    kms: &Arc<LocalKms>,
    actor: &str,
) -> Result<SqlAccounts, Error> {
    let config = assembly::accounts(database, loaded.accounts_auth.as_ref());
    SqlAccounts::open(&config, Arc::clone(kms) as _, actor).await.map_err(|fault| match fault {
        OpenError::Config(fault) => loaded.places.fault("accounts.url", fault.to_string()).into(),
        OpenError::Schema(fault @ SchemaError::Refused { .. }) => {
            loaded.places.fault("accounts.url", fault.to_string()).into()
        }
        fault @ (OpenError::Schema(_) | OpenError::Unusable { .. } | OpenError::Exposed { .. }) => {
            fault.into()
        }
    })
}

/// The keys of a configuration. An SQLite file in which nothing is encrypted yet gets a new one.
async fn keys(loaded: &Loaded, database: &DatabaseConfig) -> Result<LocalKms, Error> {
    let fault = |what: KeyFileError| loaded.places.fault("accounts.key_file", what.to_string());
    if let (DatabaseUrl::Sqlite(_), KeySource::File(key)) = (&database.url, &database.key)
        && !key.exists()
        && SqlAccounts::nothing_sealed(&assembly::accounts(database, None)).await?
    {
        MasterKey::generate(key).map_err(fault)?;
        tracing::warn!(key = %key.display(), "made a key for the credentials; keep a copy apart from the backups of the database");
    }
    Ok(open_keys(loaded, database)?)
}

fn open_keys(loaded: &Loaded, database: &DatabaseConfig) -> Result<LocalKms, Faults> {
    let files = KeyFiles {
        current: key_source(&database.key),
        previous: database.previous_key.as_ref().map(key_source),
    };
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    LocalKms::open(&files, credentials.as_deref())
        .map_err(|what| loaded.places.fault("accounts.key_file", what.to_string()))
}

/// Reads the key files of a configuration, where they can be read: systemd's credentials are there for the service
/// alone, and the key of an SQLite file is made by the first start.
pub(crate) fn check_keys(loaded: &Loaded) -> Result<(), Faults> {
    let AccountsConfig::Database(database) = &loaded.config.accounts else { return Ok(()) };
    let checked = |key: &KeySource| match (key, &database.url) {
        (KeySource::File(file), DatabaseUrl::Sqlite(_)) => file.exists(),
        (KeySource::File(_), DatabaseUrl::Postgres(_)) => true,
        (KeySource::Credential(_), _) => env::var_os("CREDENTIALS_DIRECTORY").is_some(),
    };
    if checked(&database.key) && database.previous_key.as_ref().is_none_or(checked) {
        open_keys(loaded, database)?;
    }
    Ok(())
}

fn key_source(source: &KeySource) -> Key {
    match source {
        KeySource::File(path) => Key::File(path.clone()),
        KeySource::Credential(name) => Key::Credential(name.clone()),
    }
}

/// Whatever is registered; a store that does not answer is waited for.
pub(crate) async fn registered(accounts: &dyn Accounts) -> Result<Vec<Registered>, AccountsError> {
    loop {
        match accounts.registered().await {
            Err(fault @ AccountsError::Unreachable(_)) => {
                tracing::warn!(%fault, "the accounts cannot be listed yet");
                sleep(AGAIN).await;
            }
            listed => return listed,
        }
    }
}

/// A history as the export needs it.
pub(crate) struct NamedHistory {
    pub(crate) history: Arc<dyn History>,
    /// The name by which its cursor knows it.
    pub(crate) name: String,
    /// The same history where it is a file, which forgets nothing by itself.
    pub(crate) file: Option<Arc<DuckHistory>>,
}

impl NamedHistory {
    /// What it says that it has of a journal, where it keeps count. To be asked before the journal takes new rows.
    pub(crate) async fn known(&self, journal: JournalId, head: u64) -> Result<Option<u64>, HistoryError> {
        let Some(file) = &self.file else { return Ok(None) };
        Ok(Some(file.resume(journal, head).await?))
    }
}

/// The history of a configuration: ClickHouse, or a file in the data folder.
pub(crate) async fn history(
    config: &Config,
    auth: Option<&Auth>,
    places: &Places,
) -> Result<NamedHistory, Error> {
    let Some(server) = assembly::history(&config.history, auth) else {
        return history_file(config.supervisor.history()).await;
    };
    let history = ClickHouseHistory::connect(&server)
        .map_err(|fault| places.fault("history.url", fault.to_string()))?;
    let name = format!("clickhouse {} {}", server.url, server.database);
    Ok(NamedHistory { history: Arc::new(history), name, file: None })
}

async fn history_file(path: PathBuf) -> Result<NamedHistory, Error> {
    let name = format!("duckdb {}", path.display());
    let mut config = HistoryConfig::new(path);
    config.probe = Some(Probe::this_program(["probe-journal"]).context("the program cannot find itself")?);
    let opened = tokio::task::spawn_blocking(|| DuckHistory::open(config)).await;
    let file = Arc::new(opened.context("the history was not opened")??);
    Ok(NamedHistory { history: Arc::clone(&file) as _, name, file: Some(file) })
}
