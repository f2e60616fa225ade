//! TRD-4: a signal that comes again is known, and another one under its key is refused.

use std::sync::Arc;

use warden_distribution::{Code, OutcomeKind};
use warden_domain::{IncidentKind, Span};

use super::{
    Crowd,
    crowd::{BUY, GOLD, kinds, outcome},
};
use crate::rig::{id, pass, settle};

#[tokio::test(start_paused = true)]
async fn a_signal_reaches_every_account_of_its_group() {
    let crowd = Crowd::open(5).await;
    let report = crowd.signal("s-1", GOLD, BUY).await;
    assert_eq!(report.lines.len(), 5, "{report}");
    let report = crowd.settled("s-1", 2).await;
    assert_eq!(kinds(&report), [OutcomeKind::Filled; 5]);
    assert_eq!(report.source.as_ref().map(|source| source.as_str()), Some("test"));
    assert!(report.lines.iter().all(|line| line.latency.is_some() && line.slippage.is_some()), "{report}");
    for number in 0..5 {
        assert_eq!(crowd.positions(number), ["BUY 0.1"]);
    }
    crowd.assert_once();
}

#[tokio::test(start_paused = true)]
async fn trd_4_a_signal_that_comes_again_is_carried_out_once() {
    let mut crowd = Crowd::open(3).await;
    let text = crowd.written("s-1", GOLD, BUY);
    let signal = crowd.read(&text);
    let _ = crowd.rig.fleet().signal(signal.clone()).await.unwrap();
    let settled = crowd.settled("s-1", 2).await;
    assert_eq!(crowd.rig.fleet().signal(signal.clone()).await.unwrap(), settled);
    for _ in 0..2 {
        crowd.restart().await;
        let again = crowd.rig.fleet().signal(signal.clone()).await.unwrap();
        assert_eq!(kinds(&again), [OutcomeKind::Filled; 3], "{again}");
    }
    pass(120).await;
    for number in 0..3 {
        assert_eq!((crowd.positions(number).len(), crowd.sent(number)), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn trd_4_after_a_restart_only_those_that_had_not_accepted_take_it() {
    let mut crowd = Crowd::closed(2);
    crowd.rig.start().await;
    crowd.rig.gateways.connect(&id(0)).await;
    crowd.rig.reaches(&id(0), warden_domain::Status::Connected, 60).await;
    settle().await;
    let signal = crowd.read(&crowd.written("s-1", GOLD, BUY));
    let report = crowd.rig.fleet().signal(signal.clone()).await.unwrap();
    assert_eq!(report.lines[1].kind(), OutcomeKind::Blocked, "{report}");
    crowd.settled("s-1", 2).await;
    crowd.restart().await;
    let _ = crowd.rig.fleet().signal(signal).await.unwrap();
    let report = crowd.settled("s-1", 2).await;
    assert_eq!(kinds(&report), [OutcomeKind::Filled; 2], "{report}");
    assert_eq!((crowd.sent(0), crowd.sent(1)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn trd_4_another_signal_under_a_known_key_is_refused_and_counted_also_after_a_restart() {
    let mut crowd = Crowd::open(2).await;
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    crowd.settled("s-1", 2).await;
    let other = BUY.replace("BUY", "SELL");
    for times in 1..=2 {
        let report = crowd.signal("s-1", GOLD, &other).await;
        for number in 0..2 {
            assert_eq!(outcome(&report, number).refusal().map(|it| it.code()), Some(Code::DuplicateKey));
            let view = crowd.rig.view(&id(number)).await;
            assert!(
                view.incidents.iter().any(|it| it.kind == IncidentKind::DuplicateOrders),
                "{times}: {view:?}"
            );
        }
        crowd.restart().await;
    }
    assert_eq!((crowd.sent(0), crowd.sent(1)), (1, 1));
    assert_eq!(kinds(&crowd.report("s-1").await.unwrap()), [OutcomeKind::Filled; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_report_of_what_has_ended_is_told_from_the_journal_after_a_restart() {
    let mut crowd = Crowd::open(2).await;
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    crowd.settled("s-1", 2).await;
    let _ = crowd.signal("s-2", GOLD, r#""action": "close-all""#).await;
    crowd.settled("s-2", 5).await;
    pass(60).await;
    assert!(crowd.rig.fleet().trades(None).await.is_empty(), "nothing is open any more");
    crowd.restart().await;
    for key in ["s-1", "s-2"] {
        let report = crowd.report(key).await.unwrap();
        assert_eq!(kinds(&report), [OutcomeKind::Filled; 2], "{report}");
    }
    assert_eq!(crowd.report("s-3").await, None);
}

#[tokio::test(start_paused = true)]
async fn trd_4_what_a_source_whose_clock_is_ahead_gave_to_a_former_owner_is_not_carried_out_again() {
    let mut crowd = Crowd::open(1).await;
    let mut ahead = crowd.read(&crowd.written("s-1", GOLD, BUY));
    ahead.created_at = ahead.created_at.after(Span::from_millis(4_900));
    let _ = crowd.rig.fleet().signal(ahead.clone()).await.unwrap();
    crowd.settled("s-1", 2).await;
    crowd.rig.journal = Arc::default();
    crowd.restart().await;
    let report = crowd.rig.fleet().signal(ahead).await.unwrap();
    assert_eq!(outcome(&report, 0).refusal().map(|it| it.code()), Some(Code::Elsewhere), "{report}");
    assert_eq!(crowd.positions(0), ["BUY 0.1"]);
}
