//! Bringing the accounts up to their schema, on both engines.

mod conn;
mod lock;

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{AssertSqlSafe, sqlite::SqliteConnectOptions};
use warden_domain::Timestamp;
use warden_store::{
    Pending,
    schema::{Applied, Progress, Schema, SchemaError, Step},
};

use self::conn::Conn;
use crate::{
    config::{AccountsConfig, Place, without_secret},
    db::{Arg, Line},
    fault,
    open::{OpenError, make_file},
};

macro_rules! steps {
    ($engine:literal: $($version:literal $name:literal),+ $(,)?) => {
        &[$(Step {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $engine, "/000", $version, "_", $name, ".sql")),
        }),+]
    };
}

/// The steps on PostgreSQL.
pub const POSTGRES_STEPS: &[Step] = steps!("postgres": 1 "accounts", 2 "roles");

/// The steps on SQLite.
pub const SQLITE_STEPS: &[Step] = steps!("sqlite": 1 "accounts");

/// The schema of the accounts in one place, on a connection of its own.
///
/// # Guarantees
/// - A step and its line in the ledger are one transaction: a step is done, or was never begun.
/// - The lock ends with this value, whatever becomes of the process. On PostgreSQL it is an advisory lock of the
///   connection, on SQLite a locked file beside the database.
///
/// # Caveats
/// On PostgreSQL [`differences`](Schema::differences) makes the schema again in a transaction that it rolls back: its
/// user needs `CREATE` on the database and must be a member of `warden_migrator`.
pub struct AccountsSchema {
    place: String,
    steps: Vec<Step>,
    ledger: &'static str,
    conn: Conn,
    wait: Duration,
    file: Option<PathBuf>,
    locked: Option<File>,
}

impl AccountsSchema {
    /// Connects to the place. A SQLite file that is missing is made, empty.
    ///
    /// # Errors
    /// When the configuration is wrong, the place does not answer or refuses us, or others may read the SQLite file.
    pub async fn connect(config: &AccountsConfig) -> Result<Self, OpenError> {
        let wait = Duration::from(config.migration_wait);
        let (conn, file, steps, ledger) = match config.place()? {
            Place::Postgres(options) => {
                let limits =
                    [("statement_timeout", "0"), ("lock_timeout", &format!("{}ms", wait.as_millis()))];
                let conn = Conn::postgres(&options.options(limits), config.connect_timeout.into()).await;
                (conn, None, POSTGRES_STEPS, include_str!("../../../migrations/postgres/ledger.sql"))
            }
            Place::Sqlite(options) => {
                let path = options.get_filename().to_owned();
                make_file(&path)?;
                let conn = Conn::sqlite(&options).await;
                (conn, Some(path), SQLITE_STEPS, include_str!("../../../migrations/sqlite/ledger.sql"))
            }
        };
        let place = shown(config);
        let conn = conn.map_err(|error| unserved(&place, &error))?;
        Ok(Self { place, steps: steps.to_vec(), ledger, conn, wait, file, locked: None })
    }

    /// With other steps than those of this program, to show what becomes of faulty ones.
    #[must_use]
    pub fn with_steps(self, steps: Vec<Step>) -> Self {
        Self { steps, ..self }
    }

    async fn lock_place(&mut self) -> Result<(), SchemaError> {
        let Some(path) = &self.file else {
            let locked = self.conn.rows("SELECT pg_advisory_lock($1)", &[Arg::Int(lock::ADVISORY)]).await;
            return match locked {
                Ok(_) => Ok(()),
                Err(error) if fault::code(&error).as_deref() == Some("55P03") => Err(self.locked()),
                Err(error) => Err(self.unserved(&error)),
            };
        };
        let mut name = path.clone().into_os_string();
        name.push(".migrate.lock");
        let locked = lock::file(Path::new(&name), self.wait).await;
        self.locked =
            Some(locked.map_err(|error| self.unserved(&error.into()))?.ok_or_else(|| self.locked())?);
        Ok(())
    }

    async fn unlock_place(&mut self) -> Result<(), SchemaError> {
        if self.file.is_some() {
            self.locked = None;
            return Ok(());
        }
        let unlocked = self.conn.rows("SELECT pg_advisory_unlock($1)", &[Arg::Int(lock::ADVISORY)]).await;
        unlocked.map(drop).map_err(|error| self.unserved(&error))
    }

