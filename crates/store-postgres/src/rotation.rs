//! From one key-encryption key to the next, while everything goes on.

use serde_json::json;
use warden_domain::InstanceId;
use warden_store::AccountsError;

use crate::{
    accounts::SqlAccounts,
    audit::Action,
    change::Change,
    db::Arg,
    envelope::{Sealed, rewrap},
    fault::Fault,
    lookup::{self, Stored},
    refusals, sealed,
};

/// Rows that are wrapped anew in one transaction.
const BATCH: i64 = 100;

/// How far a rotation is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Credentials that this run wrapped by the current key.
    pub done: u64,
    /// Credentials that another key still wraps.
    pub left: u64,
    /// Why some of those that are left cannot be wrapped anew, each with its instance.
    pub stuck: Vec<AccountsError>,
}

/// A row that another key wrapped, and what it becomes.
struct Ready {
    instance: InstanceId,
    version: i64,
    old: Sealed,
    new: Sealed,
}

impl SqlAccounts {
    /// Wraps the data key of every row by the current key, 100 rows a transaction; `progress` hears of each.
    ///
    /// Logins, new passwords and other rotations go on meanwhile. What an interrupted run did is done; another run goes
    /// on with the rest. The previous key can be taken away when nothing is left.
    ///
    /// # Errors
    /// When the store or the key service did not answer; another run goes on from there.
    pub async fn rotate(
        &self,
        actor: &str,
        progress: &mut (dyn FnMut(&Rotation) + Send),
    ) -> Result<Rotation, AccountsError> {
        refusals::rotate(&self.db, &*self.kms, actor).await?;
        let mut rotation = Rotation::default();
        loop {
            rotation.stuck.clear();
            // Rows that somebody else changed under us are looked at again.
            if self.pass(actor, &mut rotation, progress).await? {
                rotation.left = self.left().await?;
                return Ok(rotation);
            }
        }
    }

    /// One walk over all that is left; answers whether nobody else changed a row under it.
    async fn pass(
        &self,
        actor: &str,
        rotation: &mut Rotation,
        progress: &mut (dyn FnMut(&Rotation) + Send),
    ) -> Result<bool, Fault> {
        let (mut behind, mut alone) = (String::new(), true);
        loop {
            let names = self.names(&behind).await?;
            let Some(last) = names.last() else { return Ok(alone) };
            behind = last.as_str().to_owned();
            let mut ready = Vec::with_capacity(names.len());
            for (instance, stored) in lookup::find(&self.db, &names).await?.stored {
                match self.rewrapped(instance, stored).await {
                    Ok(row) => ready.extend(row),
                    Err(Fault::Accounts(error @ AccountsError::Undecipherable { .. })) => {
                        rotation.stuck.push(error);
                    }
                    Err(fault) => return Err(fault),
                }
            }
            let written = self.write(actor, &ready).await?;
            alone &= written == ready.len();
            rotation.done += written as u64;
            rotation.left = self.left().await?;
            progress(rotation);
        }
    }

    /// The next instances whose credentials another key wraps.
    async fn names(&self, behind: &str) -> Result<Vec<InstanceId>, sqlx::Error> {
        let sql = "SELECT instance FROM credentials WHERE key_id <> $1 AND revoked_at IS NULL AND instance > $2 \
            ORDER BY instance LIMIT $3";
        let args = [Arg::Text(self.kms.current().as_str()), Arg::Text(behind), Arg::Int(BATCH)];
        let lines = self.db.rows(sql, &args).await?;
        let names: Result<Vec<String>, _> = lines.iter().map(|line| line.cell(0)).collect();
        Ok(names?.iter().filter_map(|name| InstanceId::new(name).ok()).collect())
    }

    async fn left(&self) -> Result<u64, Fault> {
        let sql = "SELECT count(*) FROM credentials WHERE key_id <> $1 AND revoked_at IS NULL";
        let counted = self.db.rows(sql, &[Arg::Text(self.kms.current().as_str())]).await?;
        let left: i64 = counted.first().map_or(Ok(0), |line| line.cell(0))?;
        Ok(u64::try_from(left).unwrap_or(0))
    }

    /// What the row becomes; nothing when it was revoked or wrapped in the meantime.
    async fn rewrapped(
        &self,
        instance: InstanceId,
        stored: Result<Stored, String>,
    ) -> Result<Option<Ready>, Fault> {
        let stored = stored.map_err(|what| sealed::undecipherable(&instance, what))?;
        let Some(old) = stored.sealed.as_ref().filter(|old| old.key != *self.kms.current()) else {
            return Ok(None);
        };
        let new = rewrap(&*self.kms, &stored.identity(&instance), old).await;
        let new = new.map_err(|error| sealed::refused(&instance, &error))?;
        let version = i64::try_from(stored.version).unwrap_or(i64::MAX);
        Ok(Some(Ready { version, old: old.clone(), new, instance }))
    }

    /// Writes those that are still as they were; answers how many.
    async fn write(&self, actor: &str, ready: &[Ready]) -> Result<usize, Fault> {
        let mut change = Change::begin(&self.db, actor).await?;
        let mut written = 0;
        for Ready { instance, version, old, new } in ready {
            let sql = "UPDATE credentials SET key_id = $4, wrapped = $5 \
                WHERE instance = $1 AND version = $2 AND key_id = $3";
            let args = [
                Arg::Text(instance.as_str()),
                Arg::Int(*version),
                Arg::Text(old.key.as_str()),
                Arg::Text(new.key.as_str()),
                Arg::Blob(&new.wrapped),
            ];
            written += usize::from(change.run(sql, &args).await? > 0);
        }
        if written > 0 {
            let key = json!({ "key": self.kms.current().as_str(), "credentials": written });
            change.note(Action::Rotated, None, &serde_json::Value::Null, &key);
        }
        change.commit().await?;
        Ok(written)
    }
}
