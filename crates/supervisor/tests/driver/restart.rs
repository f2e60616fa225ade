//! REC-4: a supervisor that is killed goes on where it was: counters, deadlines, attempts.

use std::sync::atomic::Ordering;

use warden_domain::{IncidentKind, InstanceId, Span, Status, Timestamp};
use warden_supervisor::View;

use crate::rig::{Manner, Rig, id, pass, settle};

/// What must not be changed by a restart.
fn standing(view: &View) -> (u8, Vec<(IncidentKind, u8, Timestamp)>) {
    let incidents = view.incidents.iter().map(|i| (i.kind, i.attempt, i.opened_at)).collect();
    (view.login_attempt_count, incidents)
}

/// Kills the supervisor and starts it again so many seconds later.
async fn killed_for(rig: &mut Rig, instance: &InstanceId, secs: u64) {
    let before = rig.view(instance).await;
    rig.kill().await;
    rig.gateways.forget_sent();
    pass(secs).await;
    rig.start_all().await;
    let after = rig.view(instance).await;
    assert_eq!(standing(&before), standing(&after));
}

/// It may answer when it is asked who is registered, and not any more when epochs are raised.
#[tokio::test(start_paused = true)]
async fn rec_4_an_accounts_store_that_does_not_answer_at_the_start_is_waited_for() {
    let mut rig = Rig::new(2);
    rig.hooks.accounts_silent.store(5, Ordering::SeqCst);
    let began = rig.now();
    rig.come_up().await;
    assert!(rig.now().since(began) >= Span::from_secs(10), "it is not asked without a pause");
    assert_eq!(rig.hooks.accounts_silent.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn rec_4_login_waits_and_counts_go_on() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.start_all().await;
    let planned = rig.waits_after(&id(0), IncidentKind::LoginFailed, 2).await;
    pass(3).await;
    killed_for(&mut rig, &id(0), 2).await;
    pass(30).await;
    assert_eq!(rig.gateways.moments(&id(0), "login")[0], planned, "exactly when it was planned");
    assert_eq!(rig.view(&id(0)).await.login_attempt_count, 3);
}

#[tokio::test(start_paused = true)]
async fn rec_4_a_deadline_that_passed_meanwhile_is_due_at_once() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.start_all().await;
    let planned = rig.waits_after(&id(0), IncidentKind::LoginFailed, 1).await;
    rig.kill().await;
    rig.gateways.forget_sent();
    pass(100).await;
    rig.start_all().await;
    assert!(planned < rig.now());
    let login = rig.gateways.moments(&id(0), "login")[0];
    assert!(rig.now().since(login) < Span::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn rec_4_broker_down_attempts_go_on() {
    let mut rig = Rig::up(1).await;
    rig.gateways.behave(&id(0), Manner::Unreachable);
    rig.gateways.drop_connection(&id(0)).await;
    let planned = rig.waits_after(&id(0), IncidentKind::BrokerDown, 2).await;
    killed_for(&mut rig, &id(0), 5).await;
    pass(40).await;
    assert_eq!(rig.gateways.moments(&id(0), "reconnect")[0], planned);
    // The budget does not begin anew: three more attempts, then it is given up.
    pass(300).await;
    assert_eq!(rig.gateways.moments(&id(0), "reconnect").len(), 3);
    assert_eq!(rig.status(&id(0)).await, Status::PermanentlyFailed);
}

#[tokio::test(start_paused = true)]
async fn rec_4_terminal_restarts_go_on() {
    let mut rig = Rig::up(1).await;
    rig.gateways.behave(&id(0), Manner::Broken);
    rig.gateways.crash(&id(0)).await;
    rig.waits_after(&id(0), IncidentKind::TerminalCrashed, 1).await;
    killed_for(&mut rig, &id(0), 0).await;
    pass(200).await;
    assert_eq!(rig.gateways.moments(&id(0), "restart").len(), 2, "three in all");
    assert_eq!(rig.status(&id(0)).await, Status::Failed);
}

#[tokio::test(start_paused = true)]
async fn rec_4_an_attempt_under_way_stays_counted() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.start_all().await;
    rig.reaches_that(&id(0), 30, "in its second login", |view| view.login_attempt_count == 2).await;
    rig.kill().await;
    rig.start_all().await;
    assert_eq!(rig.view(&id(0)).await.login_attempt_count, 2);
    pass(400).await;
    assert_eq!(rig.gateways.moments(&id(0), "login").len(), 5, "five logins in all");
}

#[tokio::test(start_paused = true)]
async fn rec_4_a_drained_fleet_goes_on_too_and_gives_its_leases_back() {
    let mut rig = Rig::up(2).await;
    assert!(rig.hot.keys(&id(0)).contains_key("instance_state:i0:lease"));
    rig.drain().await.unwrap();
    for instance in rig.ids() {
        let lease = format!("instance_state:{instance}:lease");
        assert!(!rig.hot.keys(&instance).contains_key(&lease));
        assert_eq!(rig.keys(&instance)["status"], "CONNECTED");
    }
    rig.gateways.cut();
    rig.come_up().await;
    settle().await;
    rig.assert_consistent(&id(0)).await;
}
