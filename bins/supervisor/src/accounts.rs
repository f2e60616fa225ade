//! `accounts`: people look after the stored accounts.

mod password;

use std::{env, path::Path};

use anyhow::{Context as _, Error, anyhow, bail};
use serde_json::json;
use warden_domain::{Desired, InstanceId, Timestamp};
use warden_store::{Absorbed, Accounts as _, AccountsError, Registered, memory::MemoryAccounts};
use warden_store_postgres::{AdminError, NewAccount, SqlAccounts, keys::MasterKey};
use warden_supervisor::{
    config::Config,
    control::{Ask, ClientError},
};

use crate::{ask, cli::AccountsTask, say::say, stores};

/// Does what a person asks.
pub(crate) async fn carry_out(task: AccountsTask) -> Result<(), Error> {
    answer(task).await.map_err(for_a_person)
}

/// A supervisor tries again what the store did not do; a person has to.
fn for_a_person(fault: Error) -> Error {
    let at_once = fault.downcast_ref::<AccountsError>();
    let changed = fault.downcast_ref::<AdminError>().and_then(|fault| match fault {
        AdminError::Accounts(fault) => Some(fault),
        AdminError::Exists(_)
        | AdminError::Taken(_)
        | AdminError::Closed(_)
        | AdminError::NoPassword
        | AdminError::Login(_)
        | AdminError::Raced(_) => None,
    });
    match at_once.or(changed) {
        Some(AccountsError::Unreachable(what)) => {
            anyhow!("the accounts store did not do it: {what}; mend the cause and run this again")
        }
        Some(
            AccountsError::Missing(_)
            | AccountsError::Revoked(_)
            | AccountsError::Fenced(_)
            | AccountsError::Undecipherable { .. },
        )
        | None => fault,
    }
}

async fn answer(task: AccountsTask) -> Result<(), Error> {
    match task {
        AccountsTask::NewKey { file } => new_key(&file),
        AccountsTask::Add { instance, login, server, stopped, gateway, profile, group, config } => {
            let store = open(&config.file).await?;
            let password = password::read(&format!("password of {instance}"))?;
            let desired = if stopped { Desired::Stopped } else { Desired::Running };
            let account = NewAccount { instance, login, server, password, desired, gateway, profile, group };
            store.register(account, &actor()).await?;
            say!("added; a supervisor looks after it from its next start on");
            Ok(())
        }
        AccountsTask::Import { file, config } => import(&open(&config.file).await?, &file).await,
        AccountsTask::SetPassword(target) => set_password(&target.config.file, &target.instance).await,
        AccountsTask::List { config, json } => list(&open(&config.file).await?, json).await,
        AccountsTask::RotateKey { config } => rotate(&open(&config.file).await?).await,
        AccountsTask::VerifyAudit { config } => verify(&open(&config.file).await?).await,
    }
}

async fn open(file: &Path) -> Result<SqlAccounts, Error> {
    stores::database(&Config::load(file).await?, &actor()).await
}

/// Who does it, for the audit log.
fn actor() -> String {
    let user = env::var("USER").unwrap_or_else(|_| rustix::process::getuid().as_raw().to_string());
    format!("person:{user}")
}

fn new_key(file: &Path) -> Result<(), Error> {
    let key = MasterKey::generate(file)?;
    say!("{}: key {}; keep a copy apart from the backups of the database", file.display(), key.id());
    Ok(())
}

