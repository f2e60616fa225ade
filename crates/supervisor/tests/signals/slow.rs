//! One slow terminal or shard delays no other.

use std::time::Duration;

use warden_distribution::{Code, OutcomeKind};
use warden_supervisor::SignalError;

use super::{
    Crowd,
    crowd::{BUY, GOLD, kinds, outcome},
};
use crate::rig::{Fate, settle};

#[tokio::test(start_paused = true)]
async fn a_hanging_terminal_delays_no_other() {
    let crowd = Crowd::open(20).await;
    crowd.fates(7, &[Fate::Stuck]);
    let began = crowd.rig.now();
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    let all_but_one = |report: &warden_distribution::Report| {
        kinds(report).iter().filter(|kind| **kind == OutcomeKind::Filled).count() == 19
    };
    crowd.reaches("s-1", 2, all_but_one).await;
    assert!(crowd.rig.now().since(began) < warden_domain::Span::from_secs(2));
    let _ = crowd.signal("s-2", GOLD, BUY).await;
    let report = crowd.reaches("s-2", 2, all_but_one).await;
    assert_eq!(report.lines.iter().filter(|line| line.kind() == OutcomeKind::Waiting).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_does_not_keep_up_refuses_and_the_same_signal_may_come_again() {
    let mut crowd = Crowd::closed(2);
    crowd.rig.options.queue = 4;
    crowd.come_up().await;
    crowd.rig.journal.hang_after_commit(true);
    let mut under_way = Vec::new();
    for key in 0..32 {
        let signal = crowd.read(&crowd.written(&format!("s-{key}"), GOLD, BUY));
        let distributor = crowd.distributor().clone();
        under_way.push(tokio::spawn(async move { distributor.signal(signal).await }));
        settle().await;
    }
    let mut busy = 0;
    for asked in under_way {
        // Those that were taken wait for a commit that never ends.
        if let Ok(answered) = tokio::time::timeout(Duration::from_secs(1), asked).await {
            let report = answered.unwrap().unwrap();
            assert_eq!(outcome(&report, 0).refusal().map(|it| it.code()), Some(Code::Busy), "{report}");
            busy += 1;
        }
    }
    assert!((20..32).contains(&busy), "{busy}");
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_has_ended_says_so() {
    let mut crowd = Crowd::open(1).await;
    let (distributor, signal) = (crowd.distributor().clone(), crowd.read(&crowd.written("s-1", GOLD, BUY)));
    crowd.rig.drain().await.unwrap();
    assert_eq!(distributor.signal(signal).await.unwrap_err(), SignalError::Ended);
}
