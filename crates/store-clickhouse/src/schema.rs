//! Bringing the tables of the history up.

mod compare;
mod ledger;
mod lock;
mod retention;
mod template;

use std::time::Duration;

use warden_domain::Timestamp;
use warden_store::{
    Pending,
    schema::{Applied, Progress, Schema, SchemaError, Step},
};

use self::{lock::Lock, template::Template};
use crate::{
    config::{ClickHouseConfig, ConfigError},
    fault::{Fault, Kind},
    link::Link,
};

macro_rules! steps {
    ($($version:literal $name:literal),+ $(,)?) => {
        &[$(Step {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../migrations/clickhouse/000", $version, "_", $name, ".sql")),
        }),+]
    };
}

/// The steps of the history's tables.
pub const STEPS: &[Step] = steps![1 "history", 2 "questions"];

/// The tables of the history in one ClickHouse, as the migrator sees them.
///
/// Its ledger is the table `schema_step`: one row when a step is begun and one when it is finished, of which the latter
/// stands.
///
/// # Guarantees
/// A step that broke off is run again from its first statement; each statement may be repeated.
///
/// # Caveats
/// - ClickHouse has no locks that end with a connection. The lock is a table, `schema_lock_<number>`: of several who
///   create the same one, one succeeds. Its comment says until when it is held; the holder prolongs it as long as it
///   lives. One that died is waited out for [`ClickHouseConfig::lease`], by the server's clock. Who finds that the lock
///   was taken over, because it was stopped for longer, does no further statement.
/// - The checksum of a step is that of its text with placeholders: the same for every database and cluster.
/// - The retention is no step. [`unlock`](Schema::unlock) makes it what is configured, so a changed one is applied by
///   `up`; until then it is a [difference](Schema::differences).
/// - Its user needs all rights on the database, and to compare also the right to make databases: the steps are run in
///   `<database>_verify_<process>_<moment>`, which is dropped again.
/// - With a cluster, statements run `ON CLUSTER` and engines are replicated; comparing looks at one replica.
#[derive(Debug)]
pub struct HistorySchema {
    config: ClickHouseConfig,
    link: Link,
    /// For statements, which may take long.
    patient: Link,
    lock: Option<Lock>,
}

impl HistorySchema {
    /// Reads the configuration; it connects when it is first used.
    ///
    /// # Errors
    /// The first thing that is wrong in the configuration.
    pub fn connect(config: &ClickHouseConfig) -> Result<Self, ConfigError> {
        let link = Link::new(config)?;
        let patient = link.patient(Duration::from(config.statement_timeout));
        Ok(Self { config: config.clone(), link, patient, lock: None })
    }

    /// The statements of a step as they run here, for people to read.
    #[must_use]
    pub fn rendered(&self, step: &Step) -> Vec<String> {
        template::statements(step.sql).into_iter().map(|sql| self.template().render(sql)).collect()
    }

