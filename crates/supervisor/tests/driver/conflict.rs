//! REC-2: the stored state moves under its owner.

use warden_domain::{Epoch, FailureReason, Gate, InstanceId, OpId, Span, Status, Version};
use warden_policy::{decode_state, encode_state};
use warden_store::{Cas, HotState as _, HotUpdate, Stored};
use warden_supervisor::Wish;

use crate::rig::{Rig, id, pass, settle};

/// Somebody else writes the state at our own epoch.
pub(crate) async fn write_under(rig: &Rig, instance: &InstanceId, epoch: Epoch, by: u64) -> Version {
    let found = rig.hot.load(std::slice::from_ref(instance)).await.unwrap().pop().unwrap();
    let Stored::State(snapshot, projection) = found else { panic!("{found:?}") };
    let mut state = Vec::new();
    encode_state(&decode_state(&snapshot.state).unwrap(), &mut state);
    let version = Version(snapshot.version.0 + by);
    let update = HotUpdate {
        instance: instance.clone(),
        epoch,
        expected: snapshot.version,
        version,
        op: OpId(99),
        projection,
        previous: None,
        state,
    };
    assert_eq!(rig.hot.cas(&[update]).await.unwrap(), [Cas::Applied]);
    version
}

async fn in_conflict() -> Rig {
    let rig = Rig::up(1).await;
    let epoch = rig.view(&id(0)).await.epoch;
    write_under(&rig, &id(0), epoch, 3).await;
    rig.gateways.hold_positions(&id(0), 1).await;
    settle().await;
    rig
}

#[tokio::test(start_paused = true)]
async fn rec_2_a_conflict_is_locked_read_again_and_written_after_five_seconds() {
    let rig = in_conflict().await;
    let began = rig.now();
    let view = rig.view(&id(0)).await;
    assert_eq!(
        view.gate,
        Gate::Paused { until: warden_domain::Timestamp::MAX, reason: FailureReason::StateConflict }
    );
    rig.reaches_that(&id(0), 10, "written", |view| view.incidents.is_empty()).await;
    let took = rig.now().since(began);
    assert!(took >= Span::from_millis(4_990) && took < Span::from_millis(5_100), "{took}");
    settle().await;
    rig.assert_consistent(&id(0)).await;
    assert_eq!(rig.status(&id(0)).await, Status::Connected);
    assert!(!rig.hot.keys(&id(0)).contains_key("instance_state:i0:login_attempt"), "the lock is given back");
}

#[tokio::test(start_paused = true)]
async fn rec_2_a_conflict_that_persists_stops_and_a_reset_settles_it() {
    let rig = in_conflict().await;
    rig.hot.lock_login(&[id(0)], "other", Span::from_secs(60)).await.unwrap();
    rig.reaches(&id(0), Status::Failed, 10).await;
    let view = rig.view(&id(0)).await;
    assert_eq!(view.last_failure_reason, FailureReason::StateConflict);
    pass(60).await;
    rig.fleet().wish(&id(0), Wish::Reset).await.unwrap();
    pass(30).await;
    assert_eq!(rig.status(&id(0)).await, Status::Connected);
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn rec_2_net_3_a_conflict_whose_retry_met_a_lost_store_is_settled_when_it_is_back() {
    let rig = in_conflict().await;
    pass(3).await;
    rig.hot.set_reachable(false);
    pass(10).await;
    rig.hot.set_reachable(true);
    pass(30).await;
    let view = rig.view(&id(0)).await;
    assert!(view.incidents.is_empty(), "{view:#?}");
    assert_eq!((view.status, view.gate), (Status::Connected, Gate::Open));
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn rec_2_log_10_settling_a_conflict_does_not_give_a_running_logins_lock_away() {
    let rig = in_conflict().await;
    pass(1).await;
    rig.gateways.behave(&id(0), crate::rig::Manner::Silent);
    rig.gateways.drop_connection(&id(0)).await;
    // The reconnect is under way when the conflict is settled.
    pass(3).await;
    assert!(rig.gateways.commands(&id(0)).contains(&"reconnect"));
    assert!(!rig.view(&id(0)).await.incidents.is_empty());
    pass(3).await;
    assert!(rig.gateways.commands(&id(0)).contains(&"reconnect"));
    rig.assert_consistent(&id(0)).await;
    assert_eq!(rig.hot.keys(&id(0)).get("instance_state:i0:login_attempt").map(String::as_str), Some("me"));
}

#[tokio::test(start_paused = true)]
async fn rec_2_killed_before_the_row_of_a_settled_conflict_there_is_no_new_one() {
    let mut rig = Rig::up(1).await;
    let epoch = rig.view(&id(0)).await.epoch;
    rig.kill().await;
    // The same state under the next version: written, and the process died before the row.
    let version = write_under(&rig, &id(0), epoch, 1).await;
    rig.start_all().await;
    let view = rig.view(&id(0)).await;
    assert!(
        !view.incidents.iter().any(|i| i.kind == warden_domain::IncidentKind::StateConflict),
        "{view:#?}"
    );
    assert!(view.version > version);
    rig.reaches(&id(0), Status::Connected, 30).await;
    settle().await;
    rig.assert_consistent(&id(0)).await;
}
