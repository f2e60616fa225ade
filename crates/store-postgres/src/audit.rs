//! The audit log: who changed what, each row chained to the one before it.
//!
//! # Layout
//! Integers are little-endian, texts are a `u32` length in bytes followed by the bytes:
//!
//! ```text
//! hash = BLAKE3( hash of the predecessor, 32 bytes | seq u64 | at i64 ms
//!              | actor | action | instance | before | after )
//! ```
//!
//! The predecessor of row 1 is 32 zero bytes; a row about no instance has an empty one. `before` and `after` are JSON
//! texts, empty when there is nothing to say. No row holds a login or a password, so that the log outlives every
//! account without telling of it.

use warden_domain::{InstanceId, Timestamp};

use crate::db::{Arg, Db, Line, Tx};

/// Rows that a walk takes at once.
const PAGE: i64 = 1_000;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Action {
            $($(#[$doc])* $name,)+
        }

        impl Action {
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

actions! {
    /// An account was added.
    Registered = "ACCOUNT_REGISTERED",
    /// An account was given a password.
    PasswordSet = "PASSWORD_SET",
    /// What the user wants of an instance changed.
    DesiredSet = "DESIRED_SET",
    /// An instance came to rest until a person acts.
    Absorbed = "ABSORBED",
    /// A person started it again.
    Released = "RELEASED",
    /// An instance has a new owner.
    EpochRaised = "EPOCH_RAISED",
    /// The broker refused credentials (LOG-9).
    Refused = "CREDENTIALS_REFUSED",
    /// Refusals were forgotten (LOG-7).
    RefusalsForgotten = "REFUSALS_FORGOTTEN",
    /// Credentials were made unusable (ACC-3).
    Revoked = "CREDENTIALS_REVOKED",
    /// Credentials, login and refusals were deleted (ACC-3).
    Deleted = "CREDENTIALS_DELETED",
    /// The key of the refusals was made.
    RefusalKeyMade = "REFUSAL_KEY_MADE",
    /// Data keys were wrapped by another key.
    Rotated = "KEYS_ROTATED",
}

/// The newest row of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: i64,
    pub(crate) hash: [u8; 32],
}

/// What a row says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) action: &'a str,
    pub(crate) instance: &'a str,
    pub(crate) before: &'a str,
    pub(crate) after: &'a str,
}

impl Head {
    /// Before the first row.
    const START: Self = Self { seq: 0, hash: [0; 32] };

    /// The head after a row that says this.
    pub(crate) fn after(self, said: &Said<'_>) -> Self {
        let seq = self.seq + 1;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.hash).update(&seq.to_le_bytes()).update(&said.at.as_millis().to_le_bytes());
        for text in [said.actor, said.action, said.instance, said.before, said.after] {
            let length = u32::try_from(text.len()).expect("a row says far less than 4 GiB");
            hasher.update(&length.to_le_bytes()).update(text.as_bytes());
        }
        Self { seq, hash: hasher.finalize().into() }
    }

    pub(crate) fn of(line: &Line) -> Result<Self, sqlx::Error> {
        Ok(Self { seq: line.cell(0)?, hash: hash(line, 1)? })
    }
}

/// What a walk over the whole audit log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Rows that are proven, from the first one on without a gap.
    pub proven: u64,
    /// The first thing that is wrong.
    pub fault: Option<AuditFault>,
}

/// What is wrong with the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// A row is not what was written, or not behind the row it was written behind.
    #[error("row {0} of the audit log is not what was written; compare it with a backup")]
    Changed(u64),
    /// A row is missing before others.
    #[error("row {0} of the audit log is missing; restore it from a backup")]
    Missing(u64),
    /// The newest rows are missing.
    #[error("the audit log ends before row {from} and once had {to}; restore its tail from a backup")]
    Cut {
        /// The first row that is missing.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// A row was added past the program.
    #[error("row {0} of the audit log was not written by this program; find out who did")]
    Added(u64),
}

