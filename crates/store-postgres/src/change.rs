//! A transaction that changes something, together with what it leaves in the audit log.

use std::time::SystemTime;

use serde_json::Value;
use sqlx::{AssertSqlSafe, SqlSafeStr};
use warden_domain::{InstanceId, Timestamp};

use crate::{
    audit::{Action, Head, Said, about},
    db::{Arg, Db, Engine, Line, Tx, placeholders},
};

/// Rows that one statement writes at most: SQLite and its driver look each placeholder up in a list, so that the time of a
/// statement grows with the square of how many it has.
pub(crate) const BATCH: usize = 50;

/// A transaction that changes something. Nothing is changed without a note: dropped, or committed without one, it never
/// was.
///
/// It holds the audit log's head from its beginning to its end, so changes follow one another: what one of them reads
/// stays as it is until it commits, and two never wait for each other's rows.
pub(crate) struct Change<'a> {
    tx: Tx,
    actor: &'a str,
    at: Timestamp,
    head: Head,
    notes: Vec<Note>,
}

struct Note {
    action: Action,
    instance: Option<InstanceId>,
    before: String,
    after: String,
}

impl<'a> Change<'a> {
    pub(crate) async fn begin(db: &Db, actor: &'a str) -> Result<Self, sqlx::Error> {
        let mut tx = db.write().await?;
        let head = match tx.engine() {
            Engine::Postgres => "SELECT seq, hash FROM audit_head FOR UPDATE",
            Engine::Sqlite => "SELECT seq, hash FROM audit_head",
        };
        let head = tx.row(head, &[]).await?.ok_or(sqlx::Error::RowNotFound)?;
        let head = Head::of(&head)?;
        Ok(Self { tx, actor, at: SystemTime::now().into(), head, notes: Vec::new() })
    }

    /// The moment of this change.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    /// Runs a statement; answers how many rows it changed.
    pub(crate) async fn run(&mut self, sql: impl SqlSafeStr, args: &[Arg<'_>]) -> Result<u64, sqlx::Error> {
        self.tx.run(sql, args).await
    }

    pub(crate) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Vec<Line>, sqlx::Error> {
        self.tx.rows(sql, args).await
    }

    pub(crate) async fn row(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Option<Line>, sqlx::Error> {
        self.tx.row(sql, args).await
    }

    /// Notes what was done; [`Value::Null`] says nothing.
    pub(crate) fn note(
        &mut self,
        action: Action,
        instance: Option<&InstanceId>,
        before: &Value,
        after: &Value,
    ) {
        let text = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
        let (before, after) = (text(before), text(after));
        self.notes.push(Note { action, instance: instance.cloned(), before, after });
    }

    /// Writes the notes and makes everything last.
    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        if self.notes.is_empty() {
            return Ok(());
        }
        let mut head = self.head;
        for notes in self.notes.chunks(BATCH) {
            head = append(&mut self.tx, (self.actor, self.at), head, notes).await?;
        }
        let moved = [Arg::Int(head.seq), Arg::Blob(&head.hash)];
        self.tx.run("UPDATE audit_head SET seq = $1, hash = $2", &moved).await?;
        self.tx.commit().await
    }
}

/// Appends rows behind `head`; answers the new one.
async fn append(
    tx: &mut Tx,
    (actor, at): (&str, Timestamp),
    mut head: Head,
    notes: &[Note],
) -> Result<Head, sqlx::Error> {
    let mut links = Vec::with_capacity(notes.len());
    for Note { action, instance, before, after } in notes {
        let said =
            Said { at, actor, action: action.as_str(), instance: about(instance.as_ref()), before, after };
        let next = head.after(&said);
        links.push((said, head.hash, next));
        head = next;
    }
    let mut args = Vec::with_capacity(notes.len() * 9);
    for (said, prev_hash, next) in &links {
        args.extend([Arg::Int(next.seq), Arg::Int(said.at.as_millis())]);
        args.extend([said.actor, said.action, said.instance, said.before, said.after].map(Arg::Text));
        args.extend([Arg::Blob(prev_hash), Arg::Blob(&next.hash)]);
    }
    let sql = format!(
        "INSERT INTO audit (seq, at, actor, action, instance, before, after, prev_hash, hash) VALUES {}",
        placeholders(notes.len(), 9)
    );
    tx.run(AssertSqlSafe(sql), &args).await?;
    Ok(head)
}
