//! Histories that do not say what was.

use warden_domain::{FailureReason, InstanceId, Span, Status, Timestamp, Version};
use warden_store::{
    Absorbed, Accounts as _, History as _, HistoryRows,
    conformance::history::{event, origin},
    history::{InstanceEvent, Range},
};

use super::{export, lose_all_but_the_history};
use crate::rig::{Answer, Rig, id, pass};

/// How long a start took.
async fn start(rig: &mut Rig) -> Span {
    let began = rig.now();
    rig.start().await;
    rig.now().since(began)
}

async fn assert_began_anew(rig: &Rig, instance: &InstanceId, when: &str) {
    let first = rig.rows(instance).await.swap_remove(0);
    assert_eq!((first.kind.as_str(), first.version), ("START", Version(1)), "{when}");
    rig.assert_consistent(instance).await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_a_history_that_is_down_or_hangs_is_waited_for_5s_and_no_longer() {
    for answer in [Answer::Unreachable, Answer::Refused, Answer::Never] {
        let mut rig = Rig::up(2).await;
        lose_all_but_the_history(&mut rig).await;
        rig.asked().answers_first([answer; 100]);
        let took = start(&mut rig).await;
        assert!(took >= Span::from_secs(5) && took < Span::from_millis(5_100), "{answer:?}: {took}");
        for id in rig.ids() {
            assert_began_anew(&rig, &id, &format!("{answer:?}")).await;
        }
        rig.gateways.connect_all().await;
        rig.reaches(&id(0), Status::Connected, 30).await;
        rig.assert_consistent(&id(0)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn acc_6_the_time_for_a_rebuild_is_a_parameter() {
    let mut rig = Rig::up(1).await;
    lose_all_but_the_history(&mut rig).await;
    rig.params.corrupted.rebuild_within = Span::from_secs(2);
    rig.asked().answers_first([Answer::Never]);
    let took = start(&mut rig).await;
    assert!(took >= Span::from_secs(2) && took < Span::from_millis(2_100), "{took}");
    assert_began_anew(&rig, &id(0), "after 2 s").await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_a_history_that_comes_up_meanwhile_is_used() {
    let mut rig = Rig::up(1).await;
    let before = rig.view(&id(0)).await;
    lose_all_but_the_history(&mut rig).await;
    rig.asked().answers_first([Answer::Unreachable, Answer::Refused, Answer::Unreachable]);
    let took = start(&mut rig).await;
    assert!(took < Span::from_secs(1), "{took}");
    super::assert_goes_on(&rig, &before, "RESUME").await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_a_history_that_only_a_person_can_mend_is_not_waited_for() {
    for answer in [Answer::Schema, Answer::Denied] {
        let mut rig = Rig::up(1).await;
        lose_all_but_the_history(&mut rig).await;
        rig.asked().answers_first([answer]);
        let took = start(&mut rig).await;
        assert!(took < Span::from_millis(100), "{answer:?}: {took}");
        assert_eq!(rig.asked().take_asked().len(), 1, "{answer:?}");
        assert_began_anew(&rig, &id(0), &format!("{answer:?}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn acc_6_without_a_history_a_lost_instance_begins_anew() {
    let mut rig = Rig::up(1).await;
    lose_all_but_the_history(&mut rig).await;
    rig.history = None;
    let took = start(&mut rig).await;
    assert!(took < Span::from_millis(100), "{took}");
    assert_began_anew(&rig, &id(0), "no history").await;
}

/// What only a person ends is kept by the accounts store, whatever becomes of the history.
#[tokio::test(start_paused = true)]
async fn acc_6_rec_3_a_recorded_stop_holds_although_the_history_is_down() {
    let mut rig = Rig::up(1).await;
    lose_all_but_the_history(&mut rig).await;
    rig.asked().answers_first([Answer::Never]);
    let since: Timestamp = rig.now();
    let stop = Absorbed::Stopped { reason: FailureReason::BrokerDown, permanently: true, since };
    rig.accounts.inner.absorb(&id(0), warden_domain::Epoch(u64::MAX), Some(stop)).await.unwrap();
    rig.start().await;
    rig.gateways.connect_all().await;
    pass(120).await;
    assert_eq!(rig.status(&id(0)).await, Status::PermanentlyFailed);
    assert!(!rig.gateways.commands(&id(0)).contains(&"login"));
}

#[tokio::test(start_paused = true)]
async fn acc_6_a_step_that_cannot_be_read_loses_its_instance_and_no_other() {
    for payload in [vec![], vec![u8::MAX, 1, 2], vec![1, 0xff, 0xff, 0xff]] {
        let mut rig = Rig::up(2).await;
        let before = rig.view(&id(1)).await;
        export(&rig, rig.everything().await).await;
        let origin = origin("i0", 1, rig.now());
        let range = Range { journal: origin.journal, first: 1, last: 1 };
        let unreadable = InstanceEvent { version: 1_000, payload: payload.clone(), ..event(origin) };
        let rows = HistoryRows { events: vec![unreadable], ..HistoryRows::default() };
        rig.asked().insert(range, &rows).await.unwrap();
        super::lose_both(&mut rig).await;
        let took = start(&mut rig).await;
        assert!(took < Span::from_millis(100), "{took}");
        assert_began_anew(&rig, &id(0), &format!("{payload:?}")).await;
        super::assert_goes_on(&rig, &before, "RESUME").await;
    }
}