/// Walks the whole log as it is at one moment.
pub(crate) async fn verify(db: &Db) -> Result<AuditReport, sqlx::Error> {
    let mut tx = db.snapshot().await?;
    let head = tx.row("SELECT seq, hash FROM audit_head", &[]).await?;
    let head = head.as_ref().map_or(Ok(Head::START), Head::of)?;
    let mut last = Head::START;
    loop {
        let page = page(&mut tx, last.seq).await?;
        for line in &page {
            let fault = match prove(line, last)? {
                Ok(next) if next.seq > head.seq => Some(AuditFault::Added(number(next.seq))),
                Ok(next) => {
                    last = next;
                    None
                }
                Err(fault) => Some(fault),
            };
            if fault.is_some() {
                return Ok(AuditReport { proven: number(last.seq), fault });
            }
        }
        if page.is_empty() {
            break;
        }
    }
    let fault = if last.seq < head.seq {
        Some(AuditFault::Cut { from: number(last.seq + 1), to: number(head.seq) })
    } else {
        (last != head).then(|| AuditFault::Changed(number(last.seq)))
    };
    Ok(AuditReport { proven: number(last.seq), fault })
}

async fn page(tx: &mut Tx, behind: i64) -> Result<Vec<Line>, sqlx::Error> {
    let sql = "SELECT seq, at, actor, action, instance, before, after, prev_hash, hash FROM audit
        WHERE seq > $1 ORDER BY seq LIMIT $2";
    tx.rows(sql, &[Arg::Int(behind), Arg::Int(PAGE)]).await
}

/// The head after this row, when it follows the last one.
fn prove(line: &Line, last: Head) -> Result<Result<Head, AuditFault>, sqlx::Error> {
    let seq: i64 = line.cell(0)?;
    if seq != last.seq + 1 {
        return Ok(Err(AuditFault::Missing(number(last.seq + 1))));
    }
    let texts: [String; 5] = [line.cell(2)?, line.cell(3)?, line.cell(4)?, line.cell(5)?, line.cell(6)?];
    let [actor, action, instance, before, after] = texts.each_ref().map(String::as_str);
    let at = Timestamp::from_millis(line.cell(1)?);
    let next = last.after(&Said { at, actor, action, instance, before, after });
    let whole = hash(line, 7)? == last.hash && hash(line, 8)? == next.hash;
    Ok(if whole { Ok(next) } else { Err(AuditFault::Changed(number(seq))) })
}

/// A hash as it stands in the log; one of another length is none that we wrote.
fn hash(line: &Line, column: usize) -> Result<[u8; 32], sqlx::Error> {
    let bytes: Vec<u8> = line.cell(column)?;
    Ok(bytes.try_into().unwrap_or([0xff; 32]))
}

fn number(seq: i64) -> u64 {
    u64::try_from(seq).unwrap_or(0)
}

/// The instance as a row names it.
pub(crate) fn about(instance: Option<&InstanceId>) -> &str {
    instance.map_or("", InstanceId::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: Said<'_> = Said {
        at: Timestamp::from_millis(1_700_000_000_123),
        actor: "sup-1",
        action: "DESIRED_SET",
        instance: "acct-1",
        before: "",
        after: "{}",
    };

    /// Changing the layout breaks every log that is there: then it needs a step.
    #[test]
    fn the_layout_is_the_documented_one() {
        let last = Head { seq: 6, hash: [9; 32] };
        let mut bytes = vec![9; 32];
        bytes.extend_from_slice(&7_u64.to_le_bytes());
        bytes.extend_from_slice(&1_700_000_000_123_i64.to_le_bytes());
        bytes.extend_from_slice(b"\x05\0\0\0sup-1\x0b\0\0\0DESIRED_SET\x06\0\0\0acct-1\0\0\0\0\x02\0\0\0{}");
        assert_eq!(last.after(&SAID), Head { seq: 7, hash: *blake3::hash(&bytes).as_bytes() });
    }

    #[test]
    fn every_field_changes_the_hash() {
        let mut seen: Vec<_> = [
            SAID,
            Said { at: Timestamp::from_millis(0), ..SAID },
            Said { actor: "sup-2", ..SAID },
            Said { action: "RELEASED", ..SAID },
            Said { instance: "acct-2", ..SAID },
            Said { before: "{}", after: "", ..SAID },
        ]
        .iter()
        .map(|said| Head::START.after(said).hash)
        .collect();
        seen.push(Head { seq: 1, ..Head::START }.after(&SAID).hash);
        seen.push(Head { hash: [1; 32], ..Head::START }.after(&SAID).hash);
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
