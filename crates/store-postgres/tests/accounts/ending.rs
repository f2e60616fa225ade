//! The destruction of an account (ACC-3).

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use warden_domain::{Epoch, FailureReason, Timestamp};
use warden_store::{Absorbed, Accounts as _, AccountsError};

use crate::common::{Engine, Place, account, instance, on_both};

on_both!(
    acc_3_nothing_of_a_destroyed_account_is_left,
    acc_3_a_destruction_is_recorded_once,
    acc_3_a_destruction_without_a_record_of_the_end_makes_one,
);

const LOGIN: u64 = 77_665_544_332_211;

/// The sealed password as it stands in the store, in hexadecimal.
const CIPHERTEXT: [&str; 2] =
    ["SELECT encode(ciphertext, 'hex') FROM credentials", "SELECT lower(hex(ciphertext)) FROM credentials"];

async fn acc_3_nothing_of_a_destroyed_account_is_left(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let a = instance("acct-1");
    store.register(account("acct-1", LOGIN, "a canary in the mine"), "operator").await.unwrap();
    store.raise_epochs(std::slice::from_ref(&a)).await.unwrap();
    store.remember_rejected(&a).await.unwrap();
    let ciphertext = match engine {
        Engine::Postgres => place.sql(CIPHERTEXT[0]).await,
        Engine::Sqlite => place.sql(CIPHERTEXT[1]).await,
    }
    .remove(0);
    assert!(holds_login(&place, engine) && holds_hex(&place, engine, &ciphertext), "the look sees them");
    let since = Timestamp::from_millis(5);
    let closed = Absorbed::Closed { reason: FailureReason::AccountDisabled, since };
    store.absorb(&a, Epoch(1), Some(closed)).await.unwrap();
    store.revoke(&a, Epoch(1)).await.unwrap();
    store.delete(&a, Epoch(1)).await.unwrap();
    assert!(!holds_login(&place, engine), "the login is left");
    assert!(!holds_hex(&place, engine, &ciphertext), "the sealed password is left");
    assert!(!place.holds("canary"));
    for table in ["instances", "credentials", "refusals"] {
        assert_eq!(place.sql(&format!("SELECT count(*) FROM {table}")).await, ["0"], "{table}");
    }
    let listed = store.registered().await.unwrap();
    assert_eq!((listed[0].login, listed[0].absorbed), (None, Some(closed)));
    assert_eq!(listed[0].server.as_str(), "Broker-Live3");
    assert_eq!(store.raise_epochs(&[a]).await.unwrap(), [Epoch(2)], "its epoch is not forgotten");
}

fn holds_login(place: &Place, engine: Engine) -> bool {
    match engine {
        Engine::Postgres => place.holds(&LOGIN.to_string()),
        // An integer of this size takes six bytes in a row and in an index.
        Engine::Sqlite => {
            let login = &LOGIN.to_be_bytes()[2..];
            place.bytes().windows(login.len()).any(|bytes| bytes == login)
        }
    }
}

fn holds_hex(place: &Place, engine: Engine, hex: &str) -> bool {
    match engine {
        Engine::Postgres => place.holds(hex),
        Engine::Sqlite => {
            let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            let blob: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
            place.bytes().windows(blob.len()).any(|bytes| bytes == blob)
        }
    }
}

async fn acc_3_a_destruction_is_recorded_once(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let a = instance("acct-1");
    store.register(account("acct-1", LOGIN, "secret"), "operator").await.unwrap();
    for _ in 0..2 {
        store.revoke(&a, Epoch(1)).await.unwrap();
        store.delete(&a, Epoch(1)).await.unwrap();
        place.open().await.delete(&a, Epoch(1)).await.unwrap();
    }
    let told = "SELECT action FROM audit WHERE instance = 'acct-1' ORDER BY seq";
    assert_eq!(place.sql(told).await, ["ACCOUNT_REGISTERED", "CREDENTIALS_REVOKED", "CREDENTIALS_DELETED"]);
    assert_eq!(store.verify_audit().await.unwrap().fault, None);
}

async fn acc_3_a_destruction_without_a_record_of_the_end_makes_one(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let a = instance("acct-1");
    store.register(account("acct-1", LOGIN, "secret"), "operator").await.unwrap();
    let since = Timestamp::from_millis(5);
    let stopped = Absorbed::Stopped { reason: FailureReason::LoginFailed, permanently: false, since };
    store.absorb(&a, Epoch(1), Some(stopped)).await.unwrap();
    store.delete(&a, Epoch(1)).await.unwrap();
    let end = store.registered().await.unwrap().remove(0).absorbed;
    assert!(matches!(end, Some(Absorbed::Closed { reason: FailureReason::AccountClosed, .. })), "{end:?}");
}

#[tokio::test]
async fn acc_3_a_reader_that_keeps_the_log_holds_the_destruction_up() {
    let place = Place::new(Engine::Sqlite);
    let store = place.open().await;
    let a = instance("acct-1");
    store.register(account("acct-1", LOGIN, "secret"), "operator").await.unwrap();
    let impatient = place.open_impatient(warden_domain::Span::from_secs(1)).await;
    let options = SqliteConnectOptions::new().filename(place.file());
    let mut reader = SqliteConnection::connect_with(&options).await.unwrap();
    let mut reading = reader.begin().await.unwrap();
    sqlx::query("SELECT * FROM credentials").fetch_all(&mut *reading).await.unwrap();
    let held = impatient.delete(&a, Epoch(1)).await;
    assert!(matches!(&held, Err(AccountsError::Unreachable(what)) if what.contains("reader")), "{held:?}");
    reading.rollback().await.unwrap();
    store.delete(&a, Epoch(1)).await.unwrap();
    assert!(!holds_login(&place, Engine::Sqlite));
    let told = "SELECT count(*) FROM audit WHERE action = 'CREDENTIALS_DELETED'";
    assert_eq!(place.sql(told).await, ["1"]);
}
