//! A read of the stream that was begun is waited for: what the store gives to one that nobody hears stays with a consumer
//! that does not know of it.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use warden_distribution::OutcomeKind;
use warden_domain::Span;
use warden_store::{
    Backlog, Claimed, EntryId, Pending, SignalStream, StreamEntry, StreamError, Subscription,
    memory::{MemorySignals, MemoryStreams},
};
use warden_supervisor::signals::{Intake, IntakeConfig};

use super::{Crowd, crowd::kinds};
use crate::rig::pass;

/// A stream that counts the reads that were begun and have not answered.
struct Watched {
    stream: MemorySignals,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    /// The answer of a read that has something is lost, once.
    loses: AtomicBool,
}

impl SignalStream for Watched {
    fn read(&self, most: NonZeroUsize, wait: Span) -> Pending<'_, Result<Vec<StreamEntry>, StreamError>> {
        Box::pin(async move {
            let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(open, Ordering::Relaxed);
            let read = self.stream.read(most, wait).await;
            self.open.fetch_sub(1, Ordering::Relaxed);
            let has_some = read.as_ref().is_ok_and(|read| !read.is_empty());
            if has_some && self.loses.swap(false, Ordering::Relaxed) {
                return Err(StreamError::Unreachable("the answer is lost".to_owned()));
            }
            read
        })
    }

    fn again(&self, most: NonZeroUsize, after: EntryId) -> Pending<'_, Result<Claimed, StreamError>> {
        self.stream.again(most, after)
    }

    fn claim(&self, most: NonZeroUsize, idle: Span) -> Pending<'_, Result<Claimed, StreamError>> {
        self.stream.claim(most, idle)
    }

    fn acknowledge<'a>(&'a self, ids: &'a [EntryId]) -> Pending<'a, Result<(), StreamError>> {
        self.stream.acknowledge(ids)
    }

    fn bury<'a>(
        &'a self,
        id: EntryId,
        letter: &'a [(&'static str, String)],
    ) -> Pending<'a, Result<(), StreamError>> {
        self.stream.bury(id, letter)
    }

    fn backlog(&self) -> Pending<'_, Result<Backlog, StreamError>> {
        self.stream.backlog()
    }
}

impl Watched {
    fn of(streams: &MemoryStreams, loses: bool) -> Self {
        let stream = streams.signals(Subscription::new("node-a"));
        Self { stream, open: Arc::default(), most: Arc::default(), loses: AtomicBool::new(loses) }
    }
}

/// Adds a signal for everybody to the stream.
fn add(crowd: &Crowd, streams: &MemoryStreams, key: &str, what: &[(&str, &str)]) {
    let now = crowd.rig.now().to_string();
    let head = [("key", key), ("source", "test"), ("created_at", now.as_str()), ("group", "gold")];
    let fields: Vec<(&str, &str)> = head.into_iter().chain(what.iter().copied()).collect();
    streams.add("trade_signals", &fields);
}

const BUYS: &[(&str, &str)] =
    &[("action", "open"), ("symbol", "EURUSD"), ("side", "BUY"), ("sizing", "fixed"), ("lots", "0.10")];
const CLOSES: &[(&str, &str)] = &[("action", "close"), ("of", "s-1")];

/// What the first signal opened, the second one ended: it found it.
async fn assert_ended(crowd: &Crowd) {
    assert_ne!(kinds(&crowd.settled("s-2", 60).await), [OutcomeKind::Blocked]);
    pass(120).await;
    assert!(crowd.positions(0).is_empty(), "{}", crowd.report("s-1").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_a_restart_comes_before_what_is_new() {
    let crowd = Crowd::open(1).await;
    let streams = MemoryStreams::new(crowd.rig.now());
    add(&crowd, &streams, "s-1", BUYS);
    let dead = streams.signals(Subscription::new("node-a"));
    assert_eq!(dead.read(NonZeroUsize::MIN, Span::ZERO).await.unwrap().len(), 1);
    add(&crowd, &streams, "s-2", CLOSES);
    let stream = Arc::new(Watched::of(&streams, false));
    let intake = Intake::start(stream, crowd.distributor().clone(), IntakeConfig::default());
    pass(3).await;
    assert_ended(&crowd).await;
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn net_3_a_read_whose_answer_was_lost_comes_again_before_what_is_new() {
    let crowd = Crowd::open(1).await;
    let streams = MemoryStreams::new(crowd.rig.now());
    let stream = Arc::new(Watched::of(&streams, true));
    let intake = Intake::start(stream, crowd.distributor().clone(), IntakeConfig::default());
    add(&crowd, &streams, "s-1", BUYS);
    pass(2).await;
    add(&crowd, &streams, "s-2", CLOSES);
    pass(12).await;
    assert_ended(&crowd).await;
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_read_is_dropped_while_signals_end_and_when_the_intake_stops() {
    let crowd = Crowd::open(1).await;
    let streams = MemoryStreams::new(crowd.rig.now());
    let watched = Arc::new(Watched::of(&streams, false));
    let (open, most) = (Arc::clone(&watched.open), Arc::clone(&watched.most));
    let intake = Intake::start(watched, crowd.distributor().clone(), IntakeConfig::default());
    for key in ["s-1", "s-2", "s-3"] {
        add(&crowd, &streams, key, BUYS);
        pass(2).await;
        assert_eq!(kinds(&crowd.settled(key, 2).await), [OutcomeKind::Filled]);
    }
    intake.stop().await;
    assert_eq!(most.load(Ordering::Relaxed), 1, "one read at a time: none was dropped for another");
    assert_eq!(open.load(Ordering::Relaxed), 0, "the last one was waited for");
}
