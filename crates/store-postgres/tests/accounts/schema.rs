//! Bringing the accounts up to their schema.

use std::{fs, os::unix::fs::PermissionsExt as _};

use warden_domain::{Span, Timestamp};
use warden_store::schema::{Schema as _, SchemaError, Step, up};
use warden_store_postgres::{AccountsSchema, OpenError, SqlAccounts};

use crate::common::{Engine, Place, on_both};

on_both!(
    an_edited_step_is_refused,
    a_step_that_is_missing_is_refused,
    a_newer_schema_is_refused,
    a_failing_step_leaves_nothing_and_a_further_run_converges,
    a_migration_that_is_killed_anywhere_converges,
    many_migrators_at_once_apply_each_step_once,
    a_migrator_that_waits_too_long_says_so,
    what_somebody_changed_is_named,
);

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_123);

const STEPS: [Step; 3] = [
    Step { version: 1, name: "one", sql: "CREATE TABLE one (a int);\n\nCREATE TABLE one_more (a int);\n" },
    Step { version: 2, name: "two", sql: "CREATE TABLE two (a int);\n" },
    Step { version: 3, name: "three", sql: "INSERT INTO one VALUES (1);\n\nCREATE TABLE three (a int);\n" },
];

async fn connect(place: &Place) -> AccountsSchema {
    AccountsSchema::connect(&place.config).await.unwrap()
}

/// A store of three small steps.
async fn small(engine: Engine) -> Place {
    let place = Place::new(engine);
    let mut schema = connect(&place).await.with_steps(STEPS.to_vec());
    assert_eq!(up(&mut schema, NOW, &mut |_| ()).await.unwrap(), 3);
    place
}

async fn refused(place: &Place) -> SchemaError {
    let mut schema = connect(place).await.with_steps(STEPS.to_vec());
    up(&mut schema, NOW, &mut |_| ()).await.unwrap_err()
}

async fn an_edited_step_is_refused(engine: Engine) {
    let place = small(engine).await;
    place.sql("UPDATE schema_step SET checksum = 'other' WHERE version = 2").await;
    let error = refused(&place).await;
    assert!(matches!(&error, SchemaError::Edited { step, .. } if step == "0002_two"), "{error}");
}

async fn a_step_that_is_missing_is_refused(engine: Engine) {
    let place = small(engine).await;
    place.sql("DELETE FROM schema_step WHERE version = 2").await;
    let error = refused(&place).await;
    assert!(matches!(error, SchemaError::Missing { version: 2, .. }), "{error}");
}

async fn a_newer_schema_is_refused(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    store.close().await;
    let later = "INSERT INTO schema_step SELECT 9, 'later', checksum, at_ms, finished FROM schema_step";
    place.sql(&format!("{later} WHERE version = 1")).await;
    let opened = SqlAccounts::open(&place.config, place.kms("key", None), "sup-1").await;
    let error = opened.unwrap_err();
    assert!(matches!(error, OpenError::Schema(SchemaError::Newer { found: 9, .. })), "{error}");
    assert!(!error.is_unreachable());
}

#[tokio::test]
async fn a_server_that_was_not_brought_up_is_refused() {
    let place = Place::new(Engine::Postgres);
    let error = SqlAccounts::open(&place.config, place.kms("key", None), "sup-1").await.unwrap_err();
    assert!(matches!(&error, OpenError::Schema(SchemaError::Behind { step, .. }) if step == "0001_accounts"));
    assert!(error.to_string().contains("warden-migrator up"), "{error}");
    assert!(!error.to_string().contains(place.server().0.password()));
}

async fn a_failing_step_leaves_nothing_and_a_further_run_converges(engine: Engine) {
    let place = Place::new(engine);
    let faulty = Step { sql: "CREATE TABLE two (a int);\n\nSELECT nonsense FROM nowhere;\n", ..STEPS[1] };
    let mut schema = connect(&place).await.with_steps(vec![STEPS[0], faulty, STEPS[2]]);
    let error = up(&mut schema, NOW, &mut |_| ()).await.unwrap_err();
    let SchemaError::Failed { step, statement: 2, what, .. } = &error else { panic!("{error}") };
    assert!(step == "0002_two" && what.contains("nowhere"), "{error}");
    assert_eq!(schema.applied().await.unwrap().len(), 1);
    assert_eq!(schema.differences().await.unwrap(), [""; 0]);
    // The failed one keeps its connection, and nobody out.
    let mut other = connect(&place).await.with_steps(STEPS.to_vec());
    assert_eq!(up(&mut other, NOW, &mut |_| ()).await.unwrap(), 2);
    assert_eq!(up(&mut schema.with_steps(STEPS.to_vec()), NOW, &mut |_| ()).await.unwrap(), 0);
    assert_eq!(place.sql("SELECT count(*) FROM one").await, ["1"]);
}

