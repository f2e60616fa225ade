//! States that an instance does not leave by itself.

use serde_json::{Value, json};
use warden_domain::{Epoch, FailureReason, InstanceId, Timestamp};
use warden_store::Absorbed;

use crate::{
    audit::Action,
    change::Change,
    db::Arg,
    fault::Fault,
    lookup,
    owners::{fence, fenced, number},
};

/// Records the state of rest, or that there is none any more. What is closed stays as it is.
pub(crate) async fn absorb(
    change: &mut Change<'_>,
    instance: &InstanceId,
    epoch: Epoch,
    state: Option<Absorbed>,
) -> Result<(), Fault> {
    fence(change, instance, epoch).await?;
    let present = present(change, instance).await?;
    if present == state || matches!(present, Some(Absorbed::Closed { .. })) {
        return Ok(());
    }
    let changed = match state {
        Some(state) => put(change, instance, epoch, state).await?,
        None => {
            let sql = fenced!("DELETE FROM absorbed WHERE instance = $1 AND kind <> 'CLOSED'");
            change.run(sql, &[Arg::Text(instance.as_str()), Arg::Int(number(epoch))]).await?
        }
    };
    if changed > 0 {
        let action = if state.is_some() { Action::Absorbed } else { Action::Released };
        change.note(action, Some(instance), &said(present), &said(state));
    }
    Ok(())
}

/// Writes the state of a registered instance, unless it is closed; answers how many rows that changed.
pub(crate) async fn put(
    change: &mut Change<'_>,
    instance: &InstanceId,
    epoch: Epoch,
    state: Absorbed,
) -> Result<u64, sqlx::Error> {
    let sql = fenced!(
        "INSERT INTO absorbed (instance, kind, reason, permanently, server, since_ms, epoch) \
         SELECT i.instance, $3, $4, $5, i.server, $6, $2 FROM instances i WHERE i.instance = $1",
        " ON CONFLICT (instance) DO UPDATE SET kind = excluded.kind, reason = excluded.reason, \
         permanently = excluded.permanently, server = excluded.server, since_ms = excluded.since_ms, \
         epoch = excluded.epoch WHERE absorbed.kind <> 'CLOSED'"
    );
    let (kind, reason, permanently, since) = parts(state);
    let args = [
        Arg::Text(instance.as_str()),
        Arg::Int(number(epoch)),
        Arg::Text(kind),
        Arg::Text(reason.as_str()),
        Arg::Bool(permanently),
        Arg::Int(since.as_millis()),
    ];
    change.run(sql, &args).await
}

/// The state as it is.
pub(crate) async fn present(
    change: &mut Change<'_>,
    instance: &InstanceId,
) -> Result<Option<Absorbed>, sqlx::Error> {
    let sql = "SELECT kind, reason, permanently, since_ms FROM absorbed WHERE instance = $1";
    let Some(line) = change.row(sql, &[Arg::Text(instance.as_str())]).await? else { return Ok(None) };
    // One that is none of ours is as good as none: it is replaced.
    Ok(lookup::resting(&line, 0)?.unwrap_or(None))
}

fn parts(state: Absorbed) -> (&'static str, FailureReason, bool, Timestamp) {
    match state {
        Absorbed::Stopped { reason, permanently, since } => ("STOPPED", reason, permanently, since),
        Absorbed::Closed { reason, since } => ("CLOSED", reason, false, since),
    }
}

fn said(state: Option<Absorbed>) -> Value {
    let Some(state) = state else { return Value::Null };
    let (kind, reason, permanently, since) = parts(state);
    json!({ "kind": kind, "reason": reason.as_str(), "permanently": permanently, "since": since.to_string() })
}