async fn import(store: &SqlAccounts, file: &Path) -> Result<(), Error> {
    let accounts = MemoryAccounts::from_file(file)?;
    let (mut added, mut known, mut refused) = (0_u32, 0_u32, Vec::new());
    for instance in accounts.registered().await?.into_iter().map(|it| it.instance) {
        let account = accounts.account(&instance).await?;
        let new = NewAccount {
            instance,
            login: account.login,
            server: account.server,
            password: account.password,
            desired: Desired::Running,
            gateway: String::new(),
            profile: String::new(),
            group: String::new(),
        };
        match store.register(new, &actor()).await {
            Ok(()) => added += 1,
            Err(AdminError::Exists(_)) => known += 1,
            Err(fault @ (AdminError::Taken(_) | AdminError::Closed(_) | AdminError::Login(_))) => {
                refused.push(fault);
            }
            Err(fault @ (AdminError::Accounts(_) | AdminError::NoPassword | AdminError::Raced(_))) => {
                return Err(fault.into());
            }
        }
    }
    let count = refused.len();
    if let Some(fault) = refused.pop() {
        for other in &refused {
            eprintln!("{other}");
        }
        let what = format!(
            "{added} added, {known} known already, {count} refused; keep what is still needed of the file"
        );
        return Err(Error::new(fault).context(what));
    }
    say!("{added} added, {known} known already; shred {} now", file.display());
    Ok(())
}

async fn set_password(file: &Path, instance: &InstanceId) -> Result<(), Error> {
    let loaded = Config::load(file).await?;
    let store = stores::database(&loaded, &actor()).await?;
    let password = password::read(&format!("new password of {instance}"))?;
    store.set_password(instance, &password, &actor()).await?;
    match ask::ask(&loaded.config, Ask::CredentialsChanged { instance: instance.clone() }).await {
        Ok(_) => say!("stored; the supervisor knows"),
        Err(ClientError::NotRunning(_)) => say!("stored; no supervisor runs here"),
        Err(fault) => return Err(Error::new(fault).context("stored, but the supervisor was not told")),
    }
    Ok(())
}

async fn list(store: &SqlAccounts, json: bool) -> Result<(), Error> {
    let registered = store.registered().await?;
    if json {
        let rows: Vec<_> = registered.iter().map(row).collect();
        say!("{}", serde_json::to_string(&rows)?);
        return Ok(());
    }
    say!("{:<24} {:<12} {:<24} {:<8} {:<12} RESTS", "INSTANCE", "LOGIN", "SERVER", "DESIRED", "GROUP");
    for it in &registered {
        let login = it.login.map_or("-".to_owned(), |login| login.to_string());
        let rests = it.absorbed.map_or(String::new(), |state| {
            let (what, since) = rests(state);
            format!("{what} since {since}")
        });
        say!(
            "{:<24} {login:<12} {:<24} {:<8} {:<12} {rests}",
            it.instance.to_string(),
            it.server.to_string(),
            it.desired.to_string(),
            it.group
        );
    }
    Ok(())
}

fn row(it: &Registered) -> serde_json::Value {
    json!({
        "instance": it.instance,
        "login": it.login,
        "server": it.server,
        "desired": it.desired,
        "gateway": it.gateway,
        "profile": it.profile,
        "group": it.group,
        "rests": it.absorbed.map(|state| rests(state).0),
        "since": it.absorbed.map(|state| rests(state).1),
    })
}

fn rests(state: Absorbed) -> (String, Timestamp) {
    match state {
        Absorbed::Stopped { reason, permanently: true, since } => {
            (format!("PERMANENTLY_FAILED {reason}"), since)
        }
        Absorbed::Stopped { reason, permanently: false, since } => (format!("FAILED {reason}"), since),
        Absorbed::Closed { reason, since } => (format!("closed {reason}"), since),
    }
}

async fn rotate(store: &SqlAccounts) -> Result<(), Error> {
    let told = &mut |it: &warden_store_postgres::Rotation| eprintln!("{} done, {} left", it.done, it.left);
    let rotation = store.rotate(&actor(), told).await.context("run it again, it goes on from there")?;
    for fault in &rotation.stuck {
        eprintln!("{fault}");
    }
    if rotation.left > 0 {
        bail!(
            "{} credentials are still under another key; name it as accounts.previous_key_file, or enter these passwords anew",
            rotation.left
        );
    }
    say!("{} credentials rotated; accounts.previous_key_file may go", rotation.done);
    Ok(())
}

async fn verify(store: &SqlAccounts) -> Result<(), Error> {
    let report = store.verify_audit().await?;
    say!("{} rows proven", report.proven);
    report.fault.map_or(Ok(()), |fault| Err(fault.into()))
}
