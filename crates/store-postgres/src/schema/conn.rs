//! One connection, not from a pool: a lock that it holds ends with it.

use std::{io, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, Postgres, SqlSafeStr, Sqlite,
    postgres::{PgConnectOptions, PgConnection},
    sqlite::{SqliteConnectOptions, SqliteConnection},
};

use crate::db::{Arg, Line, bound};

pub(super) enum Conn {
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

impl Conn {
    pub(super) async fn postgres(options: &PgConnectOptions, within: Duration) -> Result<Self, sqlx::Error> {
        let connecting = tokio::time::timeout(within, PgConnection::connect_with(options));
        match connecting.await {
            Ok(connected) => Ok(Self::Postgres(Box::new(connected?))),
            Err(_) => Err(sqlx::Error::Io(io::Error::new(
                io::ErrorKind::TimedOut,
                "no connection came about in time",
            ))),
        }
    }

    pub(super) async fn sqlite(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        Ok(Self::Sqlite(Box::new(SqliteConnection::connect_with(options).await?)))
    }

    /// Runs statements that take and give nothing.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Postgres(conn) => sql.execute(&mut **conn).await.map(drop),
            Self::Sqlite(conn) => sql.execute(&mut **conn).await.map(drop),
        }
    }

    pub(super) async fn run(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(conn) => bound!(Postgres, sql, args).execute(&mut **conn).await.map(drop),
            Self::Sqlite(conn) => bound!(Sqlite, sql, args).execute(&mut **conn).await.map(drop),
        }
    }

    pub(super) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Vec<Line>, sqlx::Error> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Postgres(conn) => {
                let rows = bound!(Postgres, sql, args).fetch_all(&mut **conn).await?;
                rows.into_iter().map(Line::Postgres).collect()
            }
            Self::Sqlite(conn) => {
                let rows = bound!(Sqlite, sql, args).fetch_all(&mut **conn).await?;
                rows.into_iter().map(Line::Sqlite).collect()
            }
        })
    }

    /// Begins a transaction; one that an abandoned call left open is not gone on with.
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        // Without a transaction there is nothing to roll back, which is all that is wanted.
        let _ = self.batch("ROLLBACK").await;
        self.batch(match self {
            Self::Postgres(_) => "BEGIN",
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
        })
        .await
    }
}
