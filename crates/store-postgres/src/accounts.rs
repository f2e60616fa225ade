use std::{fmt, sync::Arc, time::SystemTime};

use warden_domain::{Epoch, InstanceId};
use warden_store::{
    Absorbed, Account, Accounts, AccountsError, Pending, Registered,
    schema::{self, Schema as _},
};

use crate::{
    audit::{self, AuditReport},
    change::Change,
    config::AccountsConfig,
    db::{Db, Engine},
    ending,
    fault::Fault,
    keys::Kms,
    lookup,
    open::OpenError,
    owners,
    refusals::{self, Refusals},
    resting,
    schema::{AccountsSchema, unserved},
};

/// Accounts in PostgreSQL or SQLite. Clones share one store.
///
/// # Expected flow
/// [`open`](Self::open) once at the start; then the port is used by the supervisor, and the methods here by whoever
/// administers accounts. After an outage it works again by itself; during one every call is
/// [`AccountsError::Unreachable`].
///
/// # Guarantees
/// - A change and its line in the audit log are one transaction, and changes follow one another.
/// - Passwords are decrypted when they are fetched and at no other time; no key that opens them is in the store.
/// - What ends credentials or records a state of rest carries the owner's epoch into its statement: a former owner
///   changes nothing.
/// - The instance id of a destroyed account is never used again: its tombstone would keep the new account from being
///   started, and its archived history would mix with the new one's.
///
/// # Caveats
/// - A call that timed out may have been done. Every call of the port may be repeated; an epoch is then raised twice.
/// - PostgreSQL keeps deleted rows in its files until the next `VACUUM`, and in its write-ahead log and backups for
///   longer: of a password what is encrypted, of a login the number. In SQLite a deletion overwrites the file and
///   empties its log at once.
/// - Whoever may write to the database can put an older row in the place of a newer one together with its version, or
///   write the whole audit log and its head anew. Backups and the database's own log are what tells of that.
#[derive(Clone)]
pub struct SqlAccounts {
    pub(crate) db: Arc<Db>,
    pub(crate) kms: Arc<dyn Kms>,
    pub(crate) refusals: Arc<Refusals>,
    actor: Arc<str>,
}

impl SqlAccounts {
    /// Opens the store. SQLite is brought up to the schema of this program; PostgreSQL must be there already, because a
    /// supervisor's user may change no table.
    ///
    /// `actor` names this process in the audit log.
    ///
    /// # Errors
    /// When the configuration is wrong, the store does not answer, or its schema is another one.
    pub async fn open(
        config: &AccountsConfig,
        kms: Arc<dyn Kms>,
        actor: impl Into<Arc<str>>,
    ) -> Result<Self, OpenError> {
        let mut schema = AccountsSchema::connect(config).await?;
        let db = Arc::new(Db::new(config, config.place()?));
        match db.engine() {
            Engine::Sqlite => {
                let place = schema.place();
                schema::up(&mut schema, SystemTime::now().into(), &mut |told| tracing::info!(place, ?told))
                    .await?;
            }
            Engine::Postgres => schema::current(&mut schema).await?,
        }
        let actor = actor.into();
        let refusals = Arc::new(Refusals::new(Arc::clone(&db), Arc::clone(&actor)));
        Ok(Self { db, kms, refusals, actor })
    }

    /// Whether nothing is encrypted in the store yet, so that it may be opened with a new key.
    ///
    /// # Errors
    /// As [`open`](Self::open); a PostgreSQL without our tables is refused like one with another schema.
    pub async fn nothing_sealed(config: &AccountsConfig) -> Result<bool, OpenError> {
        let mut schema = AccountsSchema::connect(config).await?;
        if schema.applied().await?.is_empty() {
            return Ok(true);
        }
        let place = schema.place();
        let db = Db::new(config, config.place()?);
        let sql = "SELECT (SELECT count(*) FROM credentials) + (SELECT count(*) FROM sealed_keys)";
        let counted =
            db.rows(sql, &[]).await.and_then(|lines| lines.first().map_or(Ok(0), |line| line.cell::<i64>(0)));
        db.close().await;
        Ok(counted.map_err(|error| unserved(&place, &error))? == 0)
    }

