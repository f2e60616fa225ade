use std::{fs, path::Path, sync::Arc, time::Duration};

use warden_domain::Timestamp;
use warden_store::{
    Journal, Pending, conformance,
    conformance::schema::Fixture,
    schema::{Schema, SchemaError, current, up},
};
use warden_store_duckdb::{HistorySchema, JournalSchema};

use crate::{child, config, fill, holds_all, identity::of_schema_1, open, opening::until_open, text};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn fixture<S: Schema + 'static>(
    open: impl Fn(&Path) -> S + Send + Sync + 'static,
) -> Pending<'static, Box<dyn Fixture>> {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let open = Arc::new(open);
    let store = move || -> Pending<'static, Box<dyn Schema>> {
        let (folder, open) = (Arc::clone(&folder), Arc::clone(&open));
        Box::pin(async move { Box::new(open(folder.path())) as Box<dyn Schema> })
    };
    Box::pin(async { Box::new(store) as Box<dyn Fixture> })
}

#[tokio::test]
async fn the_schema_of_the_journal_passes_every_case() {
    conformance::schema::run(|| fixture(JournalSchema::open)).await;
}

#[tokio::test]
async fn the_schema_of_the_history_passes_every_case() {
    conformance::schema::run(|| fixture(|folder| HistorySchema::open(&folder.join("history.duckdb")))).await;
}

async fn differences(schema: &mut dyn Schema) -> Vec<String> {
    schema.differences().await.unwrap()
}

#[tokio::test]
async fn a_journal_that_a_migrator_made_is_opened_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut schema = JournalSchema::open(folder.path());
    assert_eq!(up(&mut schema, NOW, &mut |_| ()).await.unwrap(), 3);
    let journal = open(folder.path());
    fill(&journal, 3, 10).await;
    drop(journal);
    assert!(holds_all(&open(folder.path()), 30).await);
    current(&mut schema).await.unwrap();
}

#[tokio::test]
async fn looking_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut schemas: [Box<dyn Schema>; 2] = [
        Box::new(JournalSchema::open(folder.path())),
        Box::new(HistorySchema::open(&folder.path().join("history.duckdb"))),
    ];
    for schema in &mut schemas {
        assert_eq!(schema.applied().await.unwrap(), []);
        assert_eq!(differences(&mut **schema).await, [""; 0]);
        assert!(matches!(current(&mut **schema).await, Err(SchemaError::Behind { .. })));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_journal_of_schema_1_is_brought_up_by_a_migrator() {
    let folder = of_schema_1(20).await;
    let mut schema = JournalSchema::open(folder.path());
    let error = current(&mut schema).await.unwrap_err();
    let place = folder.path().join("journal.duckdb").display().to_string();
    assert_eq!(error.to_string(), format!("{place} lacks step 0002_identity; run `warden-migrator up`"));
    assert_eq!(differences(&mut schema).await, ["table schema_step is missing"]);
    assert_eq!(up(&mut schema, NOW, &mut |_| ()).await.unwrap(), 2);
    assert_eq!(differences(&mut schema).await, [""; 0]);
    assert!(holds_all(&open(folder.path()), 20).await);
}

/// Segments are added and dropped by the running journal; with whichever there are, the schema is whole.
#[tokio::test]
async fn segments_that_came_and_went_are_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.checkpoints.when_steady = 0;
    config.checkpoints.steady = u64::MAX;
    config.segment = 10.try_into().unwrap();
    let journal = warden_store_duckdb::DuckJournal::open(config).unwrap();
    for _ in 0..20 {
        fill(&journal, 1, 10).await;
        journal.verify().await.unwrap(); // waits for the keeper, which turns to another segment before
    }
    journal.retain(Timestamp::MAX, 100).await.unwrap();
    drop(journal);
    let conn = duckdb::Connection::open(folder.path().join("journal.duckdb")).unwrap();
    let sql = "SELECT string_agg(table_name, ' ') FROM duckdb_tables() WHERE table_name LIKE 'journal\\_%\\_a' ESCAPE '\\'";
    let segments: String = conn.query_row(sql, [], |row| row.get(0)).unwrap();
    drop(conn);
    assert!(!segments.contains("journal_1_a") && segments.contains(' '), "{segments}");
    assert_eq!(differences(&mut JournalSchema::open(folder.path())).await, [""; 0]);
}

fn change(file: &Path, sql: &str) {
    duckdb::Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn every_difference_of_a_journal_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fill(&open(folder.path()), 1, 10).await;
    let mut schema = JournalSchema::open(folder.path());
    change(
        &folder.path().join("journal.duckdb"),
        "DROP TABLE journal_1_b;
         CREATE TABLE stranger (a INTEGER);
         ALTER TABLE snapshot RENAME TO kept; CREATE TABLE snapshot AS FROM kept; DROP TABLE kept;
         ALTER TABLE checkpoint ALTER seq TYPE BIGINT;
         CREATE OR REPLACE VIEW journal AS FROM journal_1_a;
         DELETE FROM meta WHERE name = 'id';",
    );
    let found = differences(&mut schema).await;
    for expected in [
        "table journal_1_b is missing",
        "constraint PRIMARY KEY(instance, trade) of snapshot is missing",
        "column checkpoint.seq is `number 1, BIGINT` and should be `number 1, UBIGINT`",
        "meta is `schema 3 of anchor, schema` and should be `schema 3 of anchor, id, schema`",
        "table stranger is not part of the schema",
    ] {
        assert!(found.iter().any(|difference| difference == expected), "{expected} in {found:#?}");
    }
    assert!(found.iter().any(|difference| difference.starts_with("view journal is `")), "{found:#?}");
}

