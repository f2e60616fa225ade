//! Accounts as they are read: for logins, and as a list.

use std::collections::{HashMap, HashSet};

use sqlx::AssertSqlSafe;
use warden_domain::{Desired, FailureReason, InstanceId, Login, Timestamp, TradeServer};
use warden_store::{Absorbed, Account, AccountsError, Registered};

use crate::{
    change::BATCH,
    db::{Arg, Db, Line, placeholders},
    envelope::{self, Identity, Sealed},
    fault::Fault,
    keys::Kms,
    refusals::Refusals,
    sealed::{self, CREDENTIALS, undecipherable},
};

/// An account as it is stored.
pub(crate) struct Stored {
    pub(crate) login: Login,
    pub(crate) server: TradeServer,
    pub(crate) version: u64,
    /// Its password; `None` when it was revoked.
    pub(crate) sealed: Option<Sealed>,
    /// Credentials that were refused.
    refused: Vec<Vec<u8>>,
}

/// What is there of some instances; what of a row cannot be read is said in words.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) stored: HashMap<InstanceId, Result<Stored, String>>,
    destroyed: HashSet<InstanceId>,
}

/// One answer an instance, in the order asked.
pub(crate) async fn accounts(
    db: &Db,
    kms: &dyn Kms,
    refusals: &Refusals,
    instances: &[InstanceId],
) -> Result<Vec<Result<Account, AccountsError>>, Fault> {
    let mut answers = Vec::with_capacity(instances.len());
    for some in instances.chunks(BATCH) {
        let found = find(db, some).await?;
        for instance in some {
            let opened = match found.stored(instance) {
                Ok(stored) => opened(kms, refusals, instance, stored).await,
                Err(fault) => Err(fault),
            };
            answers.push(match opened.map_err(AccountsError::from) {
                // A key service that is away is away for all of them.
                Err(error @ AccountsError::Unreachable(_)) => return Err(error.into()),
                answer @ (Ok(_) | Err(_)) => answer,
            });
        }
    }
    Ok(answers)
}

/// One account as it is stored.
///
/// # Errors
/// When there is none, or it was destroyed.
pub(crate) async fn stored(db: &Db, instance: &InstanceId) -> Result<Stored, Fault> {
    let mut found = find(db, std::slice::from_ref(instance)).await?;
    found.stored(instance)?;
    let stored = found.stored.remove(instance).and_then(Result::ok);
    stored.ok_or_else(|| AccountsError::Missing(instance.clone()).into())
}

impl Found {
    fn stored(&self, instance: &InstanceId) -> Result<&Stored, Fault> {
        match self.stored.get(instance) {
            Some(Ok(stored)) => Ok(stored),
            Some(Err(what)) => Err(undecipherable(instance, what.clone())),
            None if self.destroyed.contains(instance) => Err(AccountsError::Revoked(instance.clone()).into()),
            None => Err(AccountsError::Missing(instance.clone()).into()),
        }
    }
}

impl Stored {
    /// The row that the password is bound to.
    pub(crate) fn identity<'a>(&'a self, instance: &'a InstanceId) -> Identity<'a> {
        let Self { login, server, version, .. } = self;
        Identity { table: CREDENTIALS, instance, login: *login, server, version: *version }
    }

    /// The account with its password.
    pub(crate) async fn open(&self, kms: &dyn Kms, instance: &InstanceId) -> Result<Account, Fault> {
        let sealed = self.sealed.as_ref().ok_or_else(|| AccountsError::Revoked(instance.clone()))?;
        let password = envelope::open(kms, &self.identity(instance), sealed).await;
        let password = password.map_err(|error| sealed::refused(instance, &error))?;
        Ok(Account { login: self.login, server: self.server.clone(), password, rejected: false })
    }
}

async fn opened(
    kms: &dyn Kms,
    refusals: &Refusals,
    instance: &InstanceId,
    stored: &Stored,
) -> Result<Account, Fault> {
    let mut account = stored.open(kms, instance).await?;
    if !stored.refused.is_empty() {
        let hash = refusals.hash(kms, instance, &account).await?;
        account.rejected = stored.refused.iter().any(|refused| refused[..] == hash);
    }
    Ok(account)
}

