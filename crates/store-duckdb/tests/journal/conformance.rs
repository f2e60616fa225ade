use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use warden_store::{Journal, conformance};
use warden_store_duckdb::{Config, DuckJournal};

#[tokio::test]
async fn the_duckdb_journal_passes_every_case() {
    passes_every_case(|folder| Config::new(folder)).await;
}

/// The narrowest settings: each batch a commit, room for one row, rows forgotten one by one, a checkpoint after each
/// commit and a segment for each checkpoint.
#[tokio::test]
async fn a_narrow_journal_passes_every_case() {
    passes_every_case(|folder| {
        let mut config = Config::new(folder);
        config.queue = 1.try_into().unwrap();
        config.commit = 1.try_into().unwrap();
        config.forgotten = 1.try_into().unwrap();
        config.proven = 1.try_into().unwrap();
        config.checkpoints.when_steady = 0;
        config.checkpoints.steady = u64::MAX;
        config.segment = 1.try_into().unwrap();
        config
    })
    .await;
}

#[tokio::test]
async fn a_lingering_journal_passes_every_case() {
    passes_every_case(|folder| {
        let mut config = Config::new(folder);
        config.linger = std::time::Duration::from_millis(2);
        config
    })
    .await;
}

async fn passes_every_case(config: impl Fn(&std::path::Path) -> Config) {
    let folders = Mutex::new(Vec::<TempDir>::new());
    conformance::journal::run(|| {
        let folder = tempfile::tempdir().unwrap();
        let journal = DuckJournal::open(config(folder.path())).unwrap();
        folders.lock().unwrap().push(folder);
        Box::pin(async { Arc::new(journal) as Arc<dyn Journal> })
    })
    .await;
    assert!(!folders.lock().unwrap().is_empty(), "cases ran");
}

#[tokio::test]
async fn the_duckdb_journal_passes_the_case_of_reopening() {
    let folder = tempfile::tempdir().unwrap();
    conformance::journal::run_reopened(|| {
        let journal = DuckJournal::open(Config::new(folder.path())).unwrap();
        Box::pin(async { Arc::new(journal) as Arc<dyn Journal> })
    })
    .await;
}
