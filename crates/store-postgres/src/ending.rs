//! The end of credentials: revoked at once, deleted after confirmation (ACC-3).

use serde_json::{Value, json};
use warden_domain::{Epoch, FailureReason, InstanceId};
use warden_store::Absorbed;

use crate::{
    audit::Action,
    change::Change,
    db::Arg,
    fault::Fault,
    owners::{fence, fenced, number},
    resting,
};

/// Makes the credentials useless: from now on nobody, with whatever key, can open them.
pub(crate) async fn revoke(
    change: &mut Change<'_>,
    instance: &InstanceId,
    epoch: Epoch,
) -> Result<(), Fault> {
    fence(change, instance, epoch).await?;
    if overwrite(change, instance, epoch).await? > 0 {
        change.note(Action::Revoked, Some(instance), &Value::Null, &json!({ "epoch": epoch.0 }));
    }
    Ok(())
}

/// Deletes everything of the account but its tombstone.
pub(crate) async fn delete(
    change: &mut Change<'_>,
    instance: &InstanceId,
    epoch: Epoch,
) -> Result<(), Fault> {
    fence(change, instance, epoch).await?;
    if remove(change, instance, epoch).await? > 0 {
        change.note(Action::Deleted, Some(instance), &Value::Null, &json!({ "epoch": epoch.0 }));
    }
    Ok(())
}

/// Puts nothing in the place of the credentials; answers how many rows that changed.
async fn overwrite(change: &mut Change<'_>, instance: &InstanceId, epoch: Epoch) -> Result<u64, sqlx::Error> {
    let sql = fenced!(
        "UPDATE credentials SET key_id = '', wrapped = $4, nonce = $4, ciphertext = $4, revoked_at = $3 \
         WHERE instance = $1 AND revoked_at IS NULL"
    );
    let at = Arg::Int(change.at().as_millis());
    let args = [Arg::Text(instance.as_str()), Arg::Int(number(epoch)), at, Arg::Blob(&[])];
    change.run(sql, &args).await
}

/// Removes the account and leaves its tombstone; answers how many accounts that were.
async fn remove(change: &mut Change<'_>, instance: &InstanceId, epoch: Epoch) -> Result<u64, sqlx::Error> {
    let end = Absorbed::Closed { reason: FailureReason::AccountClosed, since: change.at() };
    resting::put(change, instance, epoch, end).await?;
    let args = [Arg::Text(instance.as_str()), Arg::Int(number(epoch))];
    change.run(fenced!("DELETE FROM refusals WHERE instance = $1"), &args).await?;
    change.run(fenced!("DELETE FROM credentials WHERE instance = $1"), &args).await?;
    change.run(fenced!("DELETE FROM instances WHERE instance = $1"), &args).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use warden_domain::{Desired, Login, TradeServer};
    use warden_store::{Accounts as _, Password};

    use super::*;
    use crate::{
        AccountsConfig, NewAccount, SqlAccounts,
        keys::{LocalKms, MasterKey},
    };

    /// The statements themselves let a former owner change nothing, whoever looked beforehand.
    #[tokio::test]
    async fn acc_3_no_destructive_statement_stands_without_the_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let kms = LocalKms::new(MasterKey::generate(&folder.path().join("key")).unwrap(), None).unwrap();
        let config = AccountsConfig::new(format!("sqlite:{}/accounts.db", folder.path().display()));
        let store = SqlAccounts::open(&config, Arc::new(kms), "sup-1").await.unwrap();
        let a = InstanceId::new("a").unwrap();
        let account = NewAccount {
            instance: a.clone(),
            login: Login::new(1).unwrap(),
            server: TradeServer::new("Broker-Live3").unwrap(),
            password: Password::new("secret".into()),
            desired: Desired::Running,
            gateway: String::new(),
            profile: String::new(),
            group: String::new(),
        };
        store.register(account, "operator").await.unwrap();
        store.remember_rejected(&a).await.unwrap();
        store.raise_epochs(&[a.clone(), a.clone()]).await.unwrap();
        let mut change = Change::begin(&store.db, "sup-0").await.unwrap();
        assert_eq!(overwrite(&mut change, &a, Epoch(1)).await.unwrap(), 0);
        assert_eq!(remove(&mut change, &a, Epoch(1)).await.unwrap(), 0);
        for table in ["refusals", "credentials WHERE revoked_at IS NULL", "instances"] {
            let sql = sqlx::AssertSqlSafe(format!("SELECT 1 FROM {table}"));
            assert_eq!(change.rows(sql, &[]).await.unwrap().len(), 1, "{table}");
        }
        assert!(change.rows("SELECT 1 FROM absorbed", &[]).await.unwrap().is_empty());
        assert_eq!(overwrite(&mut change, &a, Epoch(2)).await.unwrap(), 1);
        assert_eq!(remove(&mut change, &a, Epoch(2)).await.unwrap(), 1);
    }
}
