//! From one key-encryption key to the next.

use warden_store::{Accounts as _, AccountsError};
use warden_store_postgres::Rotation;

use crate::common::{Engine, Place, account, instance, on_both, password};

on_both!(
    a_rotation_that_was_killed_is_gone_on_with_and_logins_go_on_meanwhile,
    a_password_that_was_set_by_the_old_key_is_left_for_the_next_run,
    credentials_that_do_not_open_are_named_and_hold_nothing_up,
);

const ACCOUNTS: u64 = 250;

async fn a_rotation_that_was_killed_is_gone_on_with_and_logins_go_on_meanwhile(engine: Engine) {
    let place = Place::new(engine);
    let before = place.open_with(place.kms("old", None)).await;
    for login in 1..=ACCOUNTS {
        let id = format!("acct-{login:03}");
        before.register(account(&id, login, &format!("secret {login}")), "operator").await.unwrap();
    }
    let (last, gone) = (instance("acct-250"), instance("acct-001"));
    before.remember_rejected(&last).await.unwrap();
    before.revoke(&gone, warden_domain::Epoch(1)).await.unwrap();

    // A supervisor that still wraps by the old key and already reads the new one.
    let supervisor = place.open_with(place.kms("old", Some("new"))).await;
    let both = place.open_with(place.kms("new", Some("old"))).await;
    let (told, tells) = tokio::sync::oneshot::channel();
    let killed = tokio::spawn({
        let (both, mut told) = (both.clone(), Some(told));
        // In the middle of the second batch, and at its end at the latest: a store may be quicker than we are.
        let mut tell = move |rotation: &Rotation| match told.take() {
            Some(told) => told.send(rotation.left).unwrap(),
            None => std::panic::resume_unwind(Box::new("killed")),
        };
        async move { both.rotate("operator", &mut tell).await }
    });
    assert_eq!(tells.await, Ok(ACCOUNTS - 1 - 100), "one batch is done");
    killed.abort();
    assert!(killed.await.is_err());
    for login in [2, 101, 102, 250] {
        let account = supervisor.account(&instance(&format!("acct-{login:03}"))).await.unwrap();
        assert_eq!(account.password.reveal(), format!("secret {login}"));
    }

    let mut left = Vec::new();
    let rotation = both.rotate("operator", &mut |rotation| left.push(rotation.left)).await.unwrap();
    assert_eq!((rotation.left, rotation.stuck), (0, vec![]));
    assert!(rotation.done > 0 && rotation.done < ACCOUNTS - 1, "{}", rotation.done);
    assert!(left.is_sorted_by(|before, after| before > after) && left.last() == Some(&0), "{left:?}");
    let after = place.open_with(place.kms("new", None)).await;
    for login in 2..=ACCOUNTS {
        let account = after.account(&instance(&format!("acct-{login:03}"))).await.unwrap();
        assert_eq!(account.password.reveal(), format!("secret {login}"));
        assert_eq!(account.rejected, login == 250, "what was refused is still known");
    }
    assert_eq!(after.account(&gone).await, Err(AccountsError::Revoked(gone)));
    assert_eq!(after.rotate("operator", &mut |_| ()).await.unwrap(), Rotation::default());
    assert_eq!(after.verify_audit().await.unwrap().fault, None);
}

async fn a_password_that_was_set_by_the_old_key_is_left_for_the_next_run(engine: Engine) {
    let place = Place::new(engine);
    let old = place.open_with(place.kms("old", Some("new"))).await;
    let new = place.open_with(place.kms("new", Some("old"))).await;
    old.register(account("a", 1, "secret"), "operator").await.unwrap();
    for text in ["one", "two"] {
        old.set_password(&instance("a"), &password(text), "operator").await.unwrap();
        let rotation = new.rotate("operator", &mut |_| ()).await.unwrap();
        assert_eq!((rotation.done, rotation.left), (1, 0));
        assert_eq!(old.account(&instance("a")).await.unwrap().password.reveal(), text);
    }
    let told = "SELECT count(*) FROM audit WHERE action = 'KEYS_ROTATED'";
    assert_eq!(place.sql(told).await, ["2"]);
}

async fn credentials_that_do_not_open_are_named_and_hold_nothing_up(engine: Engine) {
    let place = Place::new(engine);
    let old = place.open_with(place.kms("old", None)).await;
    for (id, login) in [("a", 1), ("b", 2), ("c", 3)] {
        old.register(account(id, login, "secret"), "operator").await.unwrap();
    }
    place.sql("UPDATE credentials SET wrapped = ciphertext WHERE instance = 'b'").await;
    let new = place.open_with(place.kms("new", Some("old"))).await;
    let rotation = new.rotate("operator", &mut |_| ()).await.unwrap();
    assert_eq!((rotation.done, rotation.left), (2, 1));
    let [AccountsError::Undecipherable { instance: stuck, .. }] = &rotation.stuck[..] else {
        panic!("{rotation:?}")
    };
    assert_eq!(*stuck, instance("b"));
}
