//! Signals that come while a terminal is away.

use std::sync::Arc;

use warden_distribution::{Outcome, OutcomeKind, Report};
use warden_domain::Span;
use warden_store::{Subscription, memory::MemoryStreams};
use warden_supervisor::signals::{Intake, IntakeConfig};

use super::{
    Crowd,
    crowd::{BUY, GOLD, kinds, outcome},
};
use crate::rig::{Manner, id, pass};

#[tokio::test(start_paused = true)]
async fn net_1_a_signal_that_comes_during_a_drop_is_carried_out_after_it() {
    let crowd = Crowd::open(2).await;
    crowd.rig.gateways.behave(&id(0), Manner::Unreachable);
    crowd.rig.gateways.drop_connection(&id(0)).await;
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    let filled = |report: &Report| kinds(report)[1] == OutcomeKind::Filled;
    let report = crowd.reaches("s-1", 2, filled).await;
    assert!(!outcome(&report, 0).is_settled(), "{report}");
    assert_eq!(crowd.sent(0), 0);
    crowd.rig.gateways.behave(&id(0), Manner::Well);
    assert_eq!(kinds(&crowd.settled("s-1", 30).await), [OutcomeKind::Filled; 2]);
    crowd.assert_once();
}

#[tokio::test(start_paused = true)]
async fn trd_7_a_drop_that_outlives_a_signal_drops_it() {
    let crowd = Crowd::open(1).await;
    crowd.rig.gateways.behave(&id(0), Manner::Unreachable);
    crowd.rig.gateways.drop_connection(&id(0)).await;
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    let report = crowd.settled("s-1", 90).await;
    assert!(!matches!(outcome(&report, 0), Outcome::Filled(_) | Outcome::Waiting), "{report}");
    crowd.rig.gateways.behave(&id(0), Manner::Well);
    pass(300).await;
    assert_eq!(crowd.sent(0), 0, "it is never sent");
}

/// A signal in the stream that buys, and the intake of a fleet that was started after it.
async fn waiting(crowd: &mut Crowd) -> Intake {
    let streams = MemoryStreams::new(crowd.rig.now());
    crowd.rig.kill().await;
    let now = crowd.rig.now().to_string();
    let fields = [
        ("key", "s-1"),
        ("source", "test"),
        ("created_at", now.as_str()),
        ("group", "gold"),
        ("action", "open"),
        ("symbol", "EURUSD"),
        ("side", "BUY"),
        ("sizing", "fixed"),
        ("lots", "0.10"),
    ];
    streams.add("trade_signals", &fields);
    crowd.rig.start().await;
    let stream = Arc::new(streams.signals(Subscription::new("node-a")));
    Intake::start(stream, crowd.distributor().clone(), IntakeConfig::default())
}

#[tokio::test(start_paused = true)]
async fn trd_7_a_signal_that_came_during_a_restart_waits_for_the_terminals() {
    let mut crowd = Crowd::open(2).await;
    let intake = waiting(&mut crowd).await;
    pass(2).await;
    assert!(crowd.report("s-1").await.is_none(), "nobody could carry it out yet");
    crowd.rig.gateways.connect_all().await;
    assert!(crowd.distributor().ready(Span::from_secs(5)).await);
    pass(2).await;
    assert_eq!(kinds(&crowd.settled("s-1", 5).await), [OutcomeKind::Filled; 2]);
    intake.stop().await;
    crowd.assert_once();
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_does_not_come_back_keeps_the_others_waiting_no_longer_than_it_may() {
    let mut crowd = Crowd::open(2).await;
    let intake = waiting(&mut crowd).await;
    crowd.rig.gateways.connect(&id(1)).await;
    pass(9).await;
    assert!(crowd.report("s-1").await.is_none());
    assert!(!crowd.distributor().ready(Span::ZERO).await);
    pass(2).await;
    let report = crowd.settled("s-1", 5).await;
    assert_eq!(kinds(&report), [OutcomeKind::Blocked, OutcomeKind::Filled], "{report}");
    intake.stop().await;
}
