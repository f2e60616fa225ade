//! The DuckDB history in the hands of crashes, damage and other processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod crash;
mod damage;
mod keeping;
mod opening;
mod questions;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use duckdb::types::FromSql;
use tempfile::TempDir;
use warden_domain::{InstanceId, Timestamp};
use warden_store::{
    History, HistoryError, HistoryRows, conformance,
    conformance::history::{JOURNAL, event, origin},
    history::{InstanceEvent, Period, Range},
};
use warden_store_duckdb::{DuckHistory, HistoryConfig};

/// The program that plays the other process.
const CHILD: &str = env!("CARGO_BIN_EXE_journal-child");

#[tokio::test]
async fn the_duckdb_history_passes_every_case() {
    let folders = Mutex::new(Vec::<TempDir>::new());
    conformance::history::run(|| {
        let folder = tempfile::tempdir().unwrap();
        let history = open(folder.path());
        folders.lock().unwrap().push(folder);
        Box::pin(async { Arc::new(history) as Arc<dyn History> })
    })
    .await;
    assert!(!folders.lock().unwrap().is_empty(), "cases ran");
}

fn config(folder: &Path) -> HistoryConfig {
    HistoryConfig::new(folder.join("history.duckdb"))
}

fn open(folder: &Path) -> DuckHistory {
    DuckHistory::open(config(folder)).unwrap()
}

fn refusal(config: HistoryConfig) -> HistoryError {
    DuckHistory::open(config).expect_err("the history should not have opened")
}

fn range(first: u64, last: u64) -> Range {
    Range { journal: JOURNAL, first, last }
}

/// One event for each row of a range, decided at as many milliseconds as its `seq`.
fn events(range: Range) -> HistoryRows {
    let step = |seq: u64| event(origin("account-1", seq, Timestamp::from_millis(seq.cast_signed())));
    HistoryRows { events: (range.first..=range.last).map(step).collect(), ..HistoryRows::default() }
}

async fn insert(history: &DuckHistory, first: u64, last: u64) {
    history.insert(range(first, last), &events(range(first, last))).await.unwrap();
}

async fn all(history: &DuckHistory) -> Vec<InstanceEvent> {
    let always = Period { from: Timestamp::from_millis(i64::MIN), until: Timestamp::MAX };
    history.timeline(&InstanceId::new("account-1").unwrap(), always, u32::MAX).await.unwrap()
}

/// Asks the file itself, which nobody has open.
fn ask<T: FromSql>(folder: &Path, sql: &str) -> T {
    let conn = duckdb::Connection::open(folder.join("history.duckdb")).unwrap();
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn change(folder: &Path, sql: &str) {
    duckdb::Connection::open(folder.join("history.duckdb")).unwrap().execute_batch(sql).unwrap();
}

/// The other process, with pipes on both ends.
fn child(args: &[&str]) -> Child {
    Command::new(CHILD).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}