#[tokio::test]
async fn every_difference_of_a_history_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.duckdb");
    let mut schema = HistorySchema::open(&file);
    up(&mut schema, NOW, &mut |_| ()).await.unwrap();
    change(
        &file,
        "ALTER TABLE alerts DROP severity;
         ALTER TABLE incidents ADD COLUMN extra VARCHAR;
         CREATE INDEX quick ON instance_events (instance_id);
         DROP TABLE ranges;",
    );
    assert_eq!(
        differences(&mut schema).await,
        [
            "column alerts.firing is `number 7, BOOLEAN NOT NULL` and should be `number 8, BOOLEAN NOT NULL`",
            "column alerts.severity is missing",
            "table ranges is missing",
            "column incidents.extra is not part of the schema",
            "index quick is not part of the schema",
        ]
    );
}

#[tokio::test]
async fn edited_missing_and_newer_steps_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.duckdb");
    let place = file.display().to_string();
    let mut schema = HistorySchema::open(&file);
    up(&mut schema, NOW, &mut |_| ()).await.unwrap();
    change(&file, "UPDATE schema_step SET checksum = 'another'");
    let refused = up(&mut schema, NOW, &mut |_| ()).await.unwrap_err();
    assert!(matches!(refused, SchemaError::Edited { .. }), "{refused}");
    change(&file, "UPDATE schema_step SET version = 2");
    let refused = up(&mut schema, NOW, &mut |_| ()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("{place} has schema 2 and this program knows 1; run the newer program")
    );

    let mut schema = JournalSchema::open(folder.path());
    up(&mut schema, NOW, &mut |_| ()).await.unwrap();
    change(&folder.path().join("journal.duckdb"), "DELETE FROM schema_step WHERE version = 1");
    let refused = up(&mut schema, NOW, &mut |_| ()).await.unwrap_err();
    assert!(matches!(refused, SchemaError::Missing { version: 1, .. }), "{refused}");
    change(&folder.path().join("journal.duckdb"), "UPDATE meta SET number = 4 WHERE name = 'schema'");
    let refused = up(&mut schema, NOW, &mut |_| ()).await.unwrap_err();
    assert!(matches!(refused, SchemaError::Newer { found: 4, known: 3, .. }), "{refused}");
}

#[tokio::test]
async fn a_journal_that_a_supervisor_has_open_is_named_as_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = child(&["hold", text(folder.path())]);
    until_open(&mut holder);
    let mut schema = JournalSchema::open(folder.path()).waiting_at_most(Duration::ZERO);
    let place = folder.path().join("journal.duckdb").display().to_string();
    for refused in [
        schema.applied().await.unwrap_err(),
        schema.differences().await.unwrap_err(),
        up(&mut schema, NOW, &mut |_| ()).await.unwrap_err(),
    ] {
        assert_eq!(
            refused.to_string(),
            format!(
                "{place} is open in another process; stop that supervisor or wait for that migrator, then run this \
                 again"
            )
        );
    }
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    current(&mut schema).await.unwrap();
}

/// Migrators that are killed at some moment, two at a time; what they leave comes up, and is whole.
#[tokio::test]
async fn killed_migrators_leave_what_the_next_one_completes() {
    for round in 0..12_u64 {
        let folder = tempfile::tempdir().unwrap();
        let mut migrators = [(); 2].map(|()| child(&["up", text(folder.path())]));
        if round > 0 {
            until_open(&mut migrators[0]);
        }
        let spins = round * 400_000;
        for spin in 0..spins {
            std::hint::black_box(spin);
        }
        for migrator in &mut migrators {
            migrator.kill().unwrap();
            migrator.wait().unwrap();
        }
        let mut journal = JournalSchema::open(folder.path());
        up(&mut journal, NOW, &mut |_| ()).await.unwrap();
        let mut history = HistorySchema::open(&folder.path().join("history.duckdb"));
        up(&mut history, NOW, &mut |_| ()).await.unwrap();
        assert_eq!(differences(&mut journal).await, [""; 0]);
        assert_eq!(differences(&mut history).await, [""; 0]);
        fill(&open(folder.path()), 1, 10).await;
    }
}

#[tokio::test]
async fn two_migrators_at_once_both_end_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut migrators = [(); 3].map(|()| child(&["up", text(folder.path())]));
    for migrator in &mut migrators {
        assert!(migrator.wait().unwrap().success());
    }
    let mut journal = JournalSchema::open(folder.path());
    assert_eq!(journal.applied().await.unwrap().len(), 3);
    assert_eq!(differences(&mut journal).await, [""; 0]);
}