    fn template(&self) -> Template<'_> {
        Template { database: &self.config.database, cluster: self.config.cluster.as_deref() }
    }

    fn unserved(&self, fault: Fault) -> SchemaError {
        let (place, what) = (self.config.place(), fault.words);
        match fault.kind {
            Kind::Unreachable | Kind::Refused | Kind::Schema => SchemaError::Unreachable { place, what },
            Kind::Denied => SchemaError::Refused { place, what },
        }
    }

    fn failed(&self, step: &Step, statement: u32, fault: Fault) -> SchemaError {
        let (place, step) = (self.config.place(), step.to_string());
        match fault.kind {
            Kind::Unreachable => SchemaError::Unreachable { place, what: fault.words },
            Kind::Refused | Kind::Schema | Kind::Denied => {
                SchemaError::Failed { place, step, statement, what: fault.words }
            }
        }
    }

    async fn hold(&mut self) -> Result<(), SchemaError> {
        self.make_database().await.map_err(|fault| self.unserved(fault))?;
        match Lock::take(&self.link, &self.config).await {
            Ok(Some(lock)) => self.lock = Some(lock),
            Ok(None) => return Err(SchemaError::Locked { place: self.config.place() }),
            Err(fault) => return Err(self.unserved(fault)),
        }
        Ok(())
    }

    /// A user without the right to make databases can do with one that is there.
    async fn make_database(&self) -> Result<(), Fault> {
        let there = self.link.query("SELECT count() FROM system.databases WHERE name = ?");
        let there = self.link.rows::<u64>(there.bind(&self.config.database)).await?;
        if there == [1] && self.config.cluster.is_none() {
            return Ok(());
        }
        let sql = self.template().render("CREATE DATABASE IF NOT EXISTS {database} {on_cluster}");
        self.link.execute(&sql).await
    }

    /// That nobody took over meanwhile.
    async fn still_held(&self) -> Result<(), SchemaError> {
        match &self.lock {
            Some(lock) => self.check(lock.prolong().await),
            None => Ok(()),
        }
    }

    fn check(&self, held: Result<bool, Fault>) -> Result<(), SchemaError> {
        match held {
            Ok(true) => Ok(()),
            Ok(false) => Err(SchemaError::Locked { place: self.config.place() }),
            Err(fault) => Err(self.unserved(fault)),
        }
    }

    async fn let_go(&mut self) -> Result<(), SchemaError> {
        let Some(lock) = self.lock.take() else { return Ok(()) };
        self.check(lock.prolong().await)?;
        let settled = retention::settle(&self.patient, &self.template(), &self.config).await;
        let released = lock.release().await;
        settled.and(released).map_err(|fault| self.unserved(fault))
    }

    async fn run(
        &self,
        step: &Step,
        now: Timestamp,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), SchemaError> {
        let statements = self.rendered(step);
        let of = count(statements.len());
        self.still_held().await?;
        self.enter(step, now, false).await.map_err(|fault| self.failed(step, 1, fault))?;
        for (statement, number) in statements.iter().zip(1..) {
            self.still_held().await?;
            self.patient.execute(statement).await.map_err(|fault| self.failed(step, number, fault))?;
            progress(Progress { version: step.version, done: number, of });
        }
        self.still_held().await?;
        self.enter(step, now, true).await.map_err(|fault| self.failed(step, of, fault))
    }

    async fn enter(&self, step: &Step, now: Timestamp, finished: bool) -> Result<(), Fault> {
        ledger::enter(&self.link, &self.template(), step, now, finished).await
    }

    async fn compare(&self) -> Result<Vec<String>, Fault> {
        let applied = ledger::read(&self.link, &self.config.database).await?;
        let known = |step: &&Step| applied.iter().any(|line| line.finished && line.version == step.version);
        let steps: Vec<Step> = STEPS.iter().filter(known).copied().collect();
        compare::differences(&self.patient, &self.config, &steps).await
    }
}

impl Schema for HistorySchema {
    fn place(&self) -> String {
        self.config.place()
    }

    fn steps(&self) -> &[Step] {
        STEPS
    }

    fn text(&self, step: &Step) -> String {
        self.rendered(step).into_iter().map(|sql| format!("{sql};\n")).collect()
    }

    fn lock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        Box::pin(self.hold())
    }

    fn unlock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        Box::pin(self.let_go())
    }

    fn applied(&mut self) -> Pending<'_, Result<Vec<Applied>, SchemaError>> {
        Box::pin(async move {
            ledger::read(&self.link, &self.config.database).await.map_err(|fault| self.unserved(fault))
        })
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        now: Timestamp,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Pending<'a, Result<(), SchemaError>> {
        Box::pin(self.run(step, now, progress))
    }

    fn differences(&mut self) -> Pending<'_, Result<Vec<String>, SchemaError>> {
        Box::pin(async move { self.compare().await.map_err(|fault| self.unserved(fault)) })
    }
}

fn count(statements: usize) -> u32 {
    u32::try_from(statements).unwrap_or(u32::MAX)
}
