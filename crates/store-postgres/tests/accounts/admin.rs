//! What a person does with accounts.

use warden_domain::{Desired, Epoch, FailureReason, Login, Timestamp};
use warden_store::{Absorbed, Accounts as _, AccountsError};
use warden_store_postgres::{AdminError, SqlAccounts};

use crate::common::{Engine, Place, account, instance, on_both, password};

on_both!(
    an_account_is_listed_as_it_was_registered,
    log_1_more_accounts_than_one_statement_takes_are_fetched_in_the_order_asked,
    an_instance_or_account_that_is_there_already_is_named,
    acc_1_revoked_credentials_work_again_only_with_a_new_password,
    acc_2_a_closed_account_takes_no_password,
    log_9_refused_credentials_are_known_when_they_come_back,
    log_9_the_newest_refusals_are_remembered,
    log_7_a_person_may_have_refused_credentials_tried_again,
    two_who_set_a_password_at_once_do_not_overwrite_each_other,
    what_changes_nothing_leaves_no_line_in_the_audit_log,
    a_new_key_is_enough_as_long_as_nothing_is_sealed,
);

async fn a_new_key_is_enough_as_long_as_nothing_is_sealed(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    assert!(SqlAccounts::nothing_sealed(&place.config).await.unwrap());
    store.register(account("a", 1, "secret"), "operator").await.unwrap();
    assert!(!SqlAccounts::nothing_sealed(&place.config).await.unwrap());
}

async fn an_account_is_listed_as_it_was_registered(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    // Ids in the order of their bytes, whatever the language of the database says.
    for (id, login) in [("b", 2), ("A_1", 3), ("a-1", 1)] {
        store.register(account(id, login, "secret"), "operator").await.unwrap();
    }
    store.set_desired(&instance("b"), Desired::Stopped, "operator").await.unwrap();
    let listed = store.registered().await.unwrap();
    let ids: Vec<_> = listed.iter().map(|one| one.instance.as_str()).collect();
    assert_eq!(ids, ["A_1", "a-1", "b"]);
    let one = &listed[2];
    assert_eq!((one.login, one.desired), (Login::new(2).ok(), Desired::Stopped));
    assert_eq!(listed[1].desired, Desired::Running);
    assert_eq!([&one.gateway, &one.profile, &one.group], ["gw-7", "careful", "desk"]);
}

async fn log_1_more_accounts_than_one_statement_takes_are_fetched_in_the_order_asked(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    for login in 1..=501 {
        let new = account(&format!("acct-{login}"), login, &format!("secret {login}"));
        store.register(new, "operator").await.unwrap();
    }
    // The last one stands apart from the others, and is asked for in each part.
    let ids: Vec<_> = (0..=1_001).map(|place| instance(&format!("acct-{}", 501 - place % 501))).collect();
    let answers = store.accounts(&ids).await.unwrap();
    assert_eq!(answers.len(), ids.len());
    for (id, answer) in ids.iter().zip(answers) {
        let account = answer.unwrap();
        assert_eq!(id.as_str(), format!("acct-{}", account.login));
        assert_eq!(account.password.reveal(), format!("secret {}", account.login));
    }
}

async fn an_instance_or_account_that_is_there_already_is_named(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    store.register(account("a", 1, "secret"), "operator").await.unwrap();
    let again = store.register(account("a", 2, "other"), "operator").await;
    assert_eq!(again, Err(AdminError::Exists(instance("a"))));
    let taken = store.register(account("b", 1, "other"), "operator").await;
    assert_eq!(taken, Err(AdminError::Taken(instance("a"))));
    assert_eq!(store.register(account("c", 3, ""), "operator").await, Err(AdminError::NoPassword));
    let large = Login::new(u64::MAX).unwrap();
    assert_eq!(
        store.register(account("c", u64::MAX, "secret"), "operator").await,
        Err(AdminError::Login(large))
    );
    let missing = AdminError::Accounts(AccountsError::Missing(instance("c")));
    assert_eq!(store.set_password(&instance("c"), &password("x"), "operator").await, Err(missing));
    let missing = AdminError::Accounts(AccountsError::Missing(instance("c")));
    assert_eq!(store.set_desired(&instance("c"), Desired::Running, "operator").await, Err(missing));
    assert_eq!(store.account(&instance("a")).await.unwrap().password.reveal(), "secret");
    assert_eq!(store.registered().await.unwrap().len(), 1);
}

async fn acc_1_revoked_credentials_work_again_only_with_a_new_password(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let a = instance("a");
    store.register(account("a", 1, "secret"), "operator").await.unwrap();
    store.revoke(&a, Epoch(1)).await.unwrap();
    store.revoke(&a, Epoch(1)).await.unwrap();
    assert_eq!(store.account(&a).await, Err(AccountsError::Revoked(a.clone())));
    let left =
        "SELECT length(wrapped) + length(nonce) + length(ciphertext) + length(key_id) FROM credentials";
    assert_eq!(place.sql(left).await, ["0"], "nothing is left that a key could open");
    let told = "SELECT count(*) FROM audit WHERE action = 'CREDENTIALS_REVOKED'";
    assert_eq!(place.sql(told).await, ["1"]);
    store.set_password(&a, &password("new secret"), "operator").await.unwrap();
    assert_eq!(store.account(&a).await.unwrap().password.reveal(), "new secret");
}