    async fn ledger(&mut self) -> Result<Vec<Applied>, sqlx::Error> {
        let there = match self.conn {
            Conn::Postgres(_) => {
                "SELECT 1::bigint FROM pg_tables WHERE schemaname = current_schema()
                AND tablename = 'schema_step'"
            }
            Conn::Sqlite(_) => "SELECT 1 FROM sqlite_schema WHERE name = 'schema_step'",
        };
        if self.conn.rows(there, &[]).await?.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "SELECT version, name, checksum, at_ms, finished FROM schema_step ORDER BY version";
        self.conn.rows(sql, &[]).await?.iter().map(applied).collect()
    }

    /// Runs a step's statements in the transaction that is open.
    async fn statements(
        &mut self,
        step: &Step,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), SchemaError> {
        let statements = statements(step.sql);
        let of = count(statements.len());
        for (sql, done) in statements.iter().zip(1..) {
            let ran = self.conn.batch(sql).await;
            ran.map_err(|error| self.failed(step, done, &error))?;
            progress(Progress { version: step.version, done, of });
        }
        Ok(())
    }

    /// Makes the ledger and looks for the step in it, within the transaction that is open: on SQLite the commit of a
    /// migrator that was abandoned may come after its lock has ended, and after the plan was made.
    async fn is_applied(&mut self, step: &Step) -> Result<bool, sqlx::Error> {
        self.conn.batch(self.ledger).await?;
        let sql = "SELECT version FROM schema_step WHERE version = $1 AND finished";
        Ok(!self.conn.rows(sql, &[Arg::Int(i64::from(step.version))]).await?.is_empty())
    }

    async fn apply_step(
        &mut self,
        step: &Step,
        now: Timestamp,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), SchemaError> {
        self.conn.begin().await.map_err(|error| self.unserved(&error))?;
        let mut done = match self.is_applied(step).await {
            Ok(false) => self.statements(step, progress).await,
            Ok(true) => {
                return self.conn.batch("ROLLBACK").await.map_err(|error| self.unserved(&error));
            }
            Err(error) => Err(self.failed(step, 0, &error)),
        };
        if done.is_ok() {
            let last = count(statements(step.sql).len()) + 1;
            let entered = enter(&mut self.conn, step, now).await;
            done = entered.map_err(|error| self.failed(step, last, &error));
        }
        if done.is_err() {
            // Ends with the connection when this fails, too.
            let _ = self.conn.batch("ROLLBACK").await;
        }
        done
    }

    async fn compare(&mut self) -> Result<Vec<String>, SchemaError> {
        let applied = self.ledger().await.map_err(|error| self.unserved(&error))?.len();
        let live = catalogue(&mut self.conn).await.map_err(|error| self.unserved(&error))?;
        let steps: Vec<Step> = self.steps.iter().take(applied).copied().collect();
        let wanted = if steps.is_empty() {
            Ok(BTreeSet::new())
        } else if self.file.is_some() {
            self.made_in_memory(&steps).await
        } else {
            self.conn.begin().await.map_err(|error| self.unserved(&error))?;
            let wanted = self.made_aside(&steps).await;
            self.conn.batch("ROLLBACK").await.map_err(|error| self.unserved(&error))?;
            wanted
        }?;
        let missing = wanted.difference(&live).map(|line| format!("{line} is missing"));
        let surplus = live.difference(&wanted).map(|line| format!("{line} is of no step"));
        Ok(missing.chain(surplus).collect())
    }

    /// The catalogue that the steps make in a database of their own.
    async fn made_in_memory(&mut self, steps: &[Step]) -> Result<BTreeSet<String>, SchemaError> {
        let options = SqliteConnectOptions::new().in_memory(true);
        let scratch = Conn::sqlite(&options).await.map_err(|error| self.unserved(&error))?;
        let live = std::mem::replace(&mut self.conn, scratch);
        let made = self.make(steps).await;
        self.conn = live;
        made
    }

    /// The catalogue that the steps make in a schema of their own, which goes with the open transaction.
    async fn made_aside(&mut self, steps: &[Step]) -> Result<BTreeSet<String>, SchemaError> {
        let aside = "CREATE SCHEMA warden_verify; SET LOCAL search_path TO warden_verify";
        self.conn.batch(aside).await.map_err(|error| self.unserved(&error))?;
        self.make(steps).await
    }

