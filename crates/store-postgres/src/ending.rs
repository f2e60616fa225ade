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

/// Overwrites the credentials with nothing: from now on nobody, with whatever key, can use them.
pub(crate) async fn revoke(
    change: &mut Change<'_>,
    instance: &InstanceId,
    epoch: Epoch,
) -> Result<(), Fault> {
    fence(change, instance, epoch).await?;
    let sql = fenced!(
        "UPDATE credentials SET key_id = '', wrapped = $4, nonce = $4, ciphertext = $4, revoked_at = $3 \
         WHERE instance = $1 AND revoked_at IS NULL"
    );
    let at = Arg::Int(change.at().as_millis());
    let args = [Arg::Text(instance.as_str()), Arg::Int(number(epoch)), at, Arg::Blob(&[])];
    if change.run(sql, &args).await? > 0 {
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
    let end = Absorbed::Closed { reason: FailureReason::AccountClosed, since: change.at() };
    resting::put(change, instance, epoch, end).await?;
    let args = [Arg::Text(instance.as_str()), Arg::Int(number(epoch))];
    change.run(fenced!("DELETE FROM refusals WHERE instance = $1"), &args).await?;
    change.run(fenced!("DELETE FROM credentials WHERE instance = $1"), &args).await?;
    if change.run(fenced!("DELETE FROM instances WHERE instance = $1"), &args).await? > 0 {
        change.note(Action::Deleted, Some(instance), &Value::Null, &json!({ "epoch": epoch.0 }));
    }
    Ok(())
}