async fn acc_2_a_closed_account_takes_no_password(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let a = instance("a");
    store.register(account("a", 1, "secret"), "operator").await.unwrap();
    let since = Timestamp::from_millis(5);
    let closed = Absorbed::Closed { reason: FailureReason::AccountClosed, since };
    store.absorb(&a, Epoch(1), Some(closed)).await.unwrap();
    store.revoke(&a, Epoch(1)).await.unwrap();
    let refused = Err(AdminError::Closed(a.clone()));
    assert_eq!(store.set_password(&a, &password("new"), "operator").await, refused);
    store.delete(&a, Epoch(1)).await.unwrap();
    assert_eq!(store.set_password(&a, &password("new"), "operator").await, refused);
    assert_eq!(store.register(account("a", 9, "new"), "operator").await, refused);
    // The account itself may come back, under another id.
    store.register(account("b", 1, "new"), "operator").await.unwrap();
}

async fn log_9_refused_credentials_are_known_when_they_come_back(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let a = instance("a");
    store.register(account("a", 1, "canary one"), "operator").await.unwrap();
    store.remember_rejected(&a).await.unwrap();
    for (text, rejected) in [("canary two", false), ("canary one", true), ("canary three", false)] {
        store.set_password(&a, &password(text), "operator").await.unwrap();
        assert_eq!(store.account(&a).await.unwrap().rejected, rejected, "{text}");
    }
    // Another process knows it as well: the key of the hashes is in the store, sealed.
    let other = place.open().await;
    other.set_password(&a, &password("canary one"), "operator").await.unwrap();
    assert!(other.account(&a).await.unwrap().rejected);
    assert_eq!(place.sql("SELECT count(*) FROM sealed_keys").await, ["1"]);
    assert!(!place.holds("canary"));
}

async fn log_9_the_newest_refusals_are_remembered(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let a = instance("a");
    store.register(account("a", 1, "password 0"), "operator").await.unwrap();
    store.remember_rejected(&a).await.unwrap();
    for number in 1..=16 {
        store.set_password(&a, &password(&format!("password {number}")), "operator").await.unwrap();
        store.remember_rejected(&a).await.unwrap();
    }
    assert_eq!(place.sql("SELECT count(*) FROM refusals").await, ["16"]);
    for (number, rejected) in [(0, false), (1, true), (16, true)] {
        store.set_password(&a, &password(&format!("password {number}")), "operator").await.unwrap();
        assert_eq!(store.account(&a).await.unwrap().rejected, rejected, "{number}");
    }
}

async fn log_7_a_person_may_have_refused_credentials_tried_again(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let a = instance("a");
    store.register(account("a", 1, "secret"), "operator").await.unwrap();
    store.remember_rejected(&a).await.unwrap();
    for _ in 0..2 {
        store.forget_rejected(&a).await.unwrap();
        assert!(!store.account(&a).await.unwrap().rejected);
    }
    let told = "SELECT actor FROM audit WHERE action = 'REFUSALS_FORGOTTEN'";
    assert_eq!(place.sql(told).await, ["sup-1"]);
}

async fn two_who_set_a_password_at_once_do_not_overwrite_each_other(engine: Engine) {
    let place = Place::new(engine);
    let (one, two) = (place.open().await, place.open().await);
    let a = instance("a");
    one.register(account("a", 1, "secret"), "operator").await.unwrap();
    let (first, second) = (password("first"), password("second"));
    let (first_set, second_set) =
        tokio::join!(one.set_password(&a, &first, "alice"), two.set_password(&a, &second, "bob"));
    let now = one.account(&a).await.unwrap().password;
    for (set, text) in [(&first_set, first), (&second_set, second)] {
        match set {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(*error, AdminError::Raced(a.clone()));
                assert_ne!(now, text);
            }
        }
    }
    assert!(first_set.is_ok() || second_set.is_ok());
}

async fn what_changes_nothing_leaves_no_line_in_the_audit_log(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let (a, nobody) = (instance("a"), instance("nobody"));
    store.register(account("a", 1, "secret"), "operator").await.unwrap();
    store.set_desired(&a, Desired::Running, "operator").await.unwrap();
    store.absorb(&a, Epoch(1), None).await.unwrap();
    store.absorb(&nobody, Epoch(1), None).await.unwrap();
    store.revoke(&nobody, Epoch(1)).await.unwrap();
    store.delete(&nobody, Epoch(1)).await.unwrap();
    store.forget_rejected(&a).await.unwrap();
    assert_eq!(place.sql("SELECT action FROM audit").await, ["ACCOUNT_REGISTERED"]);
}