    async fn make(&mut self, steps: &[Step]) -> Result<BTreeSet<String>, SchemaError> {
        let made = self.conn.batch(self.ledger).await;
        made.map_err(|error| self.unserved(&error))?;
        for step in steps {
            self.statements(step, &mut |_| {}).await?;
        }
        catalogue(&mut self.conn).await.map_err(|error| self.unserved(&error))
    }

    fn unserved(&self, error: &sqlx::Error) -> SchemaError {
        unserved(&self.place, error)
    }

    fn locked(&self) -> SchemaError {
        SchemaError::Locked { place: self.place.clone() }
    }

    fn failed(&self, step: &Step, statement: u32, error: &sqlx::Error) -> SchemaError {
        if error.as_database_error().is_none() {
            return self.unserved(error);
        }
        SchemaError::Failed {
            place: self.place.clone(),
            step: step.to_string(),
            statement,
            what: fault::words(error),
        }
    }
}

impl Schema for AccountsSchema {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn lock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        Box::pin(self.lock_place())
    }

    fn unlock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        Box::pin(self.unlock_place())
    }

    fn applied(&mut self) -> Pending<'_, Result<Vec<Applied>, SchemaError>> {
        Box::pin(async move { self.ledger().await.map_err(|error| self.unserved(&error)) })
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        now: Timestamp,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Pending<'a, Result<(), SchemaError>> {
        Box::pin(self.apply_step(step, now, progress))
    }

    fn differences(&mut self) -> Pending<'_, Result<Vec<String>, SchemaError>> {
        Box::pin(self.compare())
    }
}

fn shown(config: &AccountsConfig) -> String {
    format!("accounts store {}", without_secret(&config.url))
}

/// Why the place does not serve us: waiting helps, or only a person does.
pub(crate) fn unserved(place: &str, error: &sqlx::Error) -> SchemaError {
    let (place, what) = (place.to_owned(), fault::words(error));
    if fault::is_refusal(error) {
        SchemaError::Refused { place, what }
    } else {
        SchemaError::Unreachable { place, what }
    }
}

/// The statements of a step, or groups of them: an empty line ends one. Comments alone are none.
fn statements(sql: &str) -> Vec<&str> {
    let says_something = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
    sql.split("\n\n").filter(|group| group.lines().any(says_something)).collect()
}

fn count(statements: usize) -> u32 {
    u32::try_from(statements).expect("a step is compiled in and has a few statements")
}

fn applied(line: &Line) -> Result<Applied, sqlx::Error> {
    Ok(Applied {
        version: u32::try_from(line.cell::<i64>(0)?).unwrap_or(u32::MAX),
        name: line.cell(1)?,
        checksum: line.cell(2)?,
        at: Timestamp::from_millis(line.cell(3)?),
        finished: line.cell(4)?,
    })
}

/// Enters a step into the ledger and makes it last.
async fn enter(conn: &mut Conn, step: &Step, now: Timestamp) -> Result<(), sqlx::Error> {
    let checksum = step.checksum();
    let values = [
        Arg::Int(i64::from(step.version)),
        Arg::Text(step.name),
        Arg::Text(&checksum),
        Arg::Int(now.as_millis()),
        Arg::Bool(true),
    ];
    conn.run("INSERT INTO schema_step VALUES ($1, $2, $3, $4, $5)", &values).await?;
    conn.batch("COMMIT").await
}

/// What the current schema holds, one line each.
async fn catalogue(conn: &mut Conn) -> Result<BTreeSet<String>, sqlx::Error> {
    let sql = match conn {
        Conn::Postgres(_) => include_str!("schema/postgres.sql"),
        Conn::Sqlite(_) => include_str!("schema/sqlite.sql"),
    };
    conn.rows(AssertSqlSafe(sql), &[]).await?.iter().map(|line| line.cell(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_ends_a_statement_and_comments_are_none() {
        let sql = "-- about\n\n-- one\nCREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\n\nDO $$\nBEGIN;\nEND\n$$;\n";
        let found = statements(sql);
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("INSERT") && found[1].starts_with("DO"));
        for step in POSTGRES_STEPS.iter().chain(SQLITE_STEPS) {
            assert!(statements(step.sql).len() > 3, "{step}");
        }
    }

    #[test]
    fn steps_are_numbered_without_a_gap() {
        for steps in [POSTGRES_STEPS, SQLITE_STEPS] {
            assert!(steps.iter().zip(1..).all(|(step, version)| step.version == version));
        }
    }
}