/// Reads them in one statement, and in a second one those that are not there.
pub(crate) async fn find(db: &Db, instances: &[InstanceId]) -> Result<Found, sqlx::Error> {
    let mut found = Found::default();
    let sql = "SELECT i.instance, i.login, i.server, c.revoked_at, c.version, c.key_id, c.wrapped, c.nonce, \
        c.ciphertext, r.hash FROM instances i LEFT JOIN credentials c ON c.instance = i.instance \
        LEFT JOIN refusals r ON r.instance = i.instance WHERE i.instance IN ";
    for line in some(db, sql, instances).await? {
        let Ok(instance) = InstanceId::new(&line.cell::<String>(0)?) else { continue };
        let hash = line.cell::<Option<Vec<u8>>>(9)?;
        match found.stored.get_mut(&instance) {
            Some(Ok(stored)) => stored.refused.extend(hash),
            Some(Err(_)) => {}
            None => {
                let mut stored = read(&line)?;
                if let Ok(stored) = &mut stored {
                    stored.refused.extend(hash);
                }
                found.stored.insert(instance, stored);
            }
        }
    }
    if instances.iter().any(|instance| !found.stored.contains_key(instance)) {
        let sql = "SELECT instance FROM absorbed WHERE kind = 'CLOSED' AND instance IN ";
        for line in some(db, sql, instances).await? {
            found.destroyed.extend(InstanceId::new(&line.cell::<String>(0)?));
        }
    }
    Ok(found)
}

async fn some(db: &Db, sql: &str, instances: &[InstanceId]) -> Result<Vec<Line>, sqlx::Error> {
    let args: Vec<_> = instances.iter().map(|instance| Arg::Text(instance.as_str())).collect();
    db.rows(AssertSqlSafe(format!("{sql}{}", placeholders(1, args.len()))), &args).await
}

fn read(line: &Line) -> Result<Result<Stored, String>, sqlx::Error> {
    let (login, server) = (login(line.cell(1)?), TradeServer::new(&line.cell::<String>(2)?));
    let (Some(login), Ok(server)) = (login, server) else {
        return Ok(Err(CHANGED.to_owned()));
    };
    let version = line.cell::<Option<i64>>(4)?.and_then(|version| u64::try_from(version).ok());
    let revoked = line.cell::<Option<i64>>(3)?.is_some();
    let sealed = match version {
        Some(_) if !revoked => match sealed::read(line, 5)? {
            Ok(sealed) => Some(sealed),
            Err(what) => return Ok(Err(what)),
        },
        Some(_) | None => None,
    };
    Ok(Ok(Stored { login, server, version: version.unwrap_or(0), sealed, refused: Vec::new() }))
}

/// Every registered instance and every tombstone, in the order of their ids.
pub(crate) async fn registered(db: &Db) -> Result<Vec<Registered>, Fault> {
    let sql = "SELECT i.instance, i.login, i.server, i.desired, i.gateway, i.profile, i.group_name, \
            a.kind, a.reason, a.permanently, a.since_ms \
        FROM instances i LEFT JOIN absorbed a ON a.instance = i.instance \
        UNION ALL SELECT a.instance, NULL, a.server, 'STOPPED', '', '', '', \
            a.kind, a.reason, a.permanently, a.since_ms \
        FROM absorbed a WHERE NOT EXISTS (SELECT 1 FROM instances i WHERE i.instance = a.instance) \
        ORDER BY 1";
    let mut all = Vec::new();
    for line in db.rows(sql, &[]).await? {
        let Ok(instance) = InstanceId::new(&line.cell::<String>(0)?) else { continue };
        let one = listed(&line, &instance)?;
        all.push(one.ok_or_else(|| undecipherable(&instance, CHANGED.to_owned()))?);
    }
    Ok(all)
}

fn listed(line: &Line, instance: &InstanceId) -> Result<Option<Registered>, sqlx::Error> {
    let number = line.cell::<Option<i64>>(1)?;
    let server = TradeServer::new(&line.cell::<String>(2)?);
    let desired = Desired::from_text(&line.cell::<String>(3)?);
    let (Ok(server), Some(desired), Ok(absorbed)) = (server, desired, resting(line, 7)?) else {
        return Ok(None);
    };
    Ok(Some(Registered {
        instance: instance.clone(),
        login: number.and_then(login),
        server,
        desired,
        gateway: line.cell(4)?,
        profile: line.cell(5)?,
        group: line.cell(6)?,
        absorbed,
    }))
}

/// The state of rest in the columns kind, reason, permanently, `since_ms` from `first` on; `Err` when it is none of ours.
pub(crate) fn resting(line: &Line, first: usize) -> Result<Result<Option<Absorbed>, ()>, sqlx::Error> {
    let Some(kind) = line.cell::<Option<String>>(first)? else { return Ok(Ok(None)) };
    let Some(reason) = FailureReason::from_text(&line.cell::<String>(first + 1)?) else { return Ok(Err(())) };
    let (permanently, since) = (line.cell(first + 2)?, Timestamp::from_millis(line.cell(first + 3)?));
    Ok(match kind.as_str() {
        "STOPPED" => Ok(Some(Absorbed::Stopped { reason, permanently, since })),
        "CLOSED" => Ok(Some(Absorbed::Closed { reason, since })),
        _ => Err(()),
    })
}

const CHANGED: &str = "its row holds something that this program never writes; restore the row from a backup";

fn login(number: i64) -> Option<Login> {
    u64::try_from(number).ok().and_then(|number| Login::new(number).ok())
}
