//! NET-3 and ACC-6: the hot-state store is lost, comes back, comes back empty, or holds what cannot be read.

use std::sync::atomic::Ordering;

use warden_domain::{FailureReason, Gate, IncidentKind, Span, Status};
use warden_policy::params::Exhausted;
use warden_store::{HotKey, memory::Damage};

use crate::rig::{Manner, Rig, id, pass, settle};

fn store_attempts(view: &warden_supervisor::View) -> Option<u8> {
    view.incidents.iter().find(|i| i.kind == IncidentKind::StateStoreLost).map(|i| i.attempt)
}

#[tokio::test(start_paused = true)]
async fn net_3_the_journal_goes_on_and_the_backlog_is_flushed_when_the_store_is_back() {
    let rig = Rig::up(3).await;
    let stored = rig.stored_version(&id(0)).unwrap();
    rig.hot.set_reachable(false);
    for positions in 1..=5 {
        rig.gateways.hold_positions(&id(0), positions).await;
        settle().await;
    }
    let view = rig.view(&id(0)).await;
    assert!(view.version.0 >= stored.0 + 5);
    assert_eq!(rig.rows(&id(0)).await.last().unwrap().version, view.version);
    assert_eq!(rig.stored_version(&id(0)), Some(stored));
    assert_eq!(store_attempts(&view), Some(0));
    assert_eq!(rig.fleet().stats().hot_backlog.load(Ordering::Relaxed), 3, "all three heard of the loss");
    assert!(rig.fleet().registry().render().contains("warden_hot_state_backlog_updates 3\n"));
    pass(25).await;
    assert_eq!(store_attempts(&rig.view(&id(0)).await), Some(2), "after 10 s and 20 s");
    rig.hot.set_reachable(true);
    pass(6).await;
    for instance in rig.ids() {
        rig.assert_consistent(&instance).await;
        let view = rig.view(&instance).await;
        assert_eq!((store_attempts(&view), view.gate), (None, Gate::Open));
    }
    assert_eq!(rig.fleet().stats().hot_backlog.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn net_3_exhausted_attempts_stop_the_instances() {
    let rig = Rig::up(2).await;
    rig.hot.set_reachable(false);
    rig.gateways.hold_positions(&id(0), 1).await;
    let began = rig.now();
    let took = rig.reaches(&id(1), Status::Failed, 60).await;
    assert!(took >= Span::from_secs(50) && took < Span::from_millis(50_100), "{took} since {began}");
    assert_eq!(rig.view(&id(1)).await.last_failure_reason, FailureReason::StateStoreLost);
    assert!(rig.gateways.commands(&id(1)).contains(&"end session"));
    // A store that is brought back later is written to, and a person starts the instances again.
    rig.hot.set_reachable(true);
    pass(11).await;
    rig.assert_consistent(&id(1)).await;
    assert_eq!(rig.keys(&id(1))["last_failure_reason"], "STATE_STORE_LOST");
    rig.fleet().wish(&id(1), warden_supervisor::Wish::Reset).await.unwrap();
    rig.reaches(&id(1), Status::Connected, 30).await;
}

#[tokio::test(start_paused = true)]
async fn net_3_degraded_instances_are_watched_on_with_their_gate_shut() {
    let mut rig = Rig::new(1);
    rig.params.state_store.exhausted = Exhausted::Degrade;
    rig.come_up().await;
    rig.hot.set_reachable(false);
    rig.gateways.hold_positions(&id(0), 1).await;
    pass(60).await;
    let view = rig.view(&id(0)).await;
    assert_eq!((view.status, view.gate), (Status::Connected, Gate::Shut(FailureReason::StateStoreLost)));
    rig.hot.set_reachable(true);
    pass(11).await;
    assert_eq!(rig.view(&id(0)).await.gate, Gate::Open);
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn net_3_a_store_that_comes_back_empty_is_filled_again() {
    let rig = Rig::up(3).await;
    rig.hot.set_reachable(false);
    rig.gateways.hold_positions(&id(0), 1).await;
    pass(3).await;
    for instance in rig.ids() {
        rig.hot.forget(&instance);
    }
    rig.hot.set_reachable(true);
    pass(10).await;
    for instance in rig.ids() {
        rig.assert_consistent(&instance).await;
        assert_eq!(rig.keys(&instance)["status"], "CONNECTED");
        assert!(rig.hot.keys(&instance).contains_key(&format!("instance_state:{instance}:lease")));
    }
}

#[tokio::test(start_paused = true)]
async fn net_3_a_store_that_was_emptied_between_two_renewals_is_filled_again() {
    let rig = Rig::up(2).await;
    for instance in rig.ids() {
        rig.hot.forget(&instance);
    }
    pass(6).await;
    for instance in rig.ids() {
        rig.assert_consistent(&instance).await;
    }
}

#[tokio::test(start_paused = true)]
async fn net_3_without_the_store_at_the_start_the_journal_goes_on() {
    let mut rig = Rig::up(1).await;
    rig.kill().await;
    rig.hot.set_reachable(false);
    rig.start_all().await;
    pass(3).await;
    assert!(store_attempts(&rig.view(&id(0)).await).is_some());
    let rows = rig.rows(&id(0)).await.len();
    rig.gateways.hold_positions(&id(0), 1).await;
    settle().await;
    assert!(rig.rows(&id(0)).await.len() > rows);
    rig.hot.set_reachable(true);
    pass(12).await;
    assert_eq!(store_attempts(&rig.view(&id(0)).await), None);
    rig.reaches(&id(0), Status::Connected, 30).await;
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn net_3_rec_4_a_restart_does_not_begin_the_attempts_anew() {
    let mut rig = Rig::up(1).await;
    rig.hot.set_reachable(false);
    rig.gateways.hold_positions(&id(0), 1).await;
    pass(35).await;
    assert_eq!(store_attempts(&rig.view(&id(0)).await), Some(3));
    rig.kill().await;
    rig.start_all().await;
    let took = rig.reaches(&id(0), Status::Failed, 30).await;
    assert!(took <= Span::from_secs(20), "two attempts are left: {took}");
    assert_eq!(rig.view(&id(0)).await.last_failure_reason, FailureReason::StateStoreLost);
}

#[tokio::test(start_paused = true)]
async fn net_3_rec_4_a_loss_that_ended_while_nobody_ran_is_over() {
    let mut rig = Rig::up(1).await;
    rig.hot.set_reachable(false);
    rig.gateways.hold_positions(&id(0), 1).await;
    pass(15).await;
    rig.kill().await;
    rig.hot.set_reachable(true);
    rig.start_all().await;
    rig.reaches(&id(0), Status::Connected, 30).await;
    let view = rig.view(&id(0)).await;
    assert_eq!((store_attempts(&view), view.gate), (None, Gate::Open));
}

#[tokio::test(start_paused = true)]
async fn acc_6_an_unreadable_state_is_rebuilt_at_once_and_the_session_confirmed() {
    for damage in [Damage::WrongType, Damage::MissingField] {
        let rig = Rig::up(1).await;
        rig.gateways.forget_sent();
        rig.hot.damage(&id(0), damage);
        let began = rig.now();
        rig.gateways.hold_positions(&id(0), 1).await;
        rig.reaches_that(&id(0), 5, "confirmed again", |view| {
            view.status == Status::Connected && rig.gateways.commands(&id(0)) == ["confirm"]
        })
        .await;
        assert!(rig.now().since(began) < Span::from_secs(1), "{damage:?}");
        settle().await;
        rig.assert_consistent(&id(0)).await;
        let rows = rig.rows(&id(0)).await;
        assert!(rows.iter().any(|row| row.rule == "ACC-6"), "{damage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn acc_6_an_unreadable_state_at_the_start_is_rebuilt() {
    for damage in [Damage::WrongType, Damage::MissingField, Damage::FlippedBit, Damage::NewerSchema] {
        let mut rig = Rig::up(1).await;
        rig.kill().await;
        rig.hot.damage(&id(0), damage);
        rig.start_all().await;
        rig.reaches(&id(0), Status::Connected, 5).await;
        settle().await;
        rig.assert_consistent(&id(0)).await;
        assert!(rig.view(&id(0)).await.incidents.is_empty(), "{damage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn acc_6_what_is_spoilt_at_rest_is_found_and_rebuilt() {
    for damage in [Damage::WrongType, Damage::MissingField, Damage::FlippedBit, Damage::NewerSchema] {
        let rig = Rig::up(3).await;
        rig.hot.damage(&id(1), damage);
        pass(11).await;
        rig.assert_consistent(&id(1)).await;
        assert_eq!(rig.status(&id(1)).await, Status::Connected);
        assert!(rig.rows(&id(1)).await.iter().any(|row| row.rule == "ACC-6"), "{damage:?}");
        assert!(rig.rows(&id(0)).await.iter().all(|row| row.rule != "ACC-6"));
    }
}

#[tokio::test(start_paused = true)]
async fn acc_6_documented_keys_that_others_changed_are_written_again() {
    let rig = Rig::up(1).await;
    rig.hot.overwrite(&id(0), HotKey::Status, "FAILED");
    pass(6).await;
    assert_eq!(rig.keys(&id(0))["status"], "CONNECTED");
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_a_resting_instance_is_rebuilt_as_well() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.start_all().await;
    rig.reaches_that(&id(0), 400, "stopped", |view| {
        view.login_attempt_count == 5 && view.next_deadline.is_none()
    })
    .await;
    rig.kill().await;
    rig.hot.corrupt(&id(0));
    rig.start_all().await;
    pass(10).await;
    rig.assert_consistent(&id(0)).await;
    assert_eq!(rig.keys(&id(0))["login_attempt_count"], "5");
}
