//! The audit log: it cannot be changed, and if it was all the same, that is found out.

use warden_domain::Desired;
use warden_store_postgres::{AuditFault, AuditReport, SqlAccounts};

use crate::common::{Engine, Place, account, instance, on_both};

on_both!(
    the_log_takes_no_change,
    a_changed_row_is_found,
    a_missing_row_is_found,
    a_missing_tail_is_found,
    an_added_row_is_found,
    a_log_that_was_written_anew_is_found,
    who_did_what_is_told_without_secrets,
);

/// A log of five rows, and nothing that keeps others from changing it.
async fn unprotected(engine: Engine) -> (Place, SqlAccounts) {
    let place = Place::new(engine);
    let store = place.open().await;
    store.register(account("a", 1, "secret"), "operator").await.unwrap();
    for desired in [Desired::Stopped, Desired::Running, Desired::Stopped, Desired::Running] {
        store.set_desired(&instance("a"), desired, "operator").await.unwrap();
    }
    assert_eq!(store.verify_audit().await.unwrap(), AuditReport { proven: 5, fault: None });
    match engine {
        Engine::Postgres => place.sql("ALTER TABLE audit DISABLE TRIGGER USER").await,
        Engine::Sqlite => {
            place.sql("DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_cut").await
        }
    };
    (place, store)
}

async fn found(store: &SqlAccounts) -> (u64, AuditFault) {
    let AuditReport { proven, fault } = store.verify_audit().await.unwrap();
    (proven, fault.unwrap())
}

async fn the_log_takes_no_change(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    store.register(account("a", 1, "secret"), "operator").await.unwrap();
    let mut tried = vec!["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"];
    if engine == Engine::Postgres {
        tried.extend(["TRUNCATE audit", "DELETE FROM audit WHERE seq = 99"]);
    }
    for sql in tried {
        let refused = place.try_sql(sql).await.unwrap_err();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
    assert_eq!(place.sql("SELECT actor FROM audit").await, ["operator"]);
}

async fn a_changed_row_is_found(engine: Engine) {
    for change in ["actor = 'nobody'", "at = at + 1", "after = ''", "instance = 'b'", "hash = prev_hash"] {
        let (place, store) = unprotected(engine).await;
        place.sql(&format!("UPDATE audit SET {change} WHERE seq = 3")).await;
        assert_eq!(found(&store).await, (2, AuditFault::Changed(3)), "{change}");
    }
}

async fn a_missing_row_is_found(engine: Engine) {
    for seq in [1, 3] {
        let (place, store) = unprotected(engine).await;
        place.sql(&format!("DELETE FROM audit WHERE seq = {seq}")).await;
        assert_eq!(found(&store).await, (seq - 1, AuditFault::Missing(seq)));
    }
    let (place, store) = unprotected(engine).await;
    place.sql("DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3").await;
    assert_eq!(found(&store).await, (2, AuditFault::Changed(3)), "the others moved up");
}

async fn a_missing_tail_is_found(engine: Engine) {
    let (place, store) = unprotected(engine).await;
    place.sql("DELETE FROM audit WHERE seq > 3").await;
    assert_eq!(found(&store).await, (3, AuditFault::Cut { from: 4, to: 5 }));
    place.sql("DELETE FROM audit").await;
    assert_eq!(found(&store).await, (0, AuditFault::Cut { from: 1, to: 5 }));
}

async fn an_added_row_is_found(engine: Engine) {
    let (place, store) = unprotected(engine).await;
    place.sql("UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)").await;
    assert_eq!(found(&store).await, (4, AuditFault::Added(5)), "a well linked one that no change wrote");
}

async fn a_log_that_was_written_anew_is_found(engine: Engine) {
    let (place, store) = unprotected(engine).await;
    place.sql("UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE seq = 4)").await;
    assert_eq!(found(&store).await, (5, AuditFault::Changed(5)), "a well linked log with another end");
}

async fn who_did_what_is_told_without_secrets(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    store.register(account("a", 987_654_321, "canary"), "alice").await.unwrap();
    store.set_desired(&instance("a"), Desired::Stopped, "bob").await.unwrap();
    let all = "SELECT actor || ' ' || action || ' ' || instance || ' ' || before || ' ' || after FROM audit ORDER BY seq";
    let told = place.sql(all).await;
    assert_eq!(told[1], r#"bob DESIRED_SET a {"desired":"RUNNING"} {"desired":"STOPPED"}"#);
    assert!(told[0].starts_with("alice ACCOUNT_REGISTERED a") && told[0].contains("Broker-Live3"));
    assert!(!told[0].contains("canary") && !told[0].contains("987654321"), "{told:?}");
}
