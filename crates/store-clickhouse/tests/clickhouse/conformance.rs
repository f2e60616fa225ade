//! The numbered cases of both ports.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use warden_store::{
    History, Pending,
    conformance::{history, schema, schema::Fixture},
    schema::Schema,
};
use warden_store_clickhouse::{ClickHouseConfig, HistorySchema};
use warden_testkit::ClickHouse;

use crate::common;

/// A database for each case, all in one engine.
struct Databases {
    clickhouse: ClickHouse,
    given: AtomicU32,
}

impl Databases {
    fn start() -> Self {
        Self { clickhouse: ClickHouse::start().unwrap(), given: AtomicU32::new(0) }
    }

    fn another(&self) -> ClickHouseConfig {
        let database = format!("case_{}", self.given.fetch_add(1, Ordering::Relaxed));
        ClickHouseConfig { database, ..common::config(&self.clickhouse) }
    }
}

#[tokio::test]
async fn the_history_passes_every_case() {
    let databases = Databases::start();
    history::run(|| {
        let config = databases.another();
        Box::pin(async move {
            common::bring_up(&config).await;
            Arc::new(common::history(&config)) as Arc<dyn History>
        })
    })
    .await;
}

#[tokio::test]
async fn the_schema_passes_every_case() {
    let databases = Databases::start();
    schema::run(|| {
        let config = databases.another();
        let open = move || -> Pending<'static, Box<dyn Schema>> {
            let schema = HistorySchema::connect(&config).unwrap();
            Box::pin(async move { Box::new(schema) as Box<dyn Schema> })
        };
        Box::pin(async move { Box::new(open) as Box<dyn Fixture> })
    })
    .await;
    let left = databases.clickhouse.query("SELECT count() FROM system.databases WHERE name LIKE '%verify%'");
    assert_eq!(left.unwrap(), "0", "what was built to compare with is gone");
}
