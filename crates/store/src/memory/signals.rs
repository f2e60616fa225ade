mod stream;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use warden_domain::{Span, Timestamp};

use self::stream::{Stream, Taken};
use crate::{
    Backlog, Claimed, Content, EntryId, Fields, LONGEST_WAIT, Pending, SignalStream, StreamEntry,
    StreamError, Subscription,
};

/// Streams in memory, by name, as a Redis would hold them: the embedded mode, and the reference for other adapters.
/// Clones share them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::num::NonZeroUsize;
/// use warden_domain::{Span, Timestamp};
/// use warden_store::{SignalStream, Subscription, memory::MemoryStreams};
///
/// let streams = MemoryStreams::new(Timestamp::from_millis(1_700_000_000_000));
/// let signals = streams.signals(Subscription::new("node-a"));
/// let id = streams.add("trade_signals", &[("key", "s-1"), ("side", "BUY")]);
/// let read = signals.read(NonZeroUsize::new(64).unwrap(), Span::ZERO).await.unwrap();
/// assert_eq!(read[0].id, id);
/// signals.acknowledge(&[id]).await.unwrap();
/// assert_eq!(signals.backlog().await.unwrap().pending, 0);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryStreams(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    unreachable: AtomicBool,
    streams: Mutex<BTreeMap<String, Stream>>,
    /// Something was added, or a waiting read has another reason to look again.
    changed: Notify,
    /// What the clock of the streams said at a moment of the runtime's clock.
    began: (Timestamp, Instant),
}

/// A stream of [`MemoryStreams`] as one consumer of a group sees it.
#[derive(Clone, Debug)]
pub struct MemorySignals {
    streams: MemoryStreams,
    subscription: Subscription,
}

impl MemoryStreams {
    /// No stream yet; `now` is where the clock that gives the ids stands. It runs with the runtime's.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Shared {
            unreachable: AtomicBool::new(false),
            streams: Mutex::default(),
            changed: Notify::new(),
            began: (now, Instant::now()),
        }))
    }

    /// A stream as a consumer of a group sees it.
    #[must_use]
    pub fn signals(&self, subscription: Subscription) -> MemorySignals {
        MemorySignals { streams: self.clone(), subscription }
    }

    /// Adds an entry to a stream, whether the streams are reachable or not.
    pub fn add<F: AsRef<[u8]>, V: AsRef<[u8]>>(&self, stream: &str, fields: &[(F, V)]) -> EntryId {
        let fields = fields.iter().map(|(f, v)| (f.as_ref().to_vec(), v.as_ref().to_vec())).collect();
        let now = self.now();
        let id = self.with(|streams| of(streams, stream).add(fields, now));
        self.0.changed.notify_waiters();
        id
    }

    /// The entries of a stream with their fields, oldest first.
    #[must_use]
    pub fn entries(&self, stream: &str) -> Vec<(EntryId, Fields)> {
        self.with(|streams| streams.get(stream).map(Stream::entries).unwrap_or_default())
    }

    /// Removes an entry from a stream; whoever was given it keeps it among the pending.
    pub fn delete(&self, stream: &str, id: EntryId) {
        self.with(|streams| of(streams, stream).delete(id));
    }

    /// Loses every stream and group, as a Redis that was restarted empty does.
    pub fn forget(&self) {
        self.with(BTreeMap::clear);
    }

    /// Lets every call fail with [`StreamError::Unreachable`] from now on, those that wait too, or work again. The content
    /// stays.
    pub fn set_reachable(&self, reachable: bool) {
        self.0.unreachable.store(!reachable, Ordering::Release);
        self.0.changed.notify_waiters();
    }
}

impl MemoryStreams {
    fn now(&self) -> Timestamp {
        let (at, instant) = self.0.began;
        let millis = Instant::now().saturating_duration_since(instant).as_millis();
        at.after(Span::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Stream>) -> T) -> T {
        // Every change of a stream is made in one piece, so a panic elsewhere leaves nothing half done.
        work(&mut self.0.streams.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn reached<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Stream>) -> T) -> Result<T, StreamError> {
        if self.0.unreachable.load(Ordering::Acquire) {
            return Err(StreamError::Unreachable("it was made unreachable".to_owned()));
        }
        Ok(self.with(work))
    }
}

fn of<'a>(streams: &'a mut BTreeMap<String, Stream>, name: &str) -> &'a mut Stream {
    streams.entry(name.to_owned()).or_default()
}

impl MemorySignals {
    /// Works on the stream and its group, which come to be where they are not there.
    fn group<T>(&self, work: impl FnOnce(&mut Stream, &Subscription) -> T) -> Result<T, StreamError> {
        let Self { streams, subscription } = self;
        streams.reached(|streams| work(of(streams, &subscription.stream), subscription))
    }

    fn claimed(&self, Taken { entries, gone }: Taken) -> Claimed {
        let entries = entries.into_iter().map(|(id, count, fields)| self.bounded(id, count, fields));
        Claimed { entries: entries.collect(), gone }
    }

    fn bounded(&self, id: EntryId, deliveries: u64, fields: Fields) -> StreamEntry {
        StreamEntry { id, deliveries, content: Content::bounded(fields, self.subscription.entry_bytes) }
    }
}

