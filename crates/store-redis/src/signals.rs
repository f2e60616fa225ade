mod answer;

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use fred::{
    interfaces::Resp3Frame,
    types::{ClusterHash, Value},
    util::redis_keyslot,
};
use warden_domain::Span;
use warden_store::{
    Backlog, Claimed, Content, EntryId, Fields, LONGEST_WAIT, Pending, SignalStream, StreamEntry,
    StreamError, Subscription,
};

use self::answer::Listed;
use crate::{
    ConfigError, RedisConfig,
    fault::Fault,
    link::{Link, Purpose},
};

/// How often a call makes the group anew before it gives up.
const GROUPS_MADE: usize = 3;
/// Redis looks at ten times as many pending entries as it may claim.
const LOOKED_AT: usize = 10;

/// A Redis Stream as one consumer of a group sees it. Clones share two connections: one that waits for entries, and one
/// for everything else.
///
/// # Expected flow
/// Connect once at start; the group is made by the first call that misses it, and again when Redis turns out to have been
/// started empty.
///
/// # Guarantees
/// - A command is sent once. Without a connection a call fails at once.
/// - A read that waits holds up neither the other calls nor the hot state.
///
/// # Assumptions
/// Redis 7.0 or newer; its user may use `XREADGROUP`, `XAUTOCLAIM`, `XPENDING`, `XACK`, `XADD` and `XGROUP` on the stream
/// and its dead letters.
///
/// # Caveats
/// - An entry reaches this process as large as its sender made it; only then is it cut.
/// - Entries and dead letters are as durable as Redis is: a failover may lose what was acknowledged (see
///   [`SignalStream`]).
#[derive(Clone, Debug)]
pub struct RedisSignals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: Link,
    asking: Link,
    subscription: Subscription,
    slot: ClusterHash,
}

impl RedisSignals {
    /// Connects. A Redis that is down is no error: it is tried again in the background, and calls fail until then.
    ///
    /// # Errors
    /// When the configuration or the subscription cannot work.
    pub async fn connect(config: &RedisConfig, subscription: Subscription) -> Result<Self, ConfigError> {
        subscription.validate()?;
        let (waiting, asking) =
            tokio::join!(Link::open(config, Purpose::Commands), Link::open(config, Purpose::Commands));
        let slot = slot(&subscription.stream);
        Ok(Self(Arc::new(Inner { waiting: waiting?, asking: asking?, subscription, slot })))
    }
}

impl Inner {
    async fn read(&self, most: NonZeroUsize, wait: Span) -> Result<Vec<StreamEntry>, Fault> {
        let wait = Duration::from(wait.min(LONGEST_WAIT));
        let words = |left| self.read_words(most, left, ">".to_owned());
        let answer = self.grouped(&self.waiting, "XREADGROUP", words, wait).await?;
        let new = answer::read(answer)?.entries;
        Ok(new.into_iter().map(|(id, fields)| self.entry(id, 1, fields)).collect())
    }

    async fn again(&self, most: NonZeroUsize, after: EntryId) -> Result<Claimed, Fault> {
        let words = |left| self.read_words(most, left, after.to_string());
        let answer = self.grouped(&self.asking, "XREADGROUP", words, Duration::ZERO).await?;
        let listed = answer::read(answer)?;
        // Only a claim forgets by itself what is gone.
        self.acknowledge(&listed.gone).await?;
        self.counted(listed, most).await
    }

    fn read_words(&self, most: NonZeroUsize, wait: Duration, after: String) -> Vec<Value> {
        let Subscription { stream, group, consumer, .. } = &self.subscription;
        let mut words = vec!["GROUP".into(), group.as_str().into(), consumer.as_str().into()];
        words.extend(["COUNT".into(), most.get().to_string().into()]);
        if !wait.is_zero() {
            // Zero would wait for good.
            words.extend(["BLOCK".into(), wait.as_millis().max(1).to_string().into()]);
        }
        words.extend(["STREAMS".into(), stream.as_str().into(), after.into()]);
        words
    }

    async fn claim(&self, most: NonZeroUsize, idle: Span) -> Result<Claimed, Fault> {
        let mut from = EntryId::default();
        loop {
            let (next, swept) = self.sweep(from, most, idle).await?;
            if !(swept.entries.is_empty() && swept.gone.is_empty()) || next == EntryId::default() {
                return self.counted(swept, most).await;
            }
            from = next;
        }
    }

    /// The entries, with how many times each was given to a consumer.
    async fn counted(&self, listed: Listed, most: NonZeroUsize) -> Result<Claimed, Fault> {
        let Listed { entries, gone } = listed;
        let counts = self.deliveries(&entries, most).await?;
        let entries = entries.into_iter().map(|(id, fields)| {
            // Without a count it was claimed from us since; it was given twice at least.
            self.entry(id, counts.get(&id).copied().unwrap_or(2), fields)
        });
        Ok(Claimed { entries: entries.collect(), gone })
    }

    /// One look at the pending entries from an id on.
    async fn sweep(&self, from: EntryId, most: NonZeroUsize, idle: Span) -> Result<(EntryId, Listed), Fault> {
        let Subscription { stream, group, consumer, .. } = &self.subscription;
        let words = |_| {
            let mut words = vec![stream.as_str().into(), group.as_str().into(), consumer.as_str().into()];
            words.extend([idle.as_millis().to_string().into(), from.to_string().into()]);
            words.extend(["COUNT".into(), most.get().to_string().into()]);
            words
        };
        answer::swept(self.grouped(&self.asking, "XAUTOCLAIM", words, Duration::ZERO).await?)
    }