    /// The keys that credentials stand under, each once; credentials that were revoked are left out.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn keys_in_use(&self) -> Result<Vec<String>, AccountsError> {
        let sql = "SELECT DISTINCT key_id FROM credentials WHERE revoked_at IS NULL ORDER BY key_id";
        let lines = self.db.rows(sql, &[]).await.map_err(Fault::from)?;
        let keys: Result<_, sqlx::Error> = lines.iter().map(|line| line.cell(0)).collect();
        Ok(keys.map_err(Fault::from)?)
    }

    /// Ends every connection; what is under way is finished first.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Walks the whole audit log and says whether it is what was written, up to its newest row.
    ///
    /// # Errors
    /// When the store did not answer, or its user may not read the audit log.
    pub async fn verify_audit(&self) -> Result<AuditReport, AccountsError> {
        audit::verify(&self.db).await.map_err(|error| Fault::from(error).into())
    }

    async fn change(&self) -> Result<Change<'_>, sqlx::Error> {
        Change::begin(&self.db, &self.actor).await
    }

    async fn raise(&self, instances: &[InstanceId]) -> Result<Vec<Epoch>, Fault> {
        if instances.is_empty() {
            return Ok(Vec::new());
        }
        let mut change = self.change().await?;
        let epochs = owners::raise(&mut change, instances).await?;
        change.commit().await?;
        Ok(epochs)
    }

    async fn rest(&self, instance: &InstanceId, epoch: Epoch, state: Option<Absorbed>) -> Result<(), Fault> {
        let mut change = self.change().await?;
        resting::absorb(&mut change, instance, epoch, state).await?;
        Ok(change.commit().await?)
    }

    async fn end(&self, instance: &InstanceId, epoch: Epoch) -> Result<(), Fault> {
        let mut change = self.change().await?;
        ending::revoke(&mut change, instance, epoch).await?;
        Ok(change.commit().await?)
    }

    async fn shred(&self, instance: &InstanceId, epoch: Epoch) -> Result<(), Fault> {
        let mut change = self.change().await?;
        ending::delete(&mut change, instance, epoch).await?;
        change.commit().await?;
        // Also when nothing was left to delete: the process may have died between the two.
        self.db.forget_log().await
    }
}

impl Accounts for SqlAccounts {
    fn accounts<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Result<Account, AccountsError>>, AccountsError>> {
        Box::pin(async move { Ok(lookup::accounts(&self.db, &*self.kms, &self.refusals, instances).await?) })
    }

    fn registered(&self) -> Pending<'_, Result<Vec<Registered>, AccountsError>> {
        Box::pin(async move { Ok(lookup::registered(&self.db).await?) })
    }

    fn absorb<'a>(
        &'a self,
        instance: &'a InstanceId,
        epoch: Epoch,
        state: Option<Absorbed>,
    ) -> Pending<'a, Result<(), AccountsError>> {
        Box::pin(async move { Ok(self.rest(instance, epoch, state).await?) })
    }

    fn raise_epochs<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Epoch>, AccountsError>> {
        Box::pin(async move { Ok(self.raise(instances).await?) })
    }

    fn remember_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(
            async move { Ok(refusals::remember(&self.db, &*self.kms, &self.refusals, &instance).await?) },
        )
    }

    fn forget_rejected(&self, instance: &InstanceId) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move { Ok(refusals::forget(&self.db, &instance, &self.actor).await?) })
    }

    fn revoke(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move { Ok(self.end(&instance, epoch).await?) })
    }

    fn delete(&self, instance: &InstanceId, epoch: Epoch) -> Pending<'_, Result<(), AccountsError>> {
        let instance = instance.clone();
        Box::pin(async move { Ok(self.shred(&instance, epoch).await?) })
    }
}

impl fmt::Debug for SqlAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlAccounts").field("actor", &self.actor).finish_non_exhaustive()
    }
}
