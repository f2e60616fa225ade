//! One way to talk to both engines: the same statements, `$1` placeholders and a handful of value types.
//!
//! The driver's own `Any` is not used: it is configured by URL only, which would have to hold the password and cannot
//! hold the pragmas.

use std::{future::Future, io, time::Duration};

use sqlx::{
    Connection as _, Decode, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Transaction, Type,
    postgres::{PgPool, PgPoolOptions, PgRow},
    sqlite::{SqlitePool, SqlitePoolOptions, SqliteRow},
};

use warden_store::AccountsError;

use crate::{
    config::{AccountsConfig, Place},
    fault::Fault,
};

/// A pool of connections that come about when they are needed, also after an outage.
#[derive(Debug)]
pub(crate) struct Db {
    pool: Pool,
    patience: Duration,
}

#[derive(Debug)]
enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

/// A transaction; dropped without [`commit`](Tx::commit) it never was.
pub(crate) struct Tx {
    within: Within,
    patience: Duration,
}

enum Within {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Postgres,
    Sqlite,
}

/// A value that goes into a statement.
#[derive(Clone, Copy)]
pub(crate) enum Arg<'a> {
    Text(&'a str),
    Int(i64),
    Bool(bool),
    Blob(&'a [u8]),
}

/// A row that came out of one.
pub(crate) enum Line {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

/// Binds the arguments to a statement of either engine.
macro_rules! bound {
    ($engine:ty, $sql:expr, $args:expr) => {{
        let mut query = sqlx::query::<$engine>($sql);
        for arg in $args {
            query = match *arg {
                Arg::Text(text) => query.bind(text),
                Arg::Int(number) => query.bind(number),
                Arg::Bool(flag) => query.bind(flag),
                Arg::Blob(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}
pub(crate) use bound;

impl Db {
    pub(crate) fn new(config: &AccountsConfig, place: Place) -> Self {
        let pool = match place {
            Place::Postgres(options) => {
                let limit = format!("{}ms", config.answer_timeout.as_millis());
                // The last one: whoever vanishes within a change holds all others up until then.
                let limits = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"];
                let options = options.options(limits.map(|name| (name, &limit)));
                let patience = config.patience();
                let pool = PgPoolOptions::new()
                    .max_connections(config.connections)
                    .acquire_timeout(config.connect_timeout.into())
                    // The pool itself waits for ever for the answer to what was given up, and its place with it.
                    .after_release(move |conn, _| {
                        Box::pin(async move { patiently(patience, conn.ping()).await.map(|()| true) })
                    });
                Pool::Postgres(pool.connect_lazy_with(options))
            }
            Place::Sqlite(options) => {
                let pool = SqlitePoolOptions::new()
                    .max_connections(config.connections)
                    .acquire_timeout(config.answer_timeout.into());
                Pool::Sqlite(pool.connect_lazy_with(*options))
            }
        };
        Self { pool, patience: config.patience() }
    }

    pub(crate) fn engine(&self) -> Engine {
        match self.pool {
            Pool::Postgres(_) => Engine::Postgres,
            Pool::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// The rows of one statement that changes nothing.
    pub(crate) async fn rows(
        &self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Vec<Line>, sqlx::Error> {
        let sql = sql.into_sql_str();
        patiently(self.patience, async {
            Ok(match &self.pool {
                Pool::Postgres(pool) => {
                    lines(bound!(Postgres, sql, args).fetch_all(pool).await?, Line::Postgres)
                }
                Pool::Sqlite(pool) => lines(bound!(Sqlite, sql, args).fetch_all(pool).await?, Line::Sqlite),
            })
        })
        .await
    }

    /// Begins a transaction that changes something.
    pub(crate) async fn write(&self) -> Result<Tx, sqlx::Error> {
        self.begin("BEGIN", "BEGIN IMMEDIATE").await
    }

    /// Begins a transaction whose statements all see the same moment.
    pub(crate) async fn snapshot(&self) -> Result<Tx, sqlx::Error> {
        self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "BEGIN").await
    }

    /// Empties the log of a SQLite file, which otherwise holds old pages until they are overwritten.
    pub(crate) async fn forget_log(&self) -> Result<(), Fault> {
        match self.engine() {
            Engine::Postgres => Ok(()),
            Engine::Sqlite => {
                let done = self.rows("PRAGMA wal_checkpoint(TRUNCATE)", &[]).await?;
                let busy: i64 = done.first().map_or(Ok(0), |line| line.cell(0))?;
                if busy == 0 {
                    return Ok(());
                }
                let what = "a reader keeps what was deleted in the log of the file";
                Err(Fault::Accounts(AccountsError::Unreachable(what.to_owned())))
            }
        }
    }

    pub(crate) async fn close(&self) {
        match &self.pool {
            Pool::Postgres(pool) => pool.close().await,
            Pool::Sqlite(pool) => pool.close().await,
        }
    }

    async fn begin(&self, postgres: &'static str, sqlite: &'static str) -> Result<Tx, sqlx::Error> {
        let within = patiently(self.patience, async {
            Ok(match &self.pool {
                Pool::Postgres(pool) => Within::Postgres(pool.begin_with(postgres).await?),
                Pool::Sqlite(pool) => Within::Sqlite(pool.begin_with(sqlite).await?),
            })
        });
        Ok(Tx { within: within.await?, patience: self.patience })
    }
}

impl Tx {
    pub(crate) fn engine(&self) -> Engine {
        match self.within {
            Within::Postgres(_) => Engine::Postgres,
            Within::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// Runs a statement; answers how many rows it changed.
    pub(crate) async fn run(&mut self, sql: impl SqlSafeStr, args: &[Arg<'_>]) -> Result<u64, sqlx::Error> {
        let sql: SqlStr = sql.into_sql_str();
        let within = &mut self.within;
        patiently(self.patience, async {
            Ok(match within {
                Within::Postgres(tx) => bound!(Postgres, sql, args).execute(&mut **tx).await?.rows_affected(),
                Within::Sqlite(tx) => bound!(Sqlite, sql, args).execute(&mut **tx).await?.rows_affected(),
            })
        })
        .await
    }

    /// The rows of a statement.
    pub(crate) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Vec<Line>, sqlx::Error> {
        let sql = sql.into_sql_str();
        let within = &mut self.within;
        patiently(self.patience, async {
            Ok(match within {
                Within::Postgres(tx) => {
                    lines(bound!(Postgres, sql, args).fetch_all(&mut **tx).await?, Line::Postgres)
                }
                Within::Sqlite(tx) => {
                    lines(bound!(Sqlite, sql, args).fetch_all(&mut **tx).await?, Line::Sqlite)
                }
            })
        })
        .await
    }

    /// The first row of a statement.
    pub(crate) async fn row(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Option<Line>, sqlx::Error> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        patiently(self.patience, async {
            match self.within {
                Within::Postgres(tx) => tx.commit().await,
                Within::Sqlite(tx) => tx.commit().await,
            }
        })
        .await
    }
}

impl Line {
    /// The value of a column, counted from 0.
    pub(crate) fn cell<T>(&self, column: usize) -> Result<T, sqlx::Error>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres> + for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
    {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
        }
    }
}

/// `($1), ($2), …`: `rows` groups of `columns` placeholders each.
pub(crate) fn placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 7);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                text.push_str(", ");
            }
            text.push('$');
            text.push_str(&(row * columns + column + 1).to_string());
        }
        text.push(')');
    }
    text
}

fn lines<R>(rows: Vec<R>, line: fn(R) -> Line) -> Vec<Line> {
    rows.into_iter().map(line).collect()
}

/// A server that is cut off answers nothing, not even that it is.
async fn patiently<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| {
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))
    })
}

#[cfg(test)]
mod tests {
    use super::placeholders;

    #[test]
    fn placeholders_are_counted_through() {
        assert_eq!(placeholders(1, 3), "($1, $2, $3)");
        assert_eq!(placeholders(2, 2), "($1, $2), ($3, $4)");
    }
}
