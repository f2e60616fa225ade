//! Who may do what in PostgreSQL.

use std::sync::{Arc, Mutex};

use warden_domain::Timestamp;
use warden_store::{
    Accounts, Password, conformance, schema,
    schema::{Schema as _, SchemaError},
};
use warden_store_postgres::{AccountsConfig, AccountsSchema, OpenError, SqlAccounts};
use warden_testkit::Postgres;

use crate::common::{Engine, Place, account, instance, plain};

/// For each table what the supervisor, the reconciler and the administrator may do: `s`elect, `i`nsert, `d`elete, and
/// which columns they may update.
const ALLOWED: [(&str, [(&str, &str); 3]); 9] = [
    ("instances", [("sd", ""), ("s", ""), ("si", "desired,gateway,group_name,profile,updated_at")]),
    (
        "credentials",
        [
            ("sd", "ciphertext,key_id,nonce,revoked_at,wrapped"),
            ("", ""),
            ("si", "ciphertext,key_id,nonce,revoked_at,version,wrapped"),
        ],
    ),
    ("owners", [("si", "epoch"), ("s", ""), ("s", "")]),
    ("absorbed", [("sid", "epoch,kind,permanently,reason,server,since_ms"), ("s", ""), ("s", "")]),
    ("refusals", [("sid", ""), ("", ""), ("sd", "")]),
    ("sealed_keys", [("si", ""), ("", ""), ("si", "ciphertext,key_id,nonce,version,wrapped")]),
    ("audit", [("i", ""), ("", ""), ("si", "")]),
    ("audit_head", [("s", "hash,seq"), ("", ""), ("s", "hash,seq")]),
    ("schema_step", [("s", ""), ("s", ""), ("s", "")]),
];

const ROLES: [&str; 3] = ["warden_supervisor", "warden_reconciler", "warden_admin"];

/// The way in of a user who is a member of one role only.
fn member(place: &Place, role: &str) -> AccountsConfig {
    let (cluster, database) = place.server();
    let (name, password) = (format!("{role}_of_{database}"), "it's a \"password\"");
    cluster.create_user(&name, password, &[role]).unwrap();
    AccountsConfig {
        password: Some(Password::new(password.to_owned())),
        ..AccountsConfig::new(cluster.url_as(&name, database))
    }
}

#[tokio::test]
async fn each_role_may_do_what_it_needs_and_nothing_else() {
    let place = Place::new(Engine::Postgres);
    place.up().await;
    for (table, allowed) in ALLOWED {
        for (role, (verbs, columns)) in ROLES.iter().zip(allowed) {
            for verb in ["SELECT", "INSERT", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "UPDATE"] {
                let may = verb.chars().next().is_some_and(|c| verbs.contains(c.to_ascii_lowercase()));
                let expected = may && ["SELECT", "INSERT", "DELETE"].contains(&verb);
                let asked = format!("SELECT has_table_privilege('{role}', '{table}', '{verb}')");
                let said = place.sql(&asked).await;
                assert_eq!(said == ["t"], expected, "{role} {verb} {table}");
            }
            let asked = format!(
                "SELECT string_agg(attname, ',' ORDER BY attname) FROM pg_attribute WHERE attrelid = '{table}'::regclass \
                 AND attnum > 0 AND has_column_privilege('{role}', attrelid, attnum, 'UPDATE')"
            );
            assert_eq!(place.sql(&asked).await.concat(), columns, "{role} UPDATE {table}");
        }
    }
    let tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND pg_get_userbyid(relowner) = 'warden_migrator' ORDER BY 1";
    let mut all: Vec<_> = ALLOWED.iter().map(|(table, _)| *table).collect();
    all.sort_unstable();
    assert_eq!(place.sql(tables).await, all, "the table above names every table, and the migrator owns them");
}

#[tokio::test]
async fn what_a_role_may_not_do_is_refused() {
    let place = Place::new(Engine::Postgres);
    let store = place.open().await;
    store.register(account("a", 1, "secret"), "operator").await.unwrap();
    for (role, sql) in [
        ("warden_supervisor", "SELECT * FROM audit"),
        ("warden_supervisor", "INSERT INTO instances SELECT * FROM instances"),
        ("warden_supervisor", "UPDATE instances SET login = 2"),
        ("warden_supervisor", "UPDATE credentials SET version = 2"),
        ("warden_supervisor", "UPDATE audit SET actor = ''"),
        ("warden_supervisor", "UPDATE schema_step SET checksum = ''"),
        ("warden_supervisor", "CREATE TABLE mine (a int)"),
        ("warden_supervisor", "ALTER TABLE audit DISABLE TRIGGER ALL"),
        ("warden_reconciler", "SELECT * FROM credentials"),
        ("warden_reconciler", "SELECT hash FROM refusals"),
        ("warden_reconciler", "UPDATE owners SET epoch = 9"),
        ("warden_reconciler", "CREATE TABLE mine (a int)"),
        ("warden_admin", "DELETE FROM instances"),
        ("warden_admin", "UPDATE instances SET login = 2"),
        ("warden_admin", "DELETE FROM audit"),
        ("warden_admin", "TRUNCATE audit"),
        ("warden_admin", "CREATE TABLE mine (a int)"),
        ("warden_admin", "DROP TABLE refusals"),
    ] {
        let refused = place.try_sql(&format!("SET ROLE {role}; {sql}")).await.unwrap_err();
        let says = ["permission denied", "must be owner"].iter().any(|words| refused.contains(words));
        assert!(says, "{role}: {sql}: {refused}");
    }
    for (role, sql) in [
        ("warden_reconciler", "SELECT i.*, a.*, o.* FROM instances i, absorbed a, owners o"),
        ("warden_admin", "SELECT * FROM audit"),
    ] {
        place.sql(&format!("SET ROLE {role}; {sql}")).await;
    }
}