    /// How many times each of the entries, which are ours now, was given to a consumer.
    async fn deliveries(
        &self,
        entries: &[(EntryId, Fields)],
        most: NonZeroUsize,
    ) -> Result<HashMap<EntryId, u64>, Fault> {
        let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else {
            return Ok(HashMap::new());
        };
        let Subscription { stream, group, consumer, .. } = &self.subscription;
        let mut words = vec![stream.as_str().into(), group.as_str().into()];
        words.extend([first.to_string().into(), last.to_string().into()]);
        words.extend([most.get().saturating_mul(LOOKED_AT).to_string().into(), consumer.as_str().into()]);
        answer::deliveries(self.ask("XPENDING", words).await?)
    }

    async fn acknowledge(&self, ids: &[EntryId]) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let Subscription { stream, group, .. } = &self.subscription;
        let mut words = vec![stream.as_str().into(), group.as_str().into()];
        words.extend(ids.iter().map(|id| Value::from(id.to_string())));
        self.ask("XACK", words).await.map(drop)
    }

    async fn bury(&self, id: EntryId, letter: &[(&'static str, String)]) -> Result<(), Fault> {
        let dead = self.subscription.dead();
        let slot = slot(&dead);
        let mut words = vec![dead.into(), "MAXLEN".into(), "~".into()];
        words.extend([self.subscription.dead_letters.to_string().into(), "*".into()]);
        words.extend(["entry".into(), id.to_string().into()]);
        words.extend(letter.iter().flat_map(|(field, value)| [(*field).into(), value.as_str().into()]));
        self.asking.ask("XADD", slot, words, Duration::ZERO).await?;
        self.acknowledge(&[id]).await
    }

    async fn backlog(&self) -> Result<Backlog, Fault> {
        let Subscription { stream, group, .. } = &self.subscription;
        let words = |_| vec![stream.as_str().into(), group.as_str().into()];
        answer::backlog(self.grouped(&self.asking, "XPENDING", words, Duration::ZERO).await?)
    }

    async fn ask(&self, command: &'static str, words: Vec<Value>) -> Result<Resp3Frame, Fault> {
        self.asking.ask(command, self.slot.clone(), words, Duration::ZERO).await
    }

    /// Asks, and asks again after the group that was missing was made. `words` learns how much of `wait` is left.
    async fn grouped(
        &self,
        link: &Link,
        command: &'static str,
        words: impl Fn(Duration) -> Vec<Value>,
        wait: Duration,
    ) -> Result<Resp3Frame, Fault> {
        let until = Instant::now() + wait;
        for _ in 0..GROUPS_MADE {
            let left = until.saturating_duration_since(Instant::now());
            match link.ask(command, self.slot.clone(), words(left), left).await {
                Err(Fault::NoGroup) => self.make_group().await?,
                answer @ (Ok(_) | Err(Fault::NotLoaded | Fault::GroupThere | Fault::Hot(_))) => {
                    return answer;
                }
            }
        }
        Err(Fault::NoGroup)
    }

    /// Makes the group, and the stream where there is none; the group begins with the oldest entry.
    async fn make_group(&self) -> Result<(), Fault> {
        let Subscription { stream, group, .. } = &self.subscription;
        let words = ["CREATE", stream.as_str(), group.as_str(), "0", "MKSTREAM"].map(Value::from);
        match self.ask("XGROUP", words.into()).await {
            Ok(_) => {
                tracing::info!(stream, group, "the group of the stream was made");
                Ok(())
            }
            Err(Fault::GroupThere) => Ok(()), // another consumer was faster
            Err(fault @ (Fault::NoGroup | Fault::NotLoaded | Fault::Hot(_))) => Err(fault),
        }
    }

    fn entry(&self, id: EntryId, deliveries: u64, fields: Fields) -> StreamEntry {
        StreamEntry { id, deliveries, content: Content::bounded(fields, self.subscription.entry_bytes) }
    }
}

impl SignalStream for RedisSignals {
    fn read(&self, most: NonZeroUsize, wait: Span) -> Pending<'_, Result<Vec<StreamEntry>, StreamError>> {
        Box::pin(async move { Ok(self.0.read(most, wait).await?) })
    }

    fn again(&self, most: NonZeroUsize, after: EntryId) -> Pending<'_, Result<Claimed, StreamError>> {
        Box::pin(async move { Ok(self.0.again(most, after).await?) })
    }

    fn claim(&self, most: NonZeroUsize, idle: Span) -> Pending<'_, Result<Claimed, StreamError>> {
        Box::pin(async move { Ok(self.0.claim(most, idle).await?) })
    }

    fn acknowledge<'a>(&'a self, ids: &'a [EntryId]) -> Pending<'a, Result<(), StreamError>> {
        Box::pin(async move { Ok(self.0.acknowledge(ids).await?) })
    }

    fn bury<'a>(
        &'a self,
        id: EntryId,
        letter: &'a [(&'static str, String)],
    ) -> Pending<'a, Result<(), StreamError>> {
        Box::pin(async move { Ok(self.0.bury(id, letter).await?) })
    }

    fn backlog(&self) -> Pending<'_, Result<Backlog, StreamError>> {
        Box::pin(async move { Ok(self.0.backlog().await?) })
    }
}

fn slot(key: &str) -> ClusterHash {
    ClusterHash::Custom(redis_keyslot(key.as_bytes()))
}