async fn a_migration_that_is_killed_anywhere_converges(engine: Engine) {
    for killed_after in 0..5 {
        let place = Place::new(engine);
        let mut schema = connect(&place).await.with_steps(STEPS.to_vec());
        let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
        let running = tokio::spawn(async move {
            let mut tell = |_: &_| told.send(()).unwrap_or_default();
            up(&mut schema, NOW, &mut tell).await
        });
        for _ in 0..killed_after {
            tells.recv().await;
        }
        running.abort();
        let _ = running.await;
        let mut schema = connect(&place).await.with_steps(STEPS.to_vec());
        up(&mut schema, NOW, &mut |_| ()).await.unwrap();
        assert_eq!(schema.applied().await.unwrap().len(), 3, "killed after {killed_after}");
        assert_eq!(schema.differences().await.unwrap(), [""; 0]);
        assert_eq!(place.sql("SELECT count(*) FROM one").await, ["1"]);
    }
}

async fn many_migrators_at_once_apply_each_step_once(engine: Engine) {
    let place = Place::new(engine);
    let mut running = Vec::new();
    for _ in 0..4 {
        let mut schema = connect(&place).await;
        running.push(tokio::spawn(async move { up(&mut schema, NOW, &mut |_| ()).await.unwrap() }));
    }
    let mut done = 0;
    for one in running {
        done += one.await.unwrap();
    }
    let mut schema = connect(&place).await;
    assert_eq!(done, schema.steps().len());
    assert_eq!(schema.differences().await.unwrap(), [""; 0]);
}

async fn a_migrator_that_waits_too_long_says_so(engine: Engine) {
    let mut place = Place::new(engine);
    let mut first = connect(&place).await;
    first.lock().await.unwrap();
    place.config.migration_wait = Span::from_millis(50);
    let mut second = connect(&place).await;
    let error = up(&mut second, NOW, &mut |_| ()).await.unwrap_err();
    assert!(matches!(error, SchemaError::Locked { .. }), "{error}");
    first.unlock().await.unwrap();
    assert!(up(&mut second, NOW, &mut |_| ()).await.unwrap() > 0, "the same connection, later");
}

async fn what_somebody_changed_is_named(engine: Engine) {
    let changes: &[(&str, &str, usize)] = match engine {
        Engine::Sqlite => &[
            ("CREATE TABLE mine (a int)", "mine", 1),
            ("DROP TRIGGER audit_is_never_cut", "audit_is_never_cut", 1),
            ("ALTER TABLE owners ADD COLUMN note TEXT", "note", 2),
            ("DROP TABLE refusals", "refusals", 1),
        ],
        Engine::Postgres => &[
            ("CREATE TABLE mine (a int)", "mine", 2),
            ("CREATE INDEX mine ON owners (epoch)", "index CREATE INDEX mine", 1),
            ("ALTER TABLE audit DISABLE TRIGGER audit_is_append_only", "trigger (D)", 2),
            ("DROP TRIGGER audit_is_append_only ON audit", "audit_is_append_only", 1),
            (
                "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS \
              'BEGIN RETURN NULL; END'",
                "function audit_is_append_only",
                2,
            ),
            ("ALTER TABLE owners ALTER epoch TYPE int", "column owners.epoch integer not null", 2),
            ("ALTER TABLE owners ALTER epoch DROP NOT NULL", "column owners.epoch bigint", 2),
            ("ALTER TABLE owners ALTER epoch SET DEFAULT 7", "default 7", 2),
            ("ALTER TABLE owners DROP CONSTRAINT owners_epoch_check", "owners_epoch_check", 1),
            ("GRANT SELECT ON audit TO warden_supervisor", "grant SELECT on audit to warden_supervisor", 1),
            ("GRANT UPDATE (login) ON instances TO warden_admin", "grant UPDATE (login) on instances", 1),
            ("REVOKE SELECT ON owners FROM warden_reconciler", "warden_reconciler", 1),
            ("GRANT SELECT ON owners TO PUBLIC", "to PUBLIC", 1),
            ("GRANT CREATE ON SCHEMA public TO warden_admin", "role warden_admin may make tables", 1),
            ("ALTER TABLE owners OWNER TO postgres", "relation owners", 2),
        ],
    };
    for (change, names, differences) in changes {
        let place = Place::new(engine);
        place.up().await;
        place.sql(change).await;
        let found = connect(&place).await.differences().await.unwrap();
        assert!(found.iter().any(|line| line.contains(names)), "{change}: {found:?}");
        assert!(found.len() >= *differences, "{change}: {found:?}");
    }
}

#[tokio::test]
async fn a_file_whose_folder_is_missing_is_named() {
    let mut place = Place::new(Engine::Sqlite);
    place.config.url = format!("sqlite:{}/missing/accounts.db", place.file().parent().unwrap().display());
    let error = SqlAccounts::open(&place.config, place.kms("key", None), "sup-1").await.unwrap_err();
    assert!(matches!(error, OpenError::Unusable { .. }) && error.to_string().contains("missing/accounts.db"));
}

#[tokio::test]
async fn a_file_that_others_may_read_is_refused() {
    let place = Place::new(Engine::Sqlite);
    place.open().await;
    for file in fs::read_dir(place.file().parent().unwrap()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", file.file_name());
    }
    fs::set_permissions(place.file(), fs::Permissions::from_mode(0o640)).unwrap();
    let error = SqlAccounts::open(&place.config, place.kms("key", None), "sup-1").await.unwrap_err();
    assert!(matches!(error, OpenError::Exposed { mode: 0o640, .. }), "{error}");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}
