//! One migrator at a time, without locks.
//!
//! The lock is the table with the highest number among `schema_lock_<number>`. Its comment says who holds it until when,
//! or that it is free. Who finds it free or outlived creates the table with the next number: of several, one succeeds.
//! Tables with lower numbers are dropped by the one who succeeded, and a highest one always stays, so that a late comer
//! who creates a number anew finds a higher one and steps back.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clickhouse::Row;
use serde::Deserialize;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::template::Template;
use crate::{config::ClickHouseConfig, fault::Fault, link::Link};

pub(super) const PREFIX: &str = "schema_lock_";

/// How often one looks whether the other one is done.
const LOOK: Duration = Duration::from_millis(250);

/// The code of a table that exists.
const EXISTS: u32 = 57;

/// The lock, held; prolonged until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    held: Arc<Held>,
    life: JoinHandle<()>,
}

#[derive(Debug)]
struct Held {
    link: Link,
    config: ClickHouseConfig,
    owner: String,
    number: u64,
}

/// One of the lock's tables, and what time it is at the server, in seconds.
#[derive(Row, Deserialize)]
struct Seen {
    name: String,
    comment: String,
    now: u64,
}

impl Lock {
    /// Waits for its turn; `None` when it did not come in time.
    pub(super) async fn take(link: &Link, config: &ClickHouseConfig) -> Result<Option<Self>, Fault> {
        let deadline = Instant::now() + Duration::from(config.lock_timeout);
        let owner = owner();
        loop {
            let newest = newest(link, &config.database).await?;
            let next = newest.as_ref().map_or(1, |seen| seen.number().saturating_add(1));
            if newest.is_none_or(|seen| seen.is_free()) {
                let held =
                    Held { link: link.clone(), config: config.clone(), owner: owner.clone(), number: next };
                if held.create().await? {
                    return Ok(Some(Self::live(held)));
                }
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            sleep(LOOK).await;
        }
    }

    fn live(held: Held) -> Self {
        let held = Arc::new(held);
        let life = tokio::spawn({
            let held = Arc::clone(&held);
            async move {
                loop {
                    sleep(Duration::from(held.config.lease) / 4).await;
                    // A sign of life that did not get through is followed by the next one, and every statement looks
                    // for itself whether the lock is still held.
                    if matches!(held.prolong().await, Ok(false)) {
                        return;
                    }
                }
            }
        });
        Self { held, life }
    }

    /// Holds it for another lease; whether it was still held.
    pub(super) async fn prolong(&self) -> Result<bool, Fault> {
        self.held.prolong().await
    }

    pub(super) async fn release(self) -> Result<(), Fault> {
        self.life.abort();
        if self.held.is_held().await?.is_some() { self.held.say("free").await } else { Ok(()) }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.life.abort();
    }
}

impl Held {
    /// Whether the table of this number is ours and no higher one is there.
    async fn create(&self) -> Result<bool, Fault> {
        let now = self.link.rows::<u64>(self.link.query("SELECT toUInt64(toUnixTimestamp(now()))")).await?;
        let until = self.until(now.first().copied().unwrap_or_default());
        let sql = format!(
            "CREATE TABLE {{database}}.{} {{on_cluster}} (nothing UInt8) ENGINE = MergeTree ORDER BY tuple() \
             COMMENT '{until}'",
            table(self.number)
        );
        match self.link.execute(&self.template().render(&sql)).await {
            Err(fault) if fault.code == EXISTS => return Ok(false),
            created => created?,
        }
        let all = all(&self.link, &self.config.database).await?;
        let overtaken = all.iter().any(|seen| seen.number() > self.number);
        let gone =
            |seen: &&Seen| if overtaken { seen.number() == self.number } else { seen.number() < self.number };
        for seen in all.iter().filter(gone) {
            let sql = format!("DROP TABLE IF EXISTS {{database}}.{} {{on_cluster}}", seen.name);
            self.link.execute(&self.template().render(&sql)).await?;
        }
        Ok(!overtaken)
    }

    async fn prolong(&self) -> Result<bool, Fault> {
        match self.is_held().await? {
            Some(now) => self.say(&self.until(now)).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// The server's time, when the lock is still ours.
    async fn is_held(&self) -> Result<Option<u64>, Fault> {
        let newest = newest(&self.link, &self.config.database).await?;
        let ours = |seen: &Seen| seen.number() == self.number && seen.comment.contains(&self.owner);
        Ok(newest.filter(ours).map(|seen| seen.now))
    }

    async fn say(&self, what: &str) -> Result<(), Fault> {
        let table = table(self.number);
        let sql = format!("ALTER TABLE {{database}}.{table} {{on_cluster}} MODIFY COMMENT '{what}'");
        self.link.execute(&self.template().render(&sql)).await
    }

    fn until(&self, now: u64) -> String {
        // Whole seconds: rounded up, so that the lease is never shorter than configured.
        let until = now + self.config.lease.as_millis().div_ceil(1_000) + 1;
        format!("held by {} until {until}", self.owner)
    }

    fn template(&self) -> Template<'_> {
        Template { database: &self.config.database, cluster: self.config.cluster.as_deref() }
    }
}

impl Seen {
    fn number(&self) -> u64 {
        self.name.strip_prefix(PREFIX).and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    fn is_free(&self) -> bool {
        let until = self.comment.rsplit_once(" until ").and_then(|(_, until)| until.parse::<u64>().ok());
        until.is_none_or(|until| until < self.now)
    }
}

async fn newest(link: &Link, database: &str) -> Result<Option<Seen>, Fault> {
    Ok(all(link, database).await?.into_iter().max_by_key(Seen::number))
}

async fn all(link: &Link, database: &str) -> Result<Vec<Seen>, Fault> {
    let sql = "SELECT name, comment, toUInt64(toUnixTimestamp(now())) AS now FROM system.tables \
               WHERE database = ? AND startsWith(name, ?)";
    link.rows(link.query(sql).bind(database).bind(PREFIX)).await
}

fn table(number: u64) -> String {
    format!("{PREFIX}{number:06}")
}

static TAKERS: AtomicU32 = AtomicU32::new(0);

/// Names this one among all that want the lock.
fn owner() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let other = TAKERS.fetch_add(1, Ordering::Relaxed);
    format!("process {} ({}-{other})", process::id(), now.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, comment: &str) -> Seen {
        Seen { name: name.into(), comment: comment.into(), now: 1_000 }
    }

    #[test]
    fn a_lock_is_free_when_it_was_let_go_or_outlived() {
        assert!(seen("schema_lock_000001", "free").is_free());
        assert!(seen("schema_lock_000001", "held by process 7 (8) until 999").is_free());
        assert!(!seen("schema_lock_000001", "held by process 7 (8) until 1000").is_free());
        assert!(seen("schema_lock_000001", "").is_free());
    }

    #[test]
    fn locks_are_ordered_by_their_number() {
        assert!(seen(&table(1_000_000), "").number() > seen(&table(999_999), "").number());
    }
}
