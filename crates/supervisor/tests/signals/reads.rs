//! A read of the stream that was begun is waited for: what the store gives to one that nobody hears stays with a consumer
//! that does not know of it.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
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
}

impl SignalStream for Watched {
    fn read(&self, most: NonZeroUsize, wait: Span) -> Pending<'_, Result<Vec<StreamEntry>, StreamError>> {
        Box::pin(async move {
            let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(open, Ordering::Relaxed);
            let read = self.stream.read(most, wait).await;
            self.open.fetch_sub(1, Ordering::Relaxed);
            read
        })
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

#[tokio::test(start_paused = true)]
async fn no_read_is_dropped_while_signals_end_and_when_the_intake_stops() {
    let crowd = Crowd::open(1).await;
    let streams = MemoryStreams::new(crowd.rig.now());
    let (open, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let stream = streams.signals(Subscription::new("node-a"));
    let watched = Arc::new(Watched { stream, open: Arc::clone(&open), most: Arc::clone(&most) });
    let intake = Intake::start(watched, crowd.distributor().clone(), IntakeConfig::default());
    for key in ["s-1", "s-2", "s-3"] {
        let now = crowd.rig.now().to_string();
        let fields = [
            ("key", key),
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
        pass(2).await;
        assert_eq!(kinds(&crowd.settled(key, 2).await), [OutcomeKind::Filled]);
    }
    intake.stop().await;
    assert_eq!(most.load(Ordering::Relaxed), 1, "one read at a time: none was dropped for another");
    assert_eq!(open.load(Ordering::Relaxed), 0, "the last one was waited for");
}
