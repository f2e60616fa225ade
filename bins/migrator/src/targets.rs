//! From the configuration to the schemas of its stores.

use std::{path::Path, time::Duration};

use anyhow::Error;
use warden::assembly;
use warden_store::schema::{Schema, SchemaError};
use warden_store_duckdb::JournalSchema;
use warden_store_postgres::{AccountsSchema, OpenError, SQLITE_STEPS};
use warden_supervisor::config::{AccountsConfig, DatabaseUrl, Loaded, Places};

use crate::{absent::Absent, cli::Store};

/// What a store is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be looked at: nothing is made.
    Look,
    /// To be brought up: what is missing is made.
    BringUp,
}

impl Purpose {
    /// How long to wait for another process that has a DuckDB file: another migrator ends soon, a supervisor does not.
    fn patience(self) -> Duration {
        match self {
            Self::Look => Duration::from_secs(1),
            Self::BringUp => Duration::from_secs(10),
        }
    }
}

/// Where a store's schema is.
pub(crate) enum Target {
    /// There.
    Schema(Box<dyn Schema>),
    /// Nowhere: the store keeps none. Why.
    Schemaless(String),
}

impl Target {
    fn of(schema: impl Schema + 'static) -> Self {
        Self::Schema(Box::new(schema))
    }
}

/// Finds a store; a server is connected to.
///
/// # Errors
/// When the configuration is wrong, or the store does not answer.
pub(crate) async fn open(store: Store, purpose: Purpose, loaded: &Loaded) -> Result<Target, Error> {
    let supervisor = &loaded.config.supervisor;
    match purpose {
        Purpose::Look => {}
        Purpose::BringUp => loaded.make_data_folder()?,
    }
    match store {
        Store::Accounts => accounts(purpose, loaded).await,
        Store::Journal => {
            let journal = JournalSchema::open(&supervisor.journal()).waiting_at_most(purpose.patience());
            Ok(Target::of(journal))
        }
        Store::History => history(&supervisor.history(), purpose, loaded),
    }
}

async fn accounts(purpose: Purpose, loaded: &Loaded) -> Result<Target, Error> {
    let database = match &loaded.config.accounts {
        AccountsConfig::Database(database) => database,
        AccountsConfig::File(file) => {
            return Ok(Target::Schemaless(format!("in memory, from {}: there is no schema", file.display())));
        }
    };
    let adapted = assembly::accounts(database, loaded.accounts_auth.as_ref());
    match (&database.url, purpose) {
        (DatabaseUrl::Sqlite(file), Purpose::Look) if !file.exists() => {
            return Ok(Target::of(Absent::new(adapted.url, SQLITE_STEPS)));
        }
        (DatabaseUrl::Sqlite(_) | DatabaseUrl::Postgres(_), Purpose::Look | Purpose::BringUp) => {}
    }
    let schema = AccountsSchema::connect(&adapted).await.map_err(|fault| match fault {
        OpenError::Schema(fault) => blamed(Store::Accounts, loaded, fault),
        wrong @ (OpenError::Config(_) | OpenError::Unusable { .. } | OpenError::Exposed { .. }) => {
            misconfigured(&loaded.places, "accounts.url", &Error::new(wrong))
        }
    })?;
    Ok(Target::of(schema))
}

fn history(file: &Path, purpose: Purpose, loaded: &Loaded) -> Result<Target, Error> {
    let Some(server) = assembly::history(&loaded.config.history, loaded.history_auth.as_ref()) else {
        let schema = warden_store_duckdb::HistorySchema::open(file).waiting_at_most(purpose.patience());
        return Ok(Target::of(schema));
    };
    let schema = warden_store_clickhouse::HistorySchema::connect(&server);
    let schema = schema.map_err(|fault| misconfigured(&loaded.places, "history.url", &Error::new(fault)))?;
    Ok(Target::of(schema))
}

/// What a store says, in the place of the configuration that has to be corrected where that is what helps.
pub(crate) fn blamed(store: Store, loaded: &Loaded, fault: SchemaError) -> Error {
    let key = match store {
        Store::Accounts => "accounts.url",
        Store::Journal => "supervisor.data_folder",
        Store::History => "history.url",
    };
    if matches!(fault, SchemaError::Refused { .. }) {
        misconfigured(&loaded.places, key, &Error::new(fault))
    } else {
        Error::new(fault)
    }
}

fn misconfigured(places: &Places, key: &str, fault: &Error) -> Error {
    Error::new(places.fault(key, format!("{fault:#}")))
}
