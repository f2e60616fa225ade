//! Nothing to do costs nothing; what cannot be done does not spin.

use std::sync::atomic::Ordering;

use warden_domain::Span;
use warden_policy::params::Exhausted;
use warden_store::HotState as _;

use crate::rig::{Manner, Rig, id, pass};

async fn turns_of_an_hour(rig: &Rig) -> u64 {
    let stats = rig.fleet().stats().clone();
    let before = stats.turns.load(Ordering::Relaxed);
    pass(3_600).await;
    stats.turns.load(Ordering::Relaxed) - before
}

#[tokio::test(start_paused = true)]
async fn an_idle_hour_is_one_turn_for_each_renewal() {
    let rig = Rig::up(3).await;
    let rows = rig.journal.appends.load(Ordering::SeqCst);
    let turns = turns_of_an_hour(&rig).await;
    assert!((719..=723).contains(&turns), "{turns}");
    assert_eq!(rig.journal.appends.load(Ordering::SeqCst), rows);
}

#[tokio::test(start_paused = true)]
async fn net_3_an_hour_without_the_store_does_not_spin() {
    let mut rig = Rig::new(3);
    rig.params.state_store.exhausted = Exhausted::Degrade;
    rig.come_up().await;
    rig.hot.set_reachable(false);
    rig.gateways.drop_connection(&id(0)).await;
    let turns = turns_of_an_hour(&rig).await;
    assert!(turns < 1_500, "{turns}");
}

#[tokio::test(start_paused = true)]
async fn log_10_an_hour_without_the_lock_is_one_turn_a_second() {
    let mut rig = Rig::new(3);
    rig.hot.lock_login(&rig.ids(), "other", Span::from_secs(7_200)).await.unwrap();
    rig.start_all().await;
    let appends = rig.journal.appends.load(Ordering::SeqCst);
    let turns = turns_of_an_hour(&rig).await;
    assert!(turns < 3 * 3_600 + 1_000, "{turns}");
    assert!(rig.journal.appends.load(Ordering::SeqCst) - appends < 20);
}

#[tokio::test(start_paused = true)]
async fn a_full_gateway_queue_is_waited_for_and_does_not_spin() {
    let mut rig = Rig::new(1);
    rig.gateways.fill(true);
    rig.start_all().await;
    let turns = turns_of_an_hour(&rig).await;
    assert!(turns < 6 * 3_600, "a few turns a second: {turns}");
    assert_eq!(rig.view(&id(0)).await.login_attempt_count, 0, "what was not started is not counted");
    rig.gateways.fill(false);
    rig.reaches(&id(0), warden_domain::Status::Connected, 5).await;
}

#[tokio::test(start_paused = true)]
async fn log_5_waiting_for_a_token_is_one_turn_for_each_instance_and_heartbeat() {
    let mut rig = Rig::new(300);
    rig.start_all().await;
    pass(30).await;
    let turns = rig.fleet().stats().turns.load(Ordering::Relaxed);
    let events = rig.fleet().stats().events.load(Ordering::Relaxed);
    assert!(turns < 2_000, "{turns}");
    // Start, gateway up, the login's tick, its end, the confirmation's end, and two for the wait.
    assert!(events < 300 * 9, "{events}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_gateway_is_waited_for_and_the_budget_ends() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Silent);
    rig.start_all().await;
    let turns = turns_of_an_hour(&rig).await;
    assert!(turns < 1_000, "{turns}");
    assert!(rig.view(&id(0)).await.alerts.contains(&warden_domain::Alert::InstanceStopped));
}
