use std::io::{BufRead, BufReader};

use warden_store::{Journal, JournalError};

use crate::{child, config, fill, holds_all, open, refusal, text};

/// Waits until the other process says that it has the file.
pub(crate) fn until_open(other: &mut std::process::Child) {
    let mut line = String::new();
    BufReader::new(other.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "open\n");
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = child(&["hold", text(folder.path())]);
    until_open(&mut holder);
    let error = refusal(config(folder.path()));
    assert!(matches!(error, JournalError::InUse), "{error}");
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    assert_eq!(open(folder.path()).head().seq, 0);
}

#[test]
fn a_second_journal_of_one_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    assert!(matches!(refusal(config(folder.path())), JournalError::InUse));
    drop(journal);
    open(folder.path());
}

#[tokio::test]
async fn a_file_that_another_program_holds_is_not_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    fill(&journal, 1, 10).await;
    journal.close().await.unwrap();
    let mut holder = child(&["hold-file", text(&folder.path().join("journal.duckdb"))]);
    until_open(&mut holder);
    let error = refusal(config(folder.path()));
    assert!(matches!(error, JournalError::InUse), "{error}");
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert!(holds_all(&open(folder.path()), 10).await);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    fill(&journal, 1, 10).await;
    journal.close().await.unwrap();
    let schema = |version: u32| {
        let conn = duckdb::Connection::open(folder.path().join("journal.duckdb")).unwrap();
        conn.execute("UPDATE meta SET number = ? WHERE name = 'schema'", [version]).unwrap();
    };
    schema(4);
    let error = refusal(config(folder.path()));
    assert!(matches!(error, JournalError::NewerSchema { found: 4, known: 3 }), "{error}");
    assert_eq!(
        error.to_string(),
        "journal has schema 4 and this program knows 3; start the newer program again"
    );
    schema(3);
    assert!(holds_all(&open(folder.path()), 10).await);
}

#[tokio::test]
async fn a_journal_goes_on_where_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        let journal = open(folder.path());
        fill(&journal, 2, 5).await;
        assert_eq!(journal.verify().await.unwrap(), journal.head());
        journal.close().await.unwrap();
        let journal = open(folder.path());
        assert!(holds_all(&journal, round * 10).await);
    }
}
