//! The embedded stores of a demonstration: everything is a file in its temporary folder.

use std::{collections::HashMap, path::Path, sync::Arc};

use anyhow::{Context as _, Error};
use warden_bridge_sim::FleetPlan;
use warden_domain::{Desired, IncidentKind, InstanceId, Span, Timestamp, TradeServer};
use warden_store::{Accounts as _, History, Password, history::Period};
use warden_store_duckdb::{DuckHistory, HistoryConfig};
use warden_store_postgres::{
    AccountsConfig, NewAccount, SqlAccounts,
    keys::{LocalKms, MasterKey},
};
use warden_supervisor::{Clock, ExportConfig, ExportParts, Exporter, View};

use super::stage::Stage;

/// Accounts of the plan in a new SQLite file, under a new key.
pub(super) async fn accounts(folder: &Path, plan: &FleetPlan) -> Result<SqlAccounts, Error> {
    let key = MasterKey::generate(&folder.join("accounts.key"))?;
    let kms = Arc::new(LocalKms::new(key, None)?);
    let config = AccountsConfig::new(format!("sqlite:{}", folder.join("accounts.db").display()));
    let store = SqlAccounts::open(&config, kms, "demo").await?;
    for account in &plan.accounts {
        let account = NewAccount {
            instance: account.instance.clone(),
            login: account.login,
            server: account.server.clone(),
            password: Password::new(account.password.reveal().to_owned()),
            desired: Desired::Running,
            gateway: String::new(),
            profile: String::new(),
            group: String::new(),
        };
        store.register(account, "demo").await?;
    }
    Ok(store)
}

/// A new history in a DuckDB file.
pub(super) async fn history(folder: &Path) -> Result<Arc<DuckHistory>, Error> {
    let config = HistoryConfig::new(folder.join("history.duckdb"));
    let opened = tokio::task::spawn_blocking(|| DuckHistory::open(config)).await;
    Ok(Arc::new(opened.context("the history was not opened")??))
}
