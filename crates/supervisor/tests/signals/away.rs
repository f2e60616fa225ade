//! Signals that come while a terminal is away.

use warden_distribution::{Outcome, OutcomeKind};

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
    let report = crowd.reaches("s-1", 2, |report| outcome(report, 1) != Outcome::Waiting).await;
    assert_eq!(kinds(&report), [OutcomeKind::Waiting, OutcomeKind::Filled], "nobody waits for the other");
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
