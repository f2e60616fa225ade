//! Credentials as logins fetch them: many at once, late, unavailable, unreadable (LOG-1, LOG-9).

use std::sync::atomic::Ordering;

use warden_domain::{FailureReason, Status};
use warden_policy::{Effect, Notice, decode_step};

use crate::rig::{Rig, id, pass};

#[tokio::test(start_paused = true)]
async fn log_1_a_mass_start_of_a_thousand_fetches_its_credentials_in_few_calls() {
    let mut rig = Rig::new(1_000);
    (rig.params.login.server_rate, rig.params.login.server_burst) = (10_000, 10_000);
    rig.come_up().await;
    let fetches = rig.hooks.fetches.lock().unwrap().clone();
    assert_eq!(fetches.iter().sum::<usize>(), 1_000, "each account once");
    println!("{} calls: {fetches:?}", fetches.len());
    assert!(fetches.len() <= 40, "{} calls: {fetches:?}", fetches.len());
    assert!(fetches.iter().all(|together| *together <= 500), "{fetches:?}");
}

#[tokio::test(start_paused = true)]
async fn log_1_a_fetch_that_never_ends_holds_up_its_own_login_only_and_that_not_for_ever() {
    let mut rig = Rig::new(2);
    *rig.hooks.hangs_for.lock().unwrap() = Some(id(0));
    rig.start().await;
    rig.gateways.connect(&id(0)).await;
    rig.reaches_that(&id(0), 5, "fetching", |_| rig.hooks.fetches.lock().unwrap().len() == 1).await;
    rig.gateways.connect(&id(1)).await;
    rig.reaches(&id(1), Status::Connected, 5).await;
    assert_eq!(rig.view(&id(0)).await.login_attempt_count, 1, "under way");
    *rig.hooks.hangs_for.lock().unwrap() = None;
    let took = rig.reaches(&id(0), Status::Connected, 60).await;
    assert!(took >= rig.params.login.network_wait, "{took}");
    assert!(took <= rig.params.session.start_within.times(3), "{took}");
    assert_eq!(rig.gateways.moments(&id(0), "login").len(), 1);
    let rows = rig.rows(&id(0)).await;
    assert!(rows.iter().all(|row| row.rule != "LOG-9"), "nothing was refused");
}

#[tokio::test(start_paused = true)]
async fn log_1_log_9_an_accounts_store_that_is_down_at_login_is_waited_for_and_fails_no_login() {
    let mut rig = Rig::new(1);
    rig.hooks.accounts_down.store(true, Ordering::SeqCst);
    rig.start_all().await;
    pass(600).await;
    let view = rig.view(&id(0)).await;
    assert_eq!((view.status, view.login_attempt_count), (Status::Connecting, 0));
    assert_eq!(view.last_failure_reason, FailureReason::None);
    let tries = rig.hooks.fetches.lock().unwrap().len();
    assert!((30..=61).contains(&tries), "about every ten seconds: {tries}");
    let why = rig.rows(&id(0)).await.into_iter().map(|row| decode_step(&row.payload).unwrap().detail);
    assert!(why.into_iter().any(|detail| detail.contains("accounts store did not answer")));
    rig.hooks.accounts_down.store(false, Ordering::SeqCst);
    rig.reaches(&id(0), Status::Connected, 15).await;
    assert_eq!(rig.gateways.moments(&id(0), "login").len(), 1, "none was tried without credentials");
}

#[tokio::test(start_paused = true)]
async fn log_9_credentials_that_cannot_be_decrypted_stop_with_their_words_and_tell_people() {
    let mut rig = Rig::new(1);
    rig.hooks.spoilt.store(true, Ordering::SeqCst);
    rig.start_all().await;
    rig.reaches(&id(0), Status::Failed, 5).await;
    assert!(rig.gateways.moments(&id(0), "login").is_empty());
    let rows = rig.rows(&id(0)).await;
    let steps: Vec<_> = rows.iter().map(|row| decode_step(&row.payload).unwrap()).collect();
    let told = |step: &&warden_policy::Step| {
        let needed = Effect::Notify(Notice::CredentialsNeeded);
        step.effects.list().iter().any(|(_, effect)| *effect == needed)
    };
    let step = steps.iter().find(told).expect("people are told");
    assert!(step.detail.contains("cannot be decrypted: the seal does not fit"), "{}", step.detail);
    assert_eq!(rig.view(&id(0)).await.login_attempt_count, 0, "the broker was not asked");
    rig.hooks.spoilt.store(false, Ordering::SeqCst);
    rig.fleet().wish(&id(0), warden_supervisor::Wish::Reset).await.unwrap();
    rig.reaches(&id(0), Status::Connected, 5).await;
}
