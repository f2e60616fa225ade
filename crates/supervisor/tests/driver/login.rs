//! Logins: LOG-1, LOG-2, LOG-5, LOG-9, LOG-10, SES-1.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use warden_bridge::Command;
use warden_domain::{FailureReason, Span, Status, StopMode};
use warden_store::{Accounts as _, HotState as _};
use warden_supervisor::{Wish, WishError};

use crate::rig::{Manner, Rig, account, id, pass, settle};

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn log_1_ses_1_start_login_confirm_connected_with_the_exact_keys() {
    let mut rig = Rig::new(1);
    let started = rig.now();
    rig.start_all().await;
    let login = rig.gateways.sent().remove(0);
    let Command::Login { login: account, server, password } = &login.envelope.command else {
        panic!("{login:?}")
    };
    assert_eq!((account.number(), server.as_str(), password.reveal()), (5_000, "Broker-Live", "secret-i0"));
    assert_eq!(
        rig.keys(&id(0)),
        texts(&[
            ("status", "CONNECTING"),
            ("connection_state", "DISCONNECTED"),
            ("login_attempt_count", "1"),
            ("last_login_attempt", &login.at.to_string()),
            ("login_failure_reason", "NONE"),
            ("last_failure_reason", "NONE"),
        ])
    );
    rig.reaches(&id(0), Status::Connected, 1).await;
    assert_eq!(rig.gateways.commands(&id(0)), ["login", "confirm"]);
    assert_eq!(
        rig.keys(&id(0)),
        texts(&[
            ("status", "CONNECTED"),
            ("connection_state", "CONNECTED"),
            ("login_attempt_count", "0"),
            ("last_login_attempt", &login.at.to_string()),
            ("login_failure_reason", "NONE"),
            ("last_failure_reason", "NONE"),
        ])
    );
    assert!(login.at.since(started) < Span::from_millis(100));
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn log_1_without_credentials_nothing_is_sent_and_the_instance_stops() {
    let mut rig = Rig::new(1);
    rig.accounts.revoke(&id(0), warden_domain::Epoch(0)).await.unwrap();
    rig.start_all().await;
    rig.reaches(&id(0), Status::Failed, 1).await;
    assert!(!rig.gateways.commands(&id(0)).contains(&"login"), "{:?}", rig.gateways.commands(&id(0)));
    let rows = rig.rows(&id(0)).await;
    assert!(rows.iter().any(|row| row.rule == "LOG-9"), "{rows:#?}");
}

#[tokio::test(start_paused = true)]
async fn log_2_log_3_five_refused_logins_wait_5_10_30_60_s_and_stop() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.params.login.throttle_interval = Span::from_millis(1);
    rig.start_all().await;
    rig.reaches_that(&id(0), 300, "stopped", |view| {
        view.status == Status::Failed
            && view.next_deadline.is_none_or(|at| at > rig.now())
            && view.login_attempt_count == 5
    })
    .await;
    let moments = rig.gateways.moments(&id(0), "login");
    let waits: Vec<u64> = moments.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()).collect();
    // Each wait begins with the refusal, 100 ms after the login was sent.
    assert_eq!(waits, [5_100, 10_100, 30_100, 60_100]);
    assert_eq!(rig.view(&id(0)).await.last_failure_reason, FailureReason::LoginFailed);
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn log_5_three_hundred_instances_never_log_in_faster_than_the_bucket_gives() {
    let mut rig = Rig::new(300);
    rig.start_all().await;
    // Heartbeats come in meanwhile; they neither speed a waiting login up nor send it to the end of the queue.
    for _ in 0..30 {
        pass(1).await;
        for instance in rig.ids() {
            rig.gateways.report(&instance).await;
        }
    }
    let mut logins: Vec<_> =
        rig.gateways.sent().iter().filter(|s| s.kind() == "login").map(|s| s.at).collect();
    logins.sort();
    assert_eq!(logins.len(), 300, "all are logged in after 28 s and a little");
    for (nth, at) in logins.iter().enumerate() {
        let passed = at.since(logins[0]).as_millis();
        assert!((nth as u64) < 20 + passed / 100, "login {nth} after {passed} ms");
    }
    let last = logins[299].since(logins[0]);
    assert!(last <= Span::from_millis(28_500), "the bucket is used as it fills: {last}");
    for instance in rig.ids() {
        assert_eq!(rig.status(&instance).await, Status::Connected);
    }
}

