use std::{error::Error, fs, path::Path};

use warden_domain::Timestamp;
use warden_store::{Journal, JournalError, schema::Schema};
use warden_store_duckdb::JournalSchema;

use crate::{accepted, config, fill, holds_all, open, refusal};

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

/// A journal as a program of schema 2 left it: with `rows` rows that [`fill`] writes, `forgotten` of them forgotten, the
/// others in two segments.
async fn of_schema_2(rows: u64, forgotten: u64) -> tempfile::TempDir {
    let newer = tempfile::tempdir().unwrap();
    let journal = open(newer.path());
    fill(&journal, 1, rows).await;
    journal.retain(Timestamp::MAX, forgotten).await.unwrap();
    journal.close().await.unwrap();
    drop(journal);

    let folder = tempfile::tempdir().unwrap();
    let mut schema = JournalSchema::open(folder.path());
    let steps = schema.steps()[..2].to_vec();
    for step in &steps {
        schema.apply(step, Timestamp::from_millis(0), &mut |_| ()).await.unwrap();
    }
    let columns = "seq, instance, epoch, version, op_id, at_ms, kind, rule, payload, prev_hash, hash";
    change(
        folder.path(),
        &format!(
            "ATTACH '{}' AS newer (READ_ONLY);
             CREATE TABLE journal_2_a AS FROM journal_row LIMIT 0;
             CREATE TABLE journal_2_b AS FROM journal_row LIMIT 0;
             CREATE OR REPLACE VIEW journal AS FROM journal_1_a UNION ALL FROM journal_1_b
                 UNION ALL FROM journal_2_a UNION ALL FROM journal_2_b;
             INSERT INTO journal_1_b SELECT {columns} FROM newer.journal_1_a WHERE seq % 3 = 0;
             INSERT INTO journal_2_a SELECT {columns} FROM newer.journal_1_a WHERE seq % 3 > 0;
             INSERT INTO snapshot SELECT {columns} FROM newer.snapshot;
             UPDATE meta SET number = (SELECT number FROM newer.meta WHERE name = 'id') WHERE name = 'id';
             UPDATE meta SET hash = anchor.hash, number = anchor.number
                 FROM newer.meta AS anchor WHERE anchor.name = 'anchor' AND meta.name = 'anchor';",
            newer.path().join("journal.duckdb").display()
        ),
    );
    fs::copy(newer.path().join("journal.head"), folder.path().join("journal.head")).unwrap();
    folder
}

#[tokio::test]
async fn a_journal_of_schema_2_is_brought_up_and_its_hashes_hold() {
    let folder = of_schema_2(5_000, 20).await;
    assert_eq!(ask::<u64>(folder.path(), "SELECT number FROM meta WHERE name = 'schema'"), 2);
    assert_eq!(ask::<u64>(folder.path(), "SELECT count(*) FROM snapshot"), 10);
    let journal = open(folder.path());
    assert_eq!(journal.verify().await.unwrap(), journal.head());
    assert_eq!(journal.head().seq, 5_000);
    let rows = journal.read(0, u32::MAX).await.unwrap();
    assert!(rows.len() == 4_980 && rows.iter().all(|row| row.trade.is_none()));
    assert_eq!(journal.latest().await.unwrap().len(), 10);
    assert_eq!(
        (journal.trades().await.unwrap(), journal.keys(Timestamp::from_millis(0)).await.unwrap()),
        (vec![], vec![])
    );

    journal.append(vec![accepted("account-1", 7, 5_001)]).await.unwrap();
    fill(&journal, 1, 9).await;
    assert_eq!(journal.retain(Timestamp::MAX, 5_000).await.unwrap(), 4_980);
    assert_eq!(journal.latest().await.unwrap().len(), 10);
    drop(journal);
    assert_eq!(ask::<u64>(folder.path(), "SELECT number FROM meta WHERE name = 'schema'"), 3);
    let journal = open(folder.path());
    assert_eq!(journal.verify().await.unwrap(), journal.head());
    assert_eq!(journal.trades().await.unwrap()[0].seq, 5_001);
    journal.close().await.unwrap();
    drop(journal);
    assert_eq!(JournalSchema::open(folder.path()).differences().await.unwrap(), [""; 0]);
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
