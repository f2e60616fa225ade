//! Who owns an instance, and what a former owner may no longer do.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use warden_domain::{Epoch, InstanceId};
use warden_store::AccountsError;

use crate::{
    audit::Action,
    change::{BATCH, Change},
    db::{Arg, placeholders},
    fault::Fault,
};

/// A statement that only the owner's epoch, `$2`, lets through for the instance `$1`. Checked beforehand by [`fence`] to
/// give the error its words; here so that no destructive statement stands without it.
macro_rules! fenced {
    ($sql:literal $(, $rest:literal)?) => {
        concat!(
            $sql,
            " AND NOT EXISTS (SELECT 1 FROM owners WHERE owners.instance = $1 AND owners.epoch > $2)",
            $($rest)?
        )
    };
}
pub(crate) use fenced;

/// Refuses an epoch lower than the owner's.
pub(crate) async fn fence(change: &mut Change<'_>, instance: &InstanceId, epoch: Epoch) -> Result<(), Fault> {
    let sql = "SELECT epoch FROM owners WHERE instance = $1 AND epoch > $2";
    match change.row(sql, &[Arg::Text(instance.as_str()), Arg::Int(number(epoch))]).await? {
        Some(owner) => Err(AccountsError::Fenced(read(owner.cell(0)?)).into()),
        None => Ok(()),
    }
}

/// Raises the epoch of each instance by one for each time it is named.
pub(crate) async fn raise(
    change: &mut Change<'_>,
    instances: &[InstanceId],
) -> Result<Vec<Epoch>, sqlx::Error> {
    let mut times = BTreeMap::new();
    for instance in instances {
        *times.entry(instance).or_insert(0_i64) += 1;
    }
    let mut next = BTreeMap::new();
    for some in times.iter().collect::<Vec<_>>().chunks(BATCH) {
        let sql = format!(
            "INSERT INTO owners (instance, epoch) VALUES {} ON CONFLICT (instance) \
             DO UPDATE SET epoch = owners.epoch + excluded.epoch RETURNING instance, epoch",
            placeholders(some.len(), 2)
        );
        let args: Vec<_> =
            some.iter().flat_map(|(id, times)| [Arg::Text(id.as_str()), Arg::Int(**times)]).collect();
        for line in change.rows(AssertSqlSafe(sql), &args).await? {
            next.insert(line.cell::<String>(0)?, line.cell::<i64>(1)?);
        }
    }
    for (instance, times) in times {
        let raised = next.get_mut(instance.as_str()).ok_or(sqlx::Error::RowNotFound)?;
        let before = *raised - times;
        let epoch = |epoch: i64| if epoch == 0 { Value::Null } else { json!({ "epoch": epoch }) };
        change.note(Action::EpochRaised, Some(instance), &epoch(before), &epoch(*raised));
        *raised = before;
    }
    Ok(instances.iter().map(|instance| step(&mut next, instance)).collect())
}

fn step(next: &mut BTreeMap<String, i64>, instance: &InstanceId) -> Epoch {
    let epoch = next.get_mut(instance.as_str()).expect("each instance was just raised");
    *epoch += 1;
    read(*epoch)
}

/// An epoch as it is stored.
pub(crate) fn number(epoch: Epoch) -> i64 {
    i64::try_from(epoch.0).unwrap_or(i64::MAX)
}

fn read(number: i64) -> Epoch {
    Epoch(u64::try_from(number).unwrap_or(0))
}
