//! Instances that had ended, for a while or for good: history against the accounts store.

use std::sync::atomic::Ordering;

use warden_domain::{Alert, Epoch, FailureReason, Status, Timestamp};
use warden_store::{Absorbed, Accounts as _};
use warden_supervisor::Wish;

use super::{assert_goes_on, export, lose_all_but_the_history, lose_both};
use crate::rig::{Manner, Rig, id, pass, settle};

async fn recorded(rig: &Rig) -> Option<Absorbed> {
    rig.accounts.inner.registered().await.unwrap().remove(0).absorbed
}

async fn record(rig: &Rig, state: Option<Absorbed>) {
    rig.accounts.inner.absorb(&id(0), Epoch(u64::MAX), state).await.unwrap();
}

fn given_up(since: Timestamp) -> Absorbed {
    Absorbed::Stopped { reason: FailureReason::BrokerDown, permanently: true, since }
}

/// The broker goes away for good.
async fn stop(rig: &Rig) {
    rig.gateways.behave(&id(0), Manner::Unreachable);
    rig.gateways.drop_connection(&id(0)).await;
    rig.reaches(&id(0), Status::PermanentlyFailed, 400).await;
    settle().await;
}

/// Starts with a broker that would let it in, and waits for what it does.
async fn restart(rig: &mut Rig) {
    rig.gateways.behave(&id(0), Manner::Well);
    rig.start_all().await;
    pass(120).await;
}

