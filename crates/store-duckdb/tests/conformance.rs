//! The DuckDB journal against the numbered cases of the port.

use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use warden_store::{Journal, conformance};
use warden_store_duckdb::{Config, DuckJournal};

#[tokio::test]
async fn the_duckdb_journal_passes_every_case() {
    let folders = Arc::new(Mutex::new(Vec::<TempDir>::new()));
    let kept = Arc::clone(&folders);
    conformance::journal::run(move || {
        let kept = Arc::clone(&kept);
        Box::pin(async move {
            let folder = tempfile::tempdir().unwrap();
            let journal = DuckJournal::open(Config::new(folder.path())).unwrap();
            kept.lock().unwrap().push(folder);
            Arc::new(journal) as Arc<dyn Journal>
        })
    })
    .await;
    assert!(!folders.lock().unwrap().is_empty(), "cases ran");
}
