//! What a person does with accounts.

use serde_json::{Value, json};
use thiserror::Error;
use warden_domain::{Desired, InstanceId, Login, TradeServer};
use warden_store::{Absorbed, AccountsError, Password};

use crate::{
    accounts::SqlAccounts,
    audit::Action,
    change::Change,
    db::Arg,
    envelope::{self, Identity, Sealed},
    fault::Fault,
    lookup, resting,
    sealed::{self, CREDENTIALS, values},
};

/// An account that is added.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its instance.
    pub instance: InstanceId,
    /// The account number.
    pub login: Login,
    /// Its trade server.
    pub server: TradeServer,
    /// Its password.
    pub password: Password,
    /// Whether the instance is started when it was never run before.
    pub desired: Desired,
    /// The gateway that serves it, as a label for people; may be empty.
    pub gateway: String,
    /// The name of its policy profile; empty for the common one.
    pub profile: String,
    /// The group it belongs to; empty when to none.
    pub group: String,
}

/// Why a person did not get what they asked for.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AdminError {
    /// The store refused or did not answer.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The instance has an account.
    #[error("instance {0} has an account already; set its password, or take another instance id")]
    Exists(InstanceId),
    /// Another instance has this account.
    #[error("this login and server are the account of instance {0}; one account has one instance")]
    Taken(InstanceId),
    /// The account of the instance is closed or destroyed, which is final.
    #[error("the account of instance {0} is closed; register the new account under another instance id")]
    Closed(InstanceId),
    /// There is nothing to log in with.
    #[error("the password is empty; give the password")]
    NoPassword,
    /// MT5 has no such account number.
    #[error("login {0} is too large for an account number; check its digits")]
    Login(Login),
    /// Somebody else set the password between our look and our change.
    #[error(
        "the password of instance {0} was set by somebody else just now; look whether it is the right one"
    )]
    Raced(InstanceId),
}

impl From<Fault> for AdminError {
    fn from(fault: Fault) -> Self {
        Self::Accounts(fault.into())
    }
}

impl From<sqlx::Error> for AdminError {
    fn from(error: sqlx::Error) -> Self {
        Fault::from(error).into()
    }
}

impl SqlAccounts {
    /// Adds an account.
    ///
    /// # Errors
    /// When the instance or the account is there already, the instance's account was closed once, or the store did not
    /// answer.
    pub async fn register(&self, account: NewAccount, actor: &str) -> Result<(), AdminError> {
        let NewAccount { instance, login, server, password, .. } = &account;
        let number = i64::try_from(login.number()).map_err(|_| AdminError::Login(*login))?;
        let identity = Identity { table: CREDENTIALS, instance, login: *login, server, version: 1 };
        let sealed = self.seal(&identity, password).await?;
        let mut change = Change::begin(&self.db, actor).await?;
        refuse_closed(&mut change, instance).await?;
        let sql = "SELECT instance FROM instances WHERE instance = $1";
        if change.row(sql, &[Arg::Text(instance.as_str())]).await?.is_some() {
            return Err(AdminError::Exists(account.instance));
        }
        let sql = "SELECT instance FROM instances WHERE login = $1 AND server = $2";
        if let Some(other) = change.row(sql, &[Arg::Int(number), Arg::Text(server.as_str())]).await? {
            let other = InstanceId::new(&other.cell::<String>(0)?);
            return Err(AdminError::Taken(other.unwrap_or(account.instance)));
        }
        insert(&mut change, &account, number, &sealed).await?;
        Ok(change.commit().await?)
    }

