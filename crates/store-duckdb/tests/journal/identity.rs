use std::{error::Error, fs, path::Path};

use warden_store::{Journal, JournalError};

use crate::{config, fill, holds_all, open, refusal};

/// A journal as a program of schema 1 left it: closed, with the rows that [`fill`] writes.
pub(crate) async fn of_schema_1(rows: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    fill(&journal, 1, rows).await;
    journal.close().await.unwrap();
    drop(journal);
    let file = folder.path().join("journal.duckdb");
    let newer = folder.path().join("newer.duckdb");
    fs::rename(&file, &newer).unwrap();
    let step = include_str!("../../../../migrations/duckdb/journal/0001_journal.sql");
    let conn = duckdb::Connection::open(&file).unwrap();
    conn.execute_batch(step).unwrap();
    conn.execute_batch(&format!(
        "ATTACH '{}' AS newer (READ_ONLY);
         CREATE TABLE journal_1_a AS SELECT COLUMNS('^(seq|instance|epoch|version|op_id|at_ms|kind|rule|payload|prev_hash|hash)$') FROM newer.journal_1_a;
         CREATE TABLE journal_1_b AS FROM journal_1_a LIMIT 0;
         CREATE VIEW journal AS FROM journal_1_a UNION ALL FROM journal_1_b;",
        newer.display()
    ))
    .unwrap();
    drop(conn);
    fs::remove_file(newer).unwrap();
    folder
}

fn ask<T: duckdb::types::FromSql>(folder: &Path, sql: &str) -> T {
    let conn = duckdb::Connection::open(folder.join("journal.duckdb")).unwrap();
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn change(folder: &Path, sql: &str) {
    let conn = duckdb::Connection::open(folder.join("journal.duckdb")).unwrap();
    conn.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn a_journal_of_schema_1_is_brought_up_with_all_its_rows() {
    let folder = of_schema_1(20).await;
    assert_eq!(ask::<u64>(folder.path(), "SELECT number FROM meta WHERE name = 'schema'"), 1);
    let journal = open(folder.path());
    let id = journal.id();
    assert!(holds_all(&journal, 20).await);
    fill(&journal, 1, 10).await;
    assert_eq!(journal.verify().await.unwrap(), journal.head());
    journal.close().await.unwrap();
    drop(journal);
    assert_eq!(ask::<u64>(folder.path(), "SELECT number FROM meta WHERE name = 'schema'"), 3);
    let lines: String = ask(
        folder.path(),
        "SELECT string_agg(version || ' ' || name || ' ' || finished, ', ' ORDER BY version) FROM schema_step",
    );
    assert_eq!(lines, "1 journal true, 2 identity true, 3 trades true");
    let journal = open(folder.path());
    assert_eq!(journal.id(), id);
    assert!(holds_all(&journal, 30).await);
}

#[tokio::test]
async fn an_id_stays_and_the_journal_that_replaces_a_damaged_one_has_another() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let id = journal.id();
    fill(&journal, 1, 10).await;
    drop(journal);
    let journal = open(folder.path());
    assert_eq!(journal.id(), id);
    journal.close().await.unwrap();
    drop(journal);

    fs::write(folder.path().join("journal.head"), [0; 8_192]).unwrap();
    assert!(matches!(refusal(config(folder.path())), JournalError::Damaged(..)));
    assert_ne!(open(folder.path()).id(), id);
}

#[tokio::test]
async fn an_edited_and_a_missing_step_are_named_and_the_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    fill(&journal, 1, 10).await;
    journal.close().await.unwrap();
    drop(journal);
    let place = folder.path().join("journal.duckdb").display().to_string();

    change(
        folder.path(),
        "CREATE TABLE kept AS FROM schema_step; UPDATE schema_step SET checksum = 'x' WHERE version = 2",
    );
    assert_eq!(
        cause(&refusal(config(folder.path()))),
        format!(
            "step 0002_identity of {place} was applied with another text; restore the file in migrations/, and write \
             a new step instead of changing an old one"
        )
    );
    change(folder.path(), "DELETE FROM schema_step WHERE version = 1");
    let missing =
        format!("step 1 of {place} was never applied and later ones were; restore the store from its backup");
    assert_eq!(cause(&refusal(config(folder.path()))), missing);
    change(folder.path(), "DROP TABLE schema_step");
    assert_eq!(cause(&refusal(config(folder.path()))), missing);

    change(folder.path(), "ALTER TABLE kept RENAME TO schema_step");
    assert!(holds_all(&open(folder.path()), 10).await);
}

fn cause(error: &JournalError) -> String {
    assert!(matches!(error, JournalError::Schema(_)), "{error}");
    error.source().unwrap().to_string()
}
