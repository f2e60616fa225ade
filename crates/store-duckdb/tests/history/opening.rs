use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

use warden_domain::Timestamp;
use warden_store::{
    HistoryError,
    schema::{Schema, SchemaError, current, up},
};
use warden_store_duckdb::HistorySchema;

use crate::{all, change, child, config, insert, open, refusal};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_history_goes_on_where_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let history = open(folder.path());
        insert(&history, round * 10 + 1, round * 10 + 10).await;
        assert_eq!(all(&history).await.len() as u64, (round + 1) * 10);
    }
}

#[tokio::test]
async fn only_its_owner_reads_the_file_and_its_log() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("of").join("its own");
    let history = open(&folder);
    insert(&history, 1, 10).await;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("history.duckdb")), 0o600);
    assert_eq!(mode(&folder.join("history.duckdb.wal")), 0o600);
}

#[tokio::test]
async fn a_second_process_and_a_second_history_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = config(folder.path()).file;
    let mut holder = child(&["hold-history", file.to_str().unwrap()]);
    let mut line = String::new();
    BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let expected =
        HistoryError::Unreachable(format!("{} is open in another process; stop that one", file.display()));
    assert_eq!(refusal(config(folder.path())).to_string(), expected.to_string());
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    let history = open(folder.path());
    assert_eq!(refusal(config(folder.path())).to_string(), expected.to_string());
    insert(&history, 1, 10).await;
}

/// A newer program's file, and one of other steps, are left as they are.
#[tokio::test]
async fn another_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    insert(&open(folder.path()), 1, 10).await;
    let place = config(folder.path()).file.display().to_string();
    change(
        folder.path(),
        "CREATE TABLE kept AS FROM schema_step; INSERT INTO schema_step VALUES (2, 'next', 'x', 0, true)",
    );
    let HistoryError::Schema(why) = refusal(config(folder.path())) else {
        panic!("a newer schema is refused")
    };
    assert_eq!(why, format!("{place} has schema 2 and this program knows 1; run the newer program"));
    change(
        folder.path(),
        "UPDATE schema_step SET version = version - 1 WHERE version = 2; DELETE FROM schema_step WHERE name <> 'next'",
    );
    let HistoryError::Schema(why) = refusal(config(folder.path())) else {
        panic!("an edited step is refused")
    };
    assert!(why.starts_with(&format!("step 0001_history of {place} was applied with another text")), "{why}");
    change(folder.path(), "DROP TABLE schema_step; ALTER TABLE kept RENAME TO schema_step");
    assert_eq!(all(&open(folder.path())).await.len(), 10);
    assert!(!folder.path().join("quarantine").exists());
}

#[tokio::test]
async fn a_history_that_a_migrator_made_is_used_and_stays_the_sum_of_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut schema = HistorySchema::open(&config(folder.path()).file).waiting_at_most(Duration::ZERO);
    assert_eq!(up(&mut schema, Timestamp::from_millis(0), &mut |_| ()).await.unwrap(), 1);
    let history = open(folder.path());
    insert(&history, 1, 5_000).await;
    let refused = schema.differences().await.unwrap_err();
    assert!(matches!(refused, SchemaError::InUse { .. }), "{refused}");
    drop(history);
    assert_eq!(schema.differences().await.unwrap(), [""; 0]);
    current(&mut schema).await.unwrap();
    assert_eq!(all(&open(folder.path())).await.len(), 5_000);
}

#[test]
fn a_place_where_nothing_can_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let config = config(&folder.path().join("file"));
    let refused = refusal(config);
    assert!(matches!(refused, HistoryError::Refused(_)), "{refused}");
    assert!(refused.to_string().contains("file/history.duckdb"), "{refused}");
}
