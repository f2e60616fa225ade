//! The stream of signals: claimed, read, carried out, acknowledged.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use warden_distribution::OutcomeKind;
use warden_domain::Span;
use warden_store::{SignalStream as _, Subscription, memory::MemoryStreams};
use warden_supervisor::signals::{Intake, IntakeConfig};

use super::{Crowd, crowd::kinds};
use crate::rig::{pass, settle};

const STREAM: &str = "trade_signals";

/// A crowd and the stream that its signals come in by.
struct Desk {
    crowd: Crowd,
    streams: MemoryStreams,
    intake: Option<Intake>,
}

impl Desk {
    async fn open(instances: u32) -> Self {
        let crowd = Crowd::open(instances).await;
        let streams = MemoryStreams::new(crowd.rig.now());
        let mut desk = Self { crowd, streams, intake: None };
        desk.begin("node-a");
        desk
    }

    fn begin(&mut self, consumer: &str) {
        let stream = Arc::new(self.streams.signals(Subscription::new(consumer)));
        let config = IntakeConfig { claim_after: Span::from_secs(2), ..IntakeConfig::default() };
        self.intake = Some(Intake::start(stream, self.crowd.distributor().clone(), config));
    }

    /// Adds a signal that buys.
    fn add(&self, key: &str, more: &[(&str, &str)]) {
        let now = self.crowd.rig.now().to_string();
        let mut fields = vec![
            ("key", key),
            ("source", "test"),
            ("created_at", &now),
            ("group", "gold"),
            ("action", "open"),
            ("symbol", "EURUSD"),
            ("side", "BUY"),
            ("sizing", "fixed"),
            ("lots", "0.10"),
        ];
        for (field, value) in more {
            fields.retain(|(known, _)| known != field);
            fields.push((field, value));
        }
        self.streams.add(STREAM, &fields);
    }

    async fn pending(&self) -> u64 {
        let looking = self.streams.signals(Subscription::new("looking"));
        looking.backlog().await.unwrap().pending
    }

