//! The end of an account (ACC-3), and a person's stop (ACC-7).

use std::sync::atomic::{AtomicBool, Ordering};

use warden_domain::{Status, StopMode};
use warden_supervisor::Wish;

use crate::{
    rig::{GatedAccounts, Rig, id, pass, settle},
    saga::{assert_destroyed, times_recorded},
};

#[tokio::test(start_paused = true)]
async fn acc_3_destruction_removes_keys_and_credentials_and_leaves_the_archive() {
    let rig = Rig::up(1).await;
    rig.gateways.hold_positions(&id(0), 1).await;
    rig.fleet().wish(&id(0), Wish::ConfirmClosure).await.unwrap();
    pass(5).await;
    assert_eq!(rig.gateways.commands(&id(0)), ["login", "confirm", "close trades", "end session"]);
    assert_destroyed(&rig, "closed by a person").await;
    let text = rig.fleet().registry().render();
    let news = "warden_announced_timestamp_seconds{alert=\"CredentialsDeleted\",instance=\"i0\"}";
    assert!(text.contains(news), "{text}");
    // Leases are renewed and attempts made for others; the removed keys stay removed.
    pass(30).await;
    assert!(rig.hot.keys(&id(0)).is_empty());
}

async fn killed_at(hinder: impl Fn(&Rig, bool), stage: &str) {
    let mut rig = Rig::up(1).await;
    hinder(&rig, true);
    rig.fleet().wish(&id(0), Wish::ConfirmClosure).await.unwrap();
    pass(3).await;
    assert_eq!(times_recorded(&rig).await, 0, "{stage}");
    rig.kill().await;
    hinder(&rig, false);
    rig.start().await;
    pass(1).await;
    assert_destroyed(&rig, stage).await;
    rig.kill().await;
    rig.start_all().await;
    pass(60).await;
    assert_destroyed(&rig, stage).await;
    assert_eq!(rig.accounts.deleted.load(Ordering::SeqCst), 1, "{stage}");
}

fn gate(of: impl Fn(&GatedAccounts) -> &AtomicBool) -> impl Fn(&Rig, bool) {
    move |rig, closed| of(&rig.accounts).store(closed, Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn acc_3_killed_while_revoking_it_completes_once() {
    killed_at(gate(|accounts| &accounts.refuse_revoke), "revoking").await;
}

#[tokio::test(start_paused = true)]
async fn acc_3_killed_while_removing_hot_state_it_completes_once() {
    killed_at(|rig, hindered| rig.hot.set_reachable(!hindered), "removing hot state").await;
}

#[tokio::test(start_paused = true)]
async fn acc_3_killed_while_deleting_it_completes_once() {
    killed_at(gate(|accounts| &accounts.refuse_delete), "deleting").await;
}

#[tokio::test(start_paused = true)]
async fn acc_3_a_step_that_fails_is_tried_again_without_a_restart() {
    let rig = Rig::up(1).await;
    rig.accounts.refuse_revoke.store(true, Ordering::SeqCst);
    rig.fleet().wish(&id(0), Wish::ConfirmClosure).await.unwrap();
    pass(3).await;
    rig.accounts.refuse_revoke.store(false, Ordering::SeqCst);
    pass(120).await;
    assert_destroyed(&rig, "tried again").await;
}

#[tokio::test(start_paused = true)]
async fn acc_7_a_stop_closes_trades_and_only_a_person_starts_again() {
    let mut rig = Rig::up(1).await;
    rig.gateways.hold_positions(&id(0), 2).await;
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Close)).await.unwrap();
    rig.reaches(&id(0), Status::Inactive, 2).await;
    assert_eq!(rig.gateways.commands(&id(0)), ["login", "confirm", "close trades", "end session"]);
    settle().await;
    assert_eq!(rig.keys(&id(0))["status"], "INACTIVE");
    assert_eq!(rig.keys(&id(0))["last_failure_reason"], "USER_STOPPED");
    rig.gateways.forget_sent();
    rig.kill().await;
    rig.start_all().await;
    pass(600).await;
    assert_eq!(rig.status(&id(0)).await, Status::Inactive);
    assert!(!rig.gateways.commands(&id(0)).contains(&"login"));
    rig.fleet().wish(&id(0), Wish::Start).await.unwrap();
    rig.reaches(&id(0), Status::Connected, 2).await;
}

#[tokio::test(start_paused = true)]
async fn acc_7_a_preserving_stop_leaves_trades_alone() {
    let rig = Rig::up(1).await;
    rig.gateways.hold_positions(&id(0), 2).await;
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Preserve)).await.unwrap();
    rig.reaches(&id(0), Status::Inactive, 2).await;
    assert!(!rig.gateways.commands(&id(0)).contains(&"close trades"));
}