#[tokio::test(start_paused = true)]
async fn log_9_refused_credentials_are_not_tried_again_until_they_change() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.start_all().await;
    rig.reaches_that(&id(0), 400, "stopped", |view| {
        view.login_attempt_count == 5 && view.next_deadline.is_none()
    })
    .await;
    assert!(rig.accounts.account(&id(0)).await.unwrap().rejected);
    rig.gateways.forget_sent();
    rig.gateways.behave(&id(0), Manner::Well);
    // A reset forgets the refusal first, and the login that follows sees it forgotten.
    rig.fleet().wish(&id(0), Wish::Reset).await.unwrap();
    rig.reaches(&id(0), Status::Connected, 200).await;
    assert!(!rig.accounts.account(&id(0)).await.unwrap().rejected);
    rig.accounts.inner.put(id(0), account(&rig.specs[0]));
}

#[tokio::test(start_paused = true)]
async fn log_10_a_lock_held_by_another_owner_delays_the_login_until_it_is_released() {
    let mut rig = Rig::new(2);
    let held = [id(0)];
    assert_eq!(rig.hot.lock_login(&held, "other", Span::from_secs(600)).await.unwrap(), [true]);
    rig.start_all().await;
    rig.reaches(&id(1), Status::Connected, 1).await;
    pass(30).await;
    assert_eq!(rig.gateways.commands(&id(0)), [] as [&str; 0]);
    assert_eq!(rig.status(&id(0)).await, Status::Connecting);
    rig.hot.unlock_login(&held, "other").await.unwrap();
    let took = rig.reaches(&id(0), Status::Connected, 2).await;
    assert!(took <= Span::from_millis(1_300), "{took}");
}

#[tokio::test(start_paused = true)]
async fn log_10_the_lock_is_held_during_login_and_given_back_afterwards() {
    let mut rig = Rig::new(1);
    rig.start_all().await;
    let lock = "instance_state:i0:login_attempt";
    assert_eq!(rig.hot.keys(&id(0)).get(lock).map(String::as_str), Some("me"));
    rig.reaches(&id(0), Status::Connected, 1).await;
    settle().await;
    assert_eq!(rig.hot.keys(&id(0)).get(lock), None);
}

#[tokio::test(start_paused = true)]
async fn net_4_a_reconnect_that_waits_for_the_store_does_not_hold_the_alert_up() {
    let rig = Rig::up(1).await;
    rig.hot.set_reachable(false);
    // The store is next tried at full ten seconds after this.
    rig.gateways.hold_positions(&id(0), 1).await;
    pass(3).await;
    let dropped = rig.now();
    rig.gateways.drop_connection(&id(0)).await;
    pass(31).await;
    let told = rig.rows(&id(0)).await.into_iter().find(|row| row.rule == "NET-4").expect("NET-4 decided");
    assert!(told.at.since(dropped) <= Span::from_millis(30_050), "{}", told.at.since(dropped));
    assert!(!rig.gateways.commands(&id(0)).contains(&"reconnect"), "attempts wait for the store's lock");
}

#[tokio::test(start_paused = true)]
async fn acc_7_a_login_whose_credentials_come_late_does_not_overtake_a_stop() {
    let mut rig = Rig::new(1);
    rig.accounts.slow.store(true, Ordering::SeqCst);
    rig.start_all().await;
    assert_eq!(rig.status(&id(0)).await, Status::Connecting);
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Close)).await.unwrap();
    rig.accounts.slow.store(false, Ordering::SeqCst);
    pass(5).await;
    assert!(!rig.gateways.commands(&id(0)).contains(&"login"), "{:?}", rig.gateways.commands(&id(0)));
    assert_eq!(rig.status(&id(0)).await, Status::Inactive);
}

#[tokio::test(start_paused = true)]
async fn log_7_a_reset_of_what_did_not_fail_is_refused() {
    let rig = Rig::up(1).await;
    let refused = rig.fleet().wish(&id(0), Wish::Reset).await.unwrap_err();
    assert_eq!(refused, WishError::Refused(warden_policy::Refused::NotFailed));
}