    /// Waits until nothing is pending.
    async fn drained(&self) {
        for _ in 0..2_000 {
            settle().await;
            if self.pending().await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{} are pending", self.pending().await);
    }

    fn dead(&self) -> Vec<Vec<(String, String)>> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let entries = self.streams.entries(&format!("{STREAM}:dead")).into_iter();
        entries.map(|(_, fields)| fields.into_iter().map(|(f, v)| (text(f), text(v))).collect()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn signals_of_the_stream_are_carried_out_once_and_acknowledged() {
    let desk = Desk::open(2).await;
    for key in ["s-1", "s-2", "s-1"] {
        desk.add(key, &[]);
        pass(2).await;
    }
    desk.drained().await;
    for key in ["s-1", "s-2"] {
        assert_eq!(kinds(&desk.crowd.settled(key, 2).await), [OutcomeKind::Filled; 2]);
    }
    // The third came later, and so says something else: it is another signal under a known key.
    assert_eq!((desk.crowd.sent(0), desk.crowd.sent(1)), (2, 2));
    assert!(desk.dead().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_carried_out_in_the_order_of_the_stream() {
    let mut desk = Desk::open(3).await;
    desk.intake.take().unwrap().stop().await;
    for round in 0..20 {
        desk.add(&format!("o-{round}"), &[]);
        let now = desk.crowd.rig.now().to_string();
        let key = format!("c-{round}");
        let close = [
            ("key", key.as_str()),
            ("source", "test"),
            ("created_at", &now),
            ("group", "gold"),
            ("action", "close-all"),
        ];
        desk.streams.add(STREAM, &close);
    }
    desk.begin("node-b");
    pass(5).await;
    desk.drained().await;
    pass(200).await;
    for number in 0..3 {
        assert!(desk.crowd.positions(number).is_empty(), "everything that was opened was closed after it");
    }
    for round in 0..20 {
        let closed = desk.crowd.report(&format!("c-{round}")).await.unwrap();
        assert!(closed.lines.iter().all(|line| line.kind() != OutcomeKind::Blocked), "{closed}");
    }
}

#[tokio::test(start_paused = true)]
async fn trd_4_one_that_was_accepted_and_not_acknowledged_comes_again_and_is_known() {
    let mut desk = Desk::open(2).await;
    desk.crowd.rig.journal.hang_after_commit(true);
    desk.add("s-1", &[]);
    pass(1).await;
    assert_eq!(desk.pending().await, 1, "it is durable, and nobody heard so");
    drop(desk.intake.take());
    desk.crowd.rig.kill().await;
    desk.crowd.rig.journal.hang_after_commit(false);
    desk.crowd.come_up().await;
    desk.begin("node-b");
    pass(4).await;
    desk.drained().await;
    let report = desk.crowd.settled("s-1", 150).await;
    assert_eq!(report.lines.len(), 2, "{report}");
    desk.crowd.assert_once();
    assert!(desk.crowd.sent(0) <= 1 && desk.crowd.sent(1) <= 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_becomes_a_dead_letter_with_its_reason() {
    let desk = Desk::open(1).await;
    desk.add("s-1", &[("lots", "hunter2")]);
    desk.add("s-2", &[("group", "silver")]);
    desk.add("s-3", &[]);
    pass(1).await;
    desk.drained().await;
    let dead = desk.dead();
    assert_eq!(dead.len(), 2, "{dead:?}");
    let reason = |letter: &Vec<(String, String)>| {
        letter.iter().find(|(field, _)| field == "reason").map(|(_, reason)| reason.clone()).unwrap()
    };
    let reasons: Vec<String> = dead.iter().map(reason).collect();
    assert!(reasons.iter().any(|it| it.starts_with("lots is not a volume above zero")), "{reasons:?}");
    assert!(reasons.iter().any(|it| it.contains("no instance belongs to group silver")), "{reasons:?}");
    assert!(reasons.iter().all(|it| !it.contains("hunter2")), "{reasons:?}");
    assert_eq!(kinds(&desk.crowd.settled("s-3", 2).await), [OutcomeKind::Filled]);
}

#[tokio::test(start_paused = true)]
async fn trd_7_a_late_one_is_recorded_as_dropped() {
    let desk = Desk::open(1).await;
    desk.add("s-1", &[("created_at", "2023-11-14T22:00:00Z")]);
    pass(1).await;
    desk.drained().await;
    assert_eq!(kinds(&desk.crowd.report("s-1").await.unwrap()), [OutcomeKind::LateDropped]);
    assert!(desk.dead().is_empty());
}

#[tokio::test(start_paused = true)]
async fn net_3_a_stream_that_does_not_answer_is_waited_for() {
    let desk = Desk::open(1).await;
    desk.streams.set_reachable(false);
    desk.add("s-1", &[("valid_for", "5m")]);
    pass(40).await;
    assert_eq!(desk.crowd.report("s-1").await, None);
    desk.streams.set_reachable(true);
    pass(11).await;
    desk.drained().await;
    assert_eq!(kinds(&desk.crowd.settled("s-1", 2).await), [OutcomeKind::Filled]);
}

#[tokio::test(start_paused = true)]
async fn an_intake_that_is_stopped_leaves_the_rest_to_the_next() {
    let mut desk = Desk::open(1).await;
    desk.intake.take().unwrap().stop().await;
    desk.add("s-1", &[]);
    pass(5).await;
    assert_eq!(desk.crowd.report("s-1").await, None);
    desk.begin("node-b");
    pass(1).await;
    desk.drained().await;
    assert_eq!(kinds(&desk.crowd.settled("s-1", 2).await), [OutcomeKind::Filled]);
}

#[tokio::test(start_paused = true)]
async fn not_more_than_so_many_are_in_work() {
    let mut desk = Desk::open(1).await;
    desk.intake.take().unwrap().stop().await;
    desk.crowd.rig.journal.hang_after_commit(true);
    for key in 0..10 {
        desk.add(&format!("s-{key}"), &[]);
    }
    let stream = Arc::new(desk.streams.signals(Subscription::new("node-a")));
    let in_work = NonZeroUsize::new(3).unwrap();
    let config = IntakeConfig { in_work, ..IntakeConfig::default() };
    let _intake = Intake::start(stream, desk.crowd.distributor().clone(), config);
    pass(60).await;
    assert_eq!(desk.pending().await, 3);
}