async fn assert_stopped(rig: &Rig, when: &str) {
    let view = rig.view(&id(0)).await;
    let expected = (Status::PermanentlyFailed, FailureReason::BrokerDown);
    assert_eq!((view.status, view.last_failure_reason), expected, "{when}");
    assert!(view.alerts.contains(&Alert::InstanceStopped), "{when}: {view:#?}");
    let commands = rig.gateways.commands(&id(0));
    assert!(commands.iter().all(|command| *command == "end session"), "{when}: {commands:?}");
    assert!(matches!(recorded(rig).await, Some(Absorbed::Stopped { permanently: true, .. })), "{when}");
    rig.assert_consistent(&id(0)).await;
    rig.fleet().wish(&id(0), Wish::Reset).await.unwrap();
    rig.reaches(&id(0), Status::Connected, 200).await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_rec_3_a_stopped_instance_stays_stopped_with_its_counters() {
    for told in [true, false] {
        let mut rig = Rig::up(1).await;
        stop(&rig).await;
        let before = rig.view(&id(0)).await;
        lose_all_but_the_history(&mut rig).await;
        if !told {
            record(&rig, None).await;
        }
        restart(&mut rig).await;
        let after = rig.view(&id(0)).await;
        assert_eq!(after.incidents, before.incidents, "what was tried before stays counted");
        assert!(after.incidents.iter().any(|incident| incident.attempt == 5), "{after:#?}");
        let first = rig.rows(&id(0)).await.swap_remove(0);
        assert_eq!((first.kind.as_str(), first.version), ("RESUME", before.version.next()));
        assert_stopped(&rig, &format!("accounts store told: {told}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn acc_6_rec_3_a_stop_that_the_history_missed_holds_by_the_accounts_store() {
    let mut rig = Rig::up(1).await;
    let (known, exported) = (rig.view(&id(0)).await, rig.everything().await);
    pass(60).await;
    stop(&rig).await;
    export(&rig, exported).await;
    lose_both(&mut rig).await;
    restart(&mut rig).await;
    let first = rig.rows(&id(0)).await.swap_remove(0);
    assert_eq!((first.kind.as_str(), first.version), ("ABSORBED", known.version.next()));
    assert_stopped(&rig, "the history ends before the stop").await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_rec_3_a_reset_that_the_accounts_store_missed_holds_by_the_history() {
    let mut rig = Rig::up(1).await;
    stop(&rig).await;
    let stopped = recorded(&rig).await;
    assert!(stopped.is_some());
    rig.hooks.refuse_absorb.store(true, Ordering::SeqCst);
    rig.gateways.behave(&id(0), Manner::Well);
    rig.fleet().wish(&id(0), Wish::Reset).await.unwrap();
    rig.reaches(&id(0), Status::Connected, 200).await;
    settle().await;
    let before = rig.view(&id(0)).await;
    lose_all_but_the_history(&mut rig).await;
    assert_eq!(recorded(&rig).await, stopped);
    rig.hooks.refuse_absorb.store(false, Ordering::SeqCst);
    rig.start().await;
    assert_goes_on(&rig, &before, "RESUME").await;
    rig.gateways.connect_all().await;
    rig.reaches(&id(0), Status::Connected, 10).await;
    pass(10).await;
    assert_eq!(recorded(&rig).await, None);
}

#[tokio::test(start_paused = true)]
async fn acc_6_rec_3_a_history_of_the_same_moment_or_before_does_not_undo_a_stop() {
    let mut rig = Rig::up(1).await;
    let newest = rig.everything().await.pop().unwrap().at;
    lose_all_but_the_history(&mut rig).await;
    record(&rig, Some(given_up(newest))).await;
    restart(&mut rig).await;
    assert_stopped(&rig, "stopped at the moment of the newest step").await;
}

/// A step is dated by when it was decided, also where nothing in the state it made is as new.
#[tokio::test(start_paused = true)]
async fn acc_6_rec_3_a_step_after_the_stop_shows_that_a_person_started_it_again() {
    let mut rig = Rig::up(1).await;
    pass(60).await;
    let since = rig.now();
    pass(60).await;
    rig.gateways.hold_positions(&id(0), 1).await;
    settle().await;
    lose_all_but_the_history(&mut rig).await;
    record(&rig, Some(given_up(since))).await;
    restart(&mut rig).await;
    assert_eq!(rig.rows(&id(0)).await[0].kind, "RESUME");
    assert_eq!(rig.status(&id(0)).await, Status::Connected);
    assert_eq!(recorded(&rig).await, None);
}

/// It was destroyed; then everything is lost, but for what the arguments say.
async fn destroyed(recorded: bool, all: bool) -> Rig {
    let mut rig = Rig::up(1).await;
    let exported = rig.everything().await;
    rig.fleet().wish(&id(0), Wish::ConfirmClosure).await.unwrap();
    rig.reaches(&id(0), Status::Inactive, 10).await;
    pass(10).await;
    let exported = if all { rig.everything().await } else { exported };
    export(&rig, exported).await;
    lose_both(&mut rig).await;
    if !recorded {
        record(&rig, None).await;
    }
    rig.specs[0].login = None;
    rig
}

#[tokio::test(start_paused = true)]
async fn acc_6_acc_3_a_closed_instance_stays_closed_and_nothing_is_done_again() {
    for known in [true, false] {
        let mut rig = destroyed(known, true).await;
        restart(&mut rig).await;
        let view = rig.view(&id(0)).await;
        assert_eq!((view.status, view.last_failure_reason), (Status::Inactive, FailureReason::AccountClosed));
        assert!(rig.hot.keys(&id(0)).is_empty(), "recorded: {known}: {:?}", rig.hot.keys(&id(0)));
        let commands = rig.gateways.commands(&id(0));
        assert!(commands.iter().all(|command| *command == "end session"), "recorded: {known}: {commands:?}");
        let rows = rig.rows(&id(0)).await;
        assert!(rows.iter().all(|row| row.kind != "STORE_DONE"), "recorded: {known}: nothing is done again");
        assert!(rig.fleet().wish(&id(0), Wish::Start).await.is_err(), "recorded: {known}");
        assert!(matches!(recorded(&rig).await, Some(Absorbed::Closed { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn acc_6_acc_3_a_destruction_that_the_history_missed_is_made_again() {
    for known in [true, false] {
        let mut rig = destroyed(known, false).await;
        restart(&mut rig).await;
        let view = rig.view(&id(0)).await;
        assert_eq!((view.status, view.last_failure_reason), (Status::Inactive, FailureReason::AccountClosed));
        assert!(rig.hot.keys(&id(0)).is_empty(), "recorded: {known}: {:?}", rig.hot.keys(&id(0)));
        assert!(!rig.gateways.commands(&id(0)).contains(&"login"), "recorded: {known}");
        assert_eq!(rig.rows(&id(0)).await[0].kind, "ABSORBED", "recorded: {known}");
        assert!(rig.fleet().wish(&id(0), Wish::Start).await.is_err(), "recorded: {known}");
    }
}

/// A destruction that was under way goes on where the history saw it.
#[tokio::test(start_paused = true)]
async fn acc_6_acc_3_a_destruction_under_way_is_completed() {
    let mut rig = Rig::up(1).await;
    rig.accounts.refuse_delete.store(true, Ordering::SeqCst);
    rig.fleet().wish(&id(0), Wish::ConfirmClosure).await.unwrap();
    pass(10).await;
    assert_eq!(rig.accounts.deleted.load(Ordering::SeqCst), 0);
    lose_all_but_the_history(&mut rig).await;
    rig.accounts.refuse_delete.store(false, Ordering::SeqCst);
    restart(&mut rig).await;
    assert_eq!(rig.accounts.deleted.load(Ordering::SeqCst), 1);
    assert_eq!(rig.accounts.inner.registered().await.unwrap().remove(0).login, None);
    assert!(rig.hot.keys(&id(0)).is_empty(), "{:?}", rig.hot.keys(&id(0)));
    assert!(!rig.gateways.commands(&id(0)).contains(&"login"));
}