impl SignalStream for MemorySignals {
    fn read(&self, most: NonZeroUsize, wait: Span) -> Pending<'_, Result<Vec<StreamEntry>, StreamError>> {
        Box::pin(async move {
            let until = Instant::now() + Duration::from(wait.min(LONGEST_WAIT));
            loop {
                let mut changed = std::pin::pin!(self.streams.0.changed.notified());
                // From here on nothing that is added goes unnoticed.
                changed.as_mut().enable();
                let read = self.group(|stream, by| stream.read(by, most.get(), Instant::now()))?;
                let in_time = read.is_empty() && tokio::time::timeout_at(until, changed).await.is_ok();
                if !in_time {
                    return Ok(read.into_iter().map(|(id, fields)| self.bounded(id, 1, fields)).collect());
                }
            }
        })
    }

    fn again(&self, most: NonZeroUsize, after: EntryId) -> Pending<'_, Result<Claimed, StreamError>> {
        Box::pin(async move {
            let taken = self.group(|stream, by| stream.again(by, most.get(), after, Instant::now()))?;
            Ok(self.claimed(taken))
        })
    }

    fn claim(&self, most: NonZeroUsize, idle: Span) -> Pending<'_, Result<Claimed, StreamError>> {
        Box::pin(async move {
            let taken = self.group(|stream, by| stream.claim(by, most.get(), idle.into(), Instant::now()))?;
            Ok(self.claimed(taken))
        })
    }

    fn acknowledge<'a>(&'a self, ids: &'a [EntryId]) -> Pending<'a, Result<(), StreamError>> {
        Box::pin(async move { self.group(|stream, by| stream.acknowledge(&by.group, ids)) })
    }

    fn bury<'a>(
        &'a self,
        id: EntryId,
        letter: &'a [(&'static str, String)],
    ) -> Pending<'a, Result<(), StreamError>> {
        Box::pin(async move {
            let Self { streams, subscription } = self;
            let now = streams.now();
            streams.reached(|streams| {
                let fields = letter.iter().map(|(f, v)| (f.as_bytes().to_vec(), v.as_bytes().to_vec()));
                let entry = (b"entry".to_vec(), id.to_string().into_bytes());
                let dead = of(streams, &subscription.dead());
                dead.add(std::iter::once(entry).chain(fields).collect(), now);
                dead.trim(subscription.dead_letters as usize);
                of(streams, &subscription.stream).acknowledge(&subscription.group, &[id]);
            })
        })
    }

    fn backlog(&self) -> Pending<'_, Result<Backlog, StreamError>> {
        Box::pin(async move { self.group(|stream, by| stream.backlog(&by.group)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::signals::{self, Fixture};

    const STREAM: &str = "trade_signals";

    impl Fixture for MemoryStreams {
        fn signals(&self, subscription: Subscription) -> Pending<'_, Arc<dyn SignalStream>> {
            Box::pin(async move { Arc::new(self.signals(subscription)) as Arc<dyn SignalStream> })
        }

        fn add<'a>(&'a self, fields: &'a [(&'a [u8], &'a [u8])]) -> Pending<'a, EntryId> {
            Box::pin(async move { self.add(STREAM, fields) })
        }

        fn delete(&self, id: EntryId) -> Pending<'_, ()> {
            Box::pin(async move { self.delete(STREAM, id) })
        }

        fn forget(&self) -> Pending<'_, ()> {
            Box::pin(async move { self.forget() })
        }

        fn dead(&self) -> Pending<'_, Vec<Fields>> {
            Box::pin(async move {
                self.entries("trade_signals:dead").into_iter().map(|(_, fields)| fields).collect()
            })
        }
    }

    fn streams() -> MemoryStreams {
        MemoryStreams::new(Timestamp::from_millis(1_700_000_000_000))
    }

    #[tokio::test(start_paused = true)]
    async fn memory_passes_every_case() {
        signals::run(|| Box::pin(async { Arc::new(streams()) as Arc<dyn Fixture> })).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_waits_ends_when_the_streams_become_unreachable() {
        let streams = streams();
        let signals = streams.signals(Subscription::new("node-a"));
        let one = NonZeroUsize::MIN;
        let (read, ()) = tokio::join!(signals.read(one, LONGEST_WAIT), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            streams.set_reachable(false);
        });
        assert!(matches!(read, Err(StreamError::Unreachable(_))));
        assert!(matches!(signals.backlog().await, Err(StreamError::Unreachable(_))));
        streams.set_reachable(true);
        let id = streams.add(STREAM, &[("key", "s-1")]);
        assert_eq!(id.to_string(), "1700000001000-0");
        assert_eq!(signals.read(one, Span::ZERO).await.unwrap()[0].id, id);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_waits_no_longer_than_the_longest_wait() {
        let began = Instant::now();
        let signals = streams().signals(Subscription::new("node-a"));
        assert_eq!(signals.read(NonZeroUsize::MIN, Span::from_secs(86_400)).await.unwrap(), []);
        assert_eq!(began.elapsed(), Duration::from(LONGEST_WAIT));
    }
}
