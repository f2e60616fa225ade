//! Halts of one instance, a group and everybody (TRD-7).

use warden_distribution::{Code, Group, OutcomeKind};
use warden_domain::{FailureReason, Gate, Span};
use warden_store::HotState as _;
use warden_supervisor::{Scope, signals::HaltError};

use super::{
    Crowd,
    crowd::{BUY, GOLD, kinds, outcome},
};
use crate::rig::{id, pass};

#[tokio::test(start_paused = true)]
async fn trd_7_a_halt_is_of_one_a_group_or_all_and_survives_a_restart() {
    let mut crowd = Crowd::closed(3);
    crowd.rig.specs[2].group = "silver".to_owned();
    crowd.come_up().await;
    let gold = || Scope::Group(Group::new("gold").unwrap());
    for (scope, halted) in
        [(Scope::Instance(id(1)), vec![1]), (gold(), vec![0, 1]), (Scope::All, vec![0, 1, 2])]
    {
        let ids: Vec<_> = halted.iter().map(|number| id(*number)).collect();
        assert_eq!(crowd.rig.fleet().halt(scope.clone()).await.unwrap(), ids);
        for number in 0..3 {
            let shut = crowd.rig.view(&id(number)).await.gate == Gate::Shut(FailureReason::UserStopped);
            assert_eq!(shut, halted.contains(&number), "{scope} {number}");
        }
        crowd.rig.fleet().resume(scope).await.unwrap();
    }
    crowd.rig.fleet().halt(gold()).await.unwrap();
    crowd.restart().await;
    let report = crowd.signal("s-1", r#""instances": "i0,i1,i2""#, BUY).await;
    for number in 0..2 {
        assert_eq!(outcome(&report, number).refusal().map(|it| it.code()), Some(Code::GateShut), "{report}");
    }
    let report = crowd.settled("s-1", 2).await;
    assert_eq!(report.lines[2].kind(), OutcomeKind::Filled);
    assert_eq!((crowd.sent(0), crowd.sent(1)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn trd_7_a_halt_during_a_fan_out_lets_nothing_more_leave() {
    let crowd = Crowd::open(30).await;
    let signals: Vec<_> =
        (0..6).map(|key| crowd.read(&crowd.written(&format!("s-{key}"), GOLD, BUY))).collect();
    let distributor = crowd.distributor().clone();
    let giving = tokio::spawn(async move {
        for signal in signals {
            let _ = distributor.signal(signal).await.unwrap();
        }
    });
    crowd.rig.fleet().halt(Scope::All).await.unwrap();
    let left: Vec<usize> = (0..30).map(|number| crowd.sent(number)).collect();
    giving.await.unwrap();
    pass(120).await;
    assert_eq!((0..30).map(|number| crowd.sent(number)).collect::<Vec<_>>(), left);
    for key in 0..6 {
        let report = crowd.settled(&format!("s-{key}"), 1).await;
        let filled = kinds(&report).iter().filter(|kind| **kind == OutcomeKind::Filled).count();
        assert!(filled <= left.iter().filter(|sent| **sent > key).count(), "{report}");
    }
    crowd.assert_once();
}

#[tokio::test(start_paused = true)]
async fn a_halt_of_nobody_is_an_error() {
    let crowd = Crowd::open(1).await;
    let nobody = Scope::Group(Group::new("silver").unwrap());
    assert_eq!(crowd.rig.fleet().halt(nobody.clone()).await, Err(HaltError::Nobody(nobody)));
    let stranger = Scope::Instance(id(9));
    assert_eq!(crowd.rig.fleet().resume(stranger.clone()).await, Err(HaltError::Nobody(stranger)));
}

#[tokio::test(start_paused = true)]
async fn rec_2_a_halt_that_meets_the_fence_is_void_there_and_said_to_be() {
    let crowd = Crowd::open(2).await;
    let lease = [(id(0), crowd.rig.view(&id(0)).await.epoch.next())];
    let taken = crowd.rig.hot.acquire(&lease, "other", Span::from_secs(3_600)).await.unwrap();
    assert_eq!(taken, [true]);
    let elsewhere = |done| HaltError::Elsewhere { instance: id(0), done };
    assert_eq!(crowd.rig.fleet().halt(Scope::All).await, Err(elsewhere(1)));
    assert_eq!(crowd.rig.view(&id(1)).await.gate, Gate::Shut(FailureReason::UserStopped));
    assert_eq!(crowd.rig.fleet().halt(Scope::Instance(id(0))).await, Err(elsewhere(0)));
}
