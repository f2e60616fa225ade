//! Credentials that are not what was stored for their account.

use warden_store::{Accounts as _, AccountsError};
use warden_store_postgres::SqlAccounts;

use crate::common::{Engine, Place, account, instance, on_both};

on_both!(
    credentials_that_were_moved_to_another_account_do_not_open,
    credentials_of_an_account_that_was_altered_do_not_open,
    an_older_password_does_not_open_in_the_place_of_a_newer_one,
    a_key_that_is_not_there_is_named,
    an_altered_refusal_key_is_no_reason_to_try_refused_credentials,
);

async fn two_accounts(engine: Engine) -> (Place, SqlAccounts) {
    let place = Place::new(engine);
    let store = place.open().await;
    for (id, login) in [("a", 1), ("b", 2)] {
        store.register(account(id, login, "canary"), "operator").await.unwrap();
    }
    (place, store)
}

/// That `a` does not open, and `b` does in the same breath; what is said of `a`.
async fn said_of_a(store: &SqlAccounts) -> String {
    let mut answers = store.accounts(&[instance("a"), instance("b")]).await.unwrap();
    assert_eq!(answers.pop().unwrap().unwrap().password.reveal(), "canary");
    match answers.pop().unwrap() {
        Err(error @ AccountsError::Undecipherable { .. }) => {
            let said = error.to_string();
            assert!(said.contains("instance a") && !said.contains("canary"), "{said}");
            said
        }
        other => panic!("{other:?}"),
    }
}

async fn credentials_that_were_moved_to_another_account_do_not_open(engine: Engine) {
    let (place, store) = two_accounts(engine).await;
    let columns = "(key_id, wrapped, nonce, ciphertext) = \
        (SELECT key_id, wrapped, nonce, ciphertext FROM credentials WHERE instance = 'b')";
    place.sql(&format!("UPDATE credentials SET {columns} WHERE instance = 'a'")).await;
    assert!(said_of_a(&store).await.contains("another one's"));
}

async fn credentials_of_an_account_that_was_altered_do_not_open(engine: Engine) {
    for change in [
        "UPDATE instances SET login = 3 WHERE instance = 'a'",
        "UPDATE instances SET server = 'Broker-Live4' WHERE instance = 'a'",
        "UPDATE credentials SET wrapped = nonce WHERE instance = 'a'",
        "UPDATE credentials SET ciphertext = wrapped WHERE instance = 'a'",
        "UPDATE credentials SET nonce = wrapped WHERE instance = 'a'",
        "UPDATE credentials SET key_id = 'no key' WHERE instance = 'a'",
    ] {
        let (place, store) = two_accounts(engine).await;
        place.sql(change).await;
        assert!(said_of_a(&store).await.contains("restore the row from a backup"), "{change}");
    }
}

async fn an_older_password_does_not_open_in_the_place_of_a_newer_one(engine: Engine) {
    let (place, store) = two_accounts(engine).await;
    place.sql("CREATE TABLE stolen AS SELECT * FROM credentials").await;
    store.set_password(&instance("a"), &crate::common::password("new"), "operator").await.unwrap();
    let columns = "(key_id, wrapped, nonce, ciphertext) = \
        (SELECT key_id, wrapped, nonce, ciphertext FROM stolen WHERE instance = 'a')";
    place.sql(&format!("UPDATE credentials SET {columns} WHERE instance = 'a'")).await;
    said_of_a(&store).await;
}

async fn a_key_that_is_not_there_is_named(engine: Engine) {
    let (place, _) = two_accounts(engine).await;
    let other = place.open_with(place.kms("other key", None)).await;
    let (key, there) = (place.key("key"), place.key("other key"));
    let said = other.account(&instance("a")).await.unwrap_err().to_string();
    assert!(said.contains(key.id().as_str()) && said.contains(there.id().as_str()), "{said}");
    assert!(said.contains("name the file"), "{said}");
}

async fn an_altered_refusal_key_is_no_reason_to_try_refused_credentials(engine: Engine) {
    let (place, store) = two_accounts(engine).await;
    store.remember_rejected(&instance("a")).await.unwrap();
    place.sql("UPDATE sealed_keys SET ciphertext = wrapped").await;
    let later = place.open().await;
    said_of_a(&later).await;
}
