//! Which steps were begun and which were finished.

use clickhouse::Row;
use serde::Deserialize;
use warden_domain::Timestamp;
use warden_store::schema::{Applied, Step};

use super::template::Template;
use crate::{fault::Fault, link::Link};

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS {database}.schema_step {on_cluster} (
    version  UInt32 COMMENT 'the number of the step',
    name     String COMMENT 'its name',
    checksum String COMMENT 'BLAKE3 of its text',
    at       DateTime64(3, 'UTC') COMMENT 'when it was begun',
    finished Bool COMMENT 'false when it was begun; the row with true replaces that one'
)
ENGINE = {replicated}ReplacingMergeTree(finished)
ORDER BY version
COMMENT 'the steps of the schema'";

/// The codes of a table and of a database that are not there.
const NOT_THERE: [u32; 2] = [60, 81];

pub(super) async fn read(link: &Link, database: &str) -> Result<Vec<Applied>, Fault> {
    #[derive(Row, Deserialize)]
    struct Line {
        version: u32,
        name: String,
        checksum: String,
        at: i64,
        finished: bool,
    }
    let sql = format!("SELECT ?fields FROM `{database}`.schema_step FINAL ORDER BY version");
    let lines = match link.rows::<Line>(link.query(&sql)).await {
        Err(fault) if NOT_THERE.contains(&fault.code) => return Ok(Vec::new()),
        lines => lines?,
    };
    let applied = |Line { version, name, checksum, at, finished }| Applied {
        version,
        name,
        checksum,
        at: Timestamp::from_millis(at),
        finished,
    };
    Ok(lines.into_iter().map(applied).collect())
}

pub(super) async fn enter(
    link: &Link,
    template: &Template<'_>,
    step: &Step,
    now: Timestamp,
    finished: bool,
) -> Result<(), Fault> {
    link.execute(&template.render(TABLE)).await?;
    let sql = format!(
        "INSERT INTO `{}`.schema_step SELECT ?, ?, ?, fromUnixTimestamp64Milli(toInt64(?)), ?",
        template.database
    );
    let query = link.query(&sql).bind(step.version).bind(step.name).bind(step.checksum());
    link.in_time(query.bind(now.as_millis()).bind(finished).execute()).await
}
