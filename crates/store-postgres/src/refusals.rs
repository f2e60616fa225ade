//! Credentials that the broker refused, remembered as keyed hashes (LOG-9).

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use warden_domain::InstanceId;
use warden_store::{Account, AccountsError};

use crate::{
    audit::Action,
    change::Change,
    db::{Arg, Db, Line},
    envelope::{EnvelopeError, Installation, RefusalKey, Sealed, rewrap},
    fault::Fault,
    keys::Kms,
    lookup,
    sealed::{self, values},
};

/// Refusals of one instance that are remembered; the oldest one gives way.
pub(crate) const KEPT: i64 = 16;

/// The name of the key in its table, and the version of the only one there is.
const NAME: &str = "refusals";
const ROW: Installation = Installation { table: "sealed_keys", version: 1 };

/// The key of the hashes, opened when it is first needed and made when there is none.
pub(crate) struct Refusals {
    db: Arc<Db>,
    actor: Arc<str>,
    key: OnceCell<RefusalKey>,
}

impl Refusals {
    pub(crate) fn new(db: Arc<Db>, actor: Arc<str>) -> Self {
        Self { db, actor, key: OnceCell::new() }
    }

    /// What is remembered of these credentials.
    pub(crate) async fn hash(
        &self,
        kms: &dyn Kms,
        instance: &InstanceId,
        account: &Account,
    ) -> Result<[u8; 32], Fault> {
        let key = self.key.get_or_try_init(|| self.open(kms, instance)).await?;
        Ok(key.hash(account.login, &account.server, &account.password))
    }

    async fn open(&self, kms: &dyn Kms, instance: &InstanceId) -> Result<RefusalKey, Fault> {
        let refused = |error: EnvelopeError| sealed::refused(instance, &error);
        loop {
            if let Some(sealed) = self.stored(instance).await? {
                return RefusalKey::open(kms, &ROW, &sealed).await.map_err(refused);
            }
            let made = RefusalKey::random().map_err(refused)?.seal(kms, &ROW).await.map_err(refused)?;
            self.store(&made).await?;
        }
    }

    async fn stored(&self, instance: &InstanceId) -> Result<Option<Sealed>, Fault> {
        match self.db.rows(SEALED, &[Arg::Text(NAME)]).await?.first() {
            None => Ok(None),
            Some(line) => {
                sealed::read(line, 0)?.map(Some).map_err(|what| sealed::undecipherable(instance, what))
            }
        }
    }

    /// Stores a new key, unless another process was quicker.
    async fn store(&self, made: &Sealed) -> Result<(), sqlx::Error> {
        let mut change = Change::begin(&self.db, &self.actor).await?;
        let sql = "INSERT INTO sealed_keys (name, version, key_id, wrapped, nonce, ciphertext) \
            VALUES ($1, 1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING";
        let [key, wrapped, nonce, ciphertext] = values(made);
        if change.run(sql, &[Arg::Text(NAME), key, wrapped, nonce, ciphertext]).await? > 0 {
            change.note(Action::RefusalKeyMade, None, &Value::Null, &json!({ "key": made.key.as_str() }));
        }
        change.commit().await
    }
}

const SEALED: &str = "SELECT key_id, wrapped, nonce, ciphertext FROM sealed_keys WHERE name = $1";

/// Remembers that the present credentials were refused.
pub(crate) async fn remember(
    db: &Db,
    kms: &dyn Kms,
    refusals: &Refusals,
    instance: &InstanceId,
) -> Result<(), Fault> {
    let stored = lookup::stored(db, instance).await?;
    let account = stored.open(kms, instance).await?;
    let hash = refusals.hash(kms, instance, &account).await?;
    let mut change = Change::begin(db, &refusals.actor).await?;
    // Nothing is remembered of an account that was destroyed in the meantime.
    let sql = "INSERT INTO refusals (instance, number, hash) \
        SELECT i.instance, (SELECT coalesce(max(r.number), 0) + 1 FROM refusals r WHERE r.instance = $1), $2 \
        FROM instances i WHERE i.instance = $1 ON CONFLICT (instance, hash) DO NOTHING";
    let instance_id = Arg::Text(instance.as_str());
    if change.run(sql, &[instance_id, Arg::Blob(&hash)]).await? > 0 {
        let sql = "DELETE FROM refusals WHERE instance = $1 \
            AND number <= (SELECT max(r.number) FROM refusals r WHERE r.instance = $1) - $2";
        change.run(sql, &[instance_id, Arg::Int(KEPT)]).await?;
        change.note(Action::Refused, Some(instance), &Value::Null, &json!({ "version": stored.version }));
    }
    Ok(change.commit().await?)
}

/// Forgets what was refused.
pub(crate) async fn forget(db: &Db, instance: &InstanceId, actor: &str) -> Result<(), Fault> {
    let mut change = Change::begin(db, actor).await?;
    let sql = "DELETE FROM refusals WHERE instance = $1";
    let forgotten = change.run(sql, &[Arg::Text(instance.as_str())]).await?;
    if forgotten > 0 {
        change.note(
            Action::RefusalsForgotten,
            Some(instance),
            &json!({ "refusals": forgotten }),
            &Value::Null,
        );
    }
    Ok(change.commit().await?)
}

/// Wraps the key of the hashes by the current key; answers whether that had to be done.
pub(crate) async fn rotate(db: &Db, kms: &dyn Kms, actor: &str) -> Result<bool, Fault> {
    let lines = db.rows(SEALED, &[Arg::Text(NAME)]).await?;
    let Some(Ok(old)) = lines.first().map(|line: &Line| sealed::read(line, 0)).transpose()? else {
        return Ok(false);
    };
    if old.key == *kms.current() {
        return Ok(false);
    }
    let new = rewrap(kms, &ROW, &old).await;
    let new = new.map_err(|error| AccountsError::Unreachable(format!("the key of the refusals: {error}")))?;
    let mut change = Change::begin(db, actor).await?;
    let sql = "UPDATE sealed_keys SET key_id = $2, wrapped = $3, nonce = $4, ciphertext = $5 \
        WHERE name = $1 AND key_id = $6";
    let [key, wrapped, nonce, ciphertext] = values(&new);
    let args = [Arg::Text(NAME), key, wrapped, nonce, ciphertext, Arg::Text(old.key.as_str())];
    if change.run(sql, &args).await? > 0 {
        change.note(
            Action::Rotated,
            None,
            &json!({ "key": old.key.as_str(), "refusal_keys": 1 }),
            &json!({ "key": new.key.as_str() }),
        );
    }
    change.commit().await?;
    Ok(true)
}