#[tokio::test]
async fn a_member_of_the_supervisors_can_do_all_that_the_port_asks_for() {
    let places = Arc::new(Mutex::new(Vec::new()));
    conformance::accounts::run(|accounts| {
        let places = Arc::clone(&places);
        Box::pin(async move {
            let place = Place::new(Engine::Postgres);
            place.up().await;
            let admin = member(&place, "warden_admin");
            let admin = SqlAccounts::open(&admin, place.kms("key", None), "admin").await.unwrap();
            for (instance, account) in accounts {
                admin.register(plain(&instance, account), "operator").await.unwrap();
            }
            let supervisor = member(&place, "warden_supervisor");
            let store = SqlAccounts::open(&supervisor, place.kms("key", None), "sup-1").await.unwrap();
            places.lock().unwrap().push(place);
            Arc::new(store) as Arc<dyn Accounts>
        })
    })
    .await;
}

#[tokio::test]
async fn a_member_of_the_administrators_can_do_all_that_a_person_asks_for() {
    let place = Place::new(Engine::Postgres);
    place.up().await;
    let config = member(&place, "warden_admin");
    let old = SqlAccounts::open(&config, place.kms("old", None), "admin").await.unwrap();
    old.register(account("a", 1, "secret"), "operator").await.unwrap();
    let a = instance("a");
    old.set_password(&a, &crate::common::password("new"), "operator").await.unwrap();
    old.set_desired(&a, warden_domain::Desired::Stopped, "operator").await.unwrap();
    let supervisor = member(&place, "warden_supervisor");
    let supervisor = SqlAccounts::open(&supervisor, place.kms("old", None), "sup-1").await.unwrap();
    supervisor.remember_rejected(&a).await.unwrap();
    let new = SqlAccounts::open(&config, place.kms("new", Some("old")), "admin").await.unwrap();
    let rotation = new.rotate("operator", &mut |_| ()).await.unwrap();
    assert_eq!((rotation.done, rotation.left), (1, 0));
    let after = SqlAccounts::open(&config, place.kms("new", None), "admin").await.unwrap();
    assert!(after.account(&a).await.unwrap().rejected, "the key of the refusals was wrapped anew, too");
    after.forget_rejected(&a).await.unwrap();
    assert_eq!(after.verify_audit().await.unwrap().fault, None);
    assert!(supervisor.verify_audit().await.is_err(), "a supervisor does not read the log");
}

#[tokio::test]
async fn a_member_of_the_reconcilers_lists_accounts_and_gets_no_credentials() {
    let place = Place::new(Engine::Postgres);
    place.open().await.register(account("a", 1, "canary"), "operator").await.unwrap();
    let config = member(&place, "warden_reconciler");
    let store = SqlAccounts::open(&config, place.kms("key", None), "rec-1").await.unwrap();
    assert_eq!(store.registered().await.unwrap().len(), 1);
    for answer in [
        store.account(&instance("a")).await.map(drop),
        store.raise_epochs(&[instance("a")]).await.map(drop),
        store.revoke(&instance("a"), warden_domain::Epoch(1)).await,
        store.delete(&instance("a"), warden_domain::Epoch(1)).await,
    ] {
        let said = answer.unwrap_err().to_string();
        assert!(said.contains("permission denied") && !said.contains("canary"), "{said}");
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so() {
    let place = Place::new(Engine::Postgres);
    place.up().await;
    let (cluster, database) = place.server();
    let wrong = Some(Password::new("canary".to_owned()));
    let (nobody, password) = (format!("nobody_of_{database}"), "nobody's");
    cluster.create_user(&nobody, password, &[]).unwrap();
    for config in [
        AccountsConfig { password: wrong, ..place.config.clone() },
        AccountsConfig {
            password: Some(Password::new(password.to_owned())),
            ..AccountsConfig::new(cluster.url_as(&nobody, database))
        },
        AccountsConfig { url: cluster.url("nowhere"), ..place.config.clone() },
    ] {
        let error = SqlAccounts::open(&config, place.kms("key", None), "sup-1").await.unwrap_err();
        let said = error.to_string();
        let refused = matches!(error, OpenError::Schema(SchemaError::Refused { .. }));
        assert!(refused && !error.is_unreachable(), "{said}");
        assert!(!said.contains("canary") && !said.contains(cluster.password()), "{said}");
    }
}

/// Who owns a database and may make roles, but is no superuser, brings it up and finds it as it should be; and then
/// another one who may not even make roles does so, with another database.
#[tokio::test]
async fn a_migrator_needs_not_be_a_superuser() {
    let cluster = Postgres::start().unwrap();
    let there = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'warden%'";
    assert_eq!(cluster.psql("postgres", there).unwrap(), "0");
    for (name, rights) in [("chief", "CREATEROLE"), ("hand", "IN ROLE warden_migrator")] {
        let database = cluster.database().unwrap();
        cluster.psql(&database, &format!("CREATE ROLE {name} LOGIN PASSWORD 'x' {rights}")).unwrap();
        cluster.psql(&database, &format!("ALTER DATABASE {database} OWNER TO {name}")).unwrap();
        let config = AccountsConfig {
            password: Some(Password::new("x".to_owned())),
            ..AccountsConfig::new(cluster.url_as(name, &database))
        };
        let mut steps = AccountsSchema::connect(&config).await.unwrap();
        schema::up(&mut steps, Timestamp::from_millis(1), &mut |_| ()).await.unwrap();
        assert_eq!(steps.differences().await.unwrap(), [""; 0]);
    }
}