    /// Gives an instance a new password: it is neither revoked nor, unless it was refused before, rejected.
    ///
    /// # Errors
    /// When there is no account, it is closed, somebody else set one at the same time, or the store did not answer.
    pub async fn set_password(
        &self,
        instance: &InstanceId,
        password: &Password,
        actor: &str,
    ) -> Result<(), AdminError> {
        let stored = match lookup::stored(&self.db, instance).await {
            Err(Fault::Accounts(AccountsError::Revoked(gone))) => return Err(AdminError::Closed(gone)),
            found => found?,
        };
        let identity = Identity { version: stored.version + 1, ..stored.identity(instance) };
        let sealed = self.seal(&identity, password).await?;
        let mut change = Change::begin(&self.db, actor).await?;
        refuse_closed(&mut change, instance).await?;
        let sql = "UPDATE credentials SET version = version + 1, key_id = $3, wrapped = $4, nonce = $5, \
            ciphertext = $6, revoked_at = NULL WHERE instance = $1 AND version = $2";
        let version = Arg::Int(i64::try_from(stored.version).unwrap_or(i64::MAX));
        let [key, wrapped, nonce, ciphertext] = values(&sealed);
        let args = [Arg::Text(instance.as_str()), version, key, wrapped, nonce, ciphertext];
        if change.run(sql, &args).await? == 0 {
            return Err(AdminError::Raced(instance.clone()));
        }
        let (before, after) = (json!({ "version": stored.version }), json!({ "version": identity.version }));
        change.note(Action::PasswordSet, Some(instance), &before, &after);
        Ok(change.commit().await?)
    }

    /// Says whether the instance is started when it was never run before.
    ///
    /// # Errors
    /// When there is no account, or the store did not answer.
    pub async fn set_desired(
        &self,
        instance: &InstanceId,
        desired: Desired,
        actor: &str,
    ) -> Result<(), AdminError> {
        let mut change = Change::begin(&self.db, actor).await?;
        let name = Arg::Text(instance.as_str());
        let before = change.row("SELECT desired FROM instances WHERE instance = $1", &[name]).await?;
        let before: String = before.ok_or_else(|| AccountsError::Missing(instance.clone()))?.cell(0)?;
        if before == desired.as_str() {
            return Ok(());
        }
        let sql = "UPDATE instances SET desired = $2, updated_at = $3 WHERE instance = $1";
        let at = Arg::Int(change.at().as_millis());
        change.run(sql, &[name, Arg::Text(desired.as_str()), at]).await?;
        let (before, after) = (json!({ "desired": before }), json!({ "desired": desired.as_str() }));
        change.note(Action::DesiredSet, Some(instance), &before, &after);
        Ok(change.commit().await?)
    }

    async fn seal(&self, identity: &Identity<'_>, password: &Password) -> Result<Sealed, AdminError> {
        if password.reveal().is_empty() {
            return Err(AdminError::NoPassword);
        }
        let sealed = envelope::seal(&*self.kms, identity, password).await;
        Ok(sealed.map_err(|error| sealed::refused(identity.instance, &error))?)
    }
}

/// What is closed is final.
async fn refuse_closed(change: &mut Change<'_>, instance: &InstanceId) -> Result<(), AdminError> {
    match resting::present(change, instance).await? {
        Some(Absorbed::Closed { .. }) => Err(AdminError::Closed(instance.clone())),
        Some(Absorbed::Stopped { .. }) | None => Ok(()),
    }
}

async fn insert(
    change: &mut Change<'_>,
    account: &NewAccount,
    login: i64,
    sealed: &Sealed,
) -> Result<(), sqlx::Error> {
    let NewAccount { instance, server, desired, gateway, profile, group, .. } = account;
    let name = Arg::Text(instance.as_str());
    let sql = "INSERT INTO instances (instance, login, server, desired, gateway, profile, group_name, \
        created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
    let args = [
        name,
        Arg::Int(login),
        Arg::Text(server.as_str()),
        Arg::Text(desired.as_str()),
        Arg::Text(gateway),
        Arg::Text(profile),
        Arg::Text(group),
        Arg::Int(change.at().as_millis()),
    ];
    change.run(sql, &args).await?;
    let sql = "INSERT INTO credentials (instance, version, key_id, wrapped, nonce, ciphertext) \
        VALUES ($1, 1, $2, $3, $4, $5)";
    let [key, wrapped, nonce, ciphertext] = values(sealed);
    change.run(sql, &[name, key, wrapped, nonce, ciphertext]).await?;
    let after = json!({
        "server": server.as_str(), "desired": desired.as_str(), "gateway": gateway, "profile": profile,
        "group": group,
    });
    change.note(Action::Registered, Some(instance), &Value::Null, &after);
    Ok(())
}
