//! The embedded stores of a demonstration: everything is a file in its temporary folder.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, Error};
use warden_bridge_sim::FleetPlan;
use warden_domain::{Desired, IncidentKind, InstanceId, Span, Timestamp};
use warden_policy::{Instance, account::Closure};
use warden_store::{Accounts as _, History as _, Password, history::Period};
use warden_store_duckdb::{DuckHistory, HistoryConfig};
use warden_store_postgres::{
    AccountsConfig, NewAccount, SqlAccounts,
    keys::{LocalKms, MasterKey},
};
use warden_supervisor::View;

/// Every moment of a demonstration.
const ALWAYS: Period = Period { from: Timestamp::from_millis(0), until: Timestamp::MAX };

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

/// How many steps of these instances past `first_seq` the history holds, and how long each kind of incident took to recover: the median
/// of the trade server where it took longest.
pub(super) async fn asked(
    history: &DuckHistory,
    views: &[View],
    first_seq: u64,
) -> Result<(u64, BTreeMap<IncidentKind, Span>), Error> {
    let mut rows = 0;
    for view in views {
        let steps = history.timeline(&view.instance, ALWAYS, u32::MAX).await?;
        rows += steps.iter().filter(|step| step.origin.seq > first_seq).count() as u64;
    }
    let mut medians: BTreeMap<IncidentKind, Span> = BTreeMap::new();
    for answer in history.time_to_recover(ALWAYS).await? {
        if let Some(median) = answer.median {
            let slowest = medians.entry(answer.kind).or_insert(median);
            *slowest = median.max(*slowest);
        }
    }
    Ok((rows, medians))
}

/// Whose account was destroyed and is still stored, in words.
pub(super) async fn survivors(
    accounts: &SqlAccounts,
    states: &HashMap<InstanceId, (u64, Instance)>,
) -> Result<Vec<String>, Error> {
    let destroyed = |id| states.get(id).is_some_and(|(_, state)| state.closure() == Closure::Done);
    let registered = accounts.registered().await?;
    let left = registered.iter().filter(|it| it.login.is_some() && destroyed(&it.instance));
    Ok(left.map(|it| format!("{}: its account was destroyed and is still stored", it.instance)).collect())
}
