//! The stream of signals (`trade_signals`): read, carried out, acknowledged once it is durable.

use std::{collections::BTreeSet, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tracing::{error, info, warn};
use warden_distribution::{DeadLetter, Faults};
use warden_domain::{Span, Timestamp};
use warden_store::{Claimed, Content, EntryId, SignalStream, StreamEntry, StreamError};
use warden_telemetry::metrics;

use super::{Distributor, SignalError, ask::Given};

/// How the stream is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeConfig {
    /// Entries that are in work at the same time at most; more are not read before some are done.
    pub in_work: NonZeroUsize,
    /// Entries that a dead consumer has not acknowledged for so long are taken over.
    pub claim_after: Span,
    /// How often there is looked for these.
    pub claim_every: Span,
    /// How long a store that does not answer is left alone (NET-3).
    pub again_after: Span,
    /// How long nothing is read after the start while instances are on their way to a confirmed session.
    pub ready_within: Span,
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self {
            in_work: NonZeroUsize::new(256).expect("it is above zero"),
            claim_after: Span::from_secs(30),
            claim_every: Span::from_secs(5),
            again_after: Span::from_secs(10),
            ready_within: Span::from_secs(10),
        }
    }
}

/// The reader of the stream; [`stop`](Self::stop) it before the fleet is drained. One that is dropped ends too, and nobody
/// waits for what is in work.
///
/// # Expected flow
/// When the fleet is [ready](Distributor::ready), or has had the time for it, what this consumer was given before comes
/// again, and what a dead one left is claimed; then new entries are read as they come. Each is parsed and given to the
/// fleet, and acknowledged once every account's part of it is durable.
///
/// # Guarantees
/// - Entries are given to the fleet in their order, and so carried out in it on every account, also over a restart and over
///   a call of the store whose answer was lost; what another consumer of the group left comes when it is claimed.
/// - An entry is acknowledged after its durable acceptance, never before; one that comes again is known by its key
///   (TRD-4).
/// - What cannot be read becomes a dead letter with its reasons, and is acknowledged; it holds nothing up.
/// - A late signal is refused by every account and acknowledged (TRD-7).
/// - Not more than [`IntakeConfig::in_work`] entries are in work; a store that does not answer is waited for (NET-3).
pub struct Intake {
    ends: watch::Sender<bool>,
    reader: JoinHandle<()>,
}

impl Intake {
    /// Begins to read; must be called within a tokio runtime.
    #[must_use]
    pub fn start(stream: Arc<dyn SignalStream>, distributor: Distributor, config: IntakeConfig) -> Self {
        let (ends, ending) = watch::channel(false);
        let reader = Reader {
            parts: Arc::new(Parts { stream, distributor, config }),
            ending,
            in_work: BTreeSet::new(),
            working: JoinSet::new(),
            again_after: Some(EntryId::default()),
            claim_at: Timestamp::from_millis(0),
        };
        Self { ends, reader: tokio::spawn(reader.run()) }
    }

    /// Reads no more, and waits until what is in work is done.
    pub async fn stop(self) {
        self.ends.send_replace(true);
        if let Err(fault) = self.reader.await {
            error!(%fault, "the reader of the signals ended by itself");
        }
    }
}

struct Parts {
    stream: Arc<dyn SignalStream>,
    distributor: Distributor,
    config: IntakeConfig,
}

struct Reader {
    parts: Arc<Parts>,
    ending: watch::Receiver<bool>,
    in_work: BTreeSet<EntryId>,
    working: JoinSet<EntryId>,
    /// What was given to this consumer after this entry, and may be forgotten, comes again before anything new.
    again_after: Option<EntryId>,
    claim_at: Timestamp,
}

/// How long a shard that has too much to do is left alone; whatever comes after in the stream waits too.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest wait for new entries, so that claims and the end are not kept waiting for longer.
const WAIT: Span = Span::from_secs(1);

impl Reader {
    async fn run(mut self) {
        let distributor = self.parts.distributor.clone();
        tokio::select! {
            ready = distributor.ready(self.parts.config.ready_within) => {
                info!(ready, "the stream of signals is read");
            }
            _ = self.ending.changed() => {}
        }
        while !ends(&self.ending) {
            while let Some(done) = self.working.try_join_next() {
                self.done(done);
            }
            let room = self.parts.config.in_work.get() - self.in_work.len();
            let Some(room) = NonZeroUsize::new(room) else {
                if let Some(done) = self.working.join_next().await {
                    self.done(done);
                }
                continue;
            };
            if let Err(fault) = self.take(room).await {
                // It may have taken effect all the same.
                self.again_after = Some(EntryId::default());
                self.unreachable(&fault).await;
            }
        }
        while let Some(done) = self.working.join_next().await {
            self.done(done);
        }
    }

    /// Takes what comes again, then what others left behind when it is time to look, else new entries.
    async fn take(&mut self, room: NonZeroUsize) -> Result<(), StreamError> {
        let parts = Arc::clone(&self.parts);
        if let Some(after) = self.again_after {
            let again = parts.stream.again(room, after).await?;
            self.again_after = again.newest();
            self.begin_left(again).await;
            return Ok(());
        }
        let now = parts.distributor.clock().now();
        if now >= self.claim_at {
            let claimed = parts.stream.claim(room, parts.config.claim_after).await?;
            let whole = claimed.entries.len() < room.get();
            self.begin_left(claimed).await;
            if whole {
                self.claim_at = now.after(parts.config.claim_every);
            }
            return Ok(());
        }
        let mut read = parts.stream.read(room, WAIT);
        // It is never dropped before it answers: what the store gave to a dropped one would wait for the next claim.
        let read = loop {
            tokio::select! {
                read = &mut read => break read?,
                Some(done) = self.working.join_next(), if !self.working.is_empty() => self.done(done),
            }
        };
        self.begin(read).await;
        Ok(())
    }

    async fn begin_left(&mut self, left: Claimed) {
        // What is in work was carried out, or will be.
        for id in left.gone.iter().filter(|id| !self.in_work.contains(*id)) {
            error!(%id, "an entry was removed from the stream of signals before it was carried out");
        }
        self.begin(left.entries).await;
    }

    /// Gives the entries to the fleet in their order, and waits for their ends beside each other.
    async fn begin(&mut self, entries: Vec<StreamEntry>) {
        for entry in entries {
            // One that takes long is claimed again by this very consumer.
            if !self.in_work.insert(entry.id) {
                continue;
            }
            let (parts, id) = (Arc::clone(&self.parts), entry.id);
            match self.give(&entry).await {
                Ok(Some(given)) => {
                    self.working.spawn(async move {
                        finish(&parts, id, given).await;
                        id
                    });
                }
                // What is not taken any more is left to the next claim.
                Ok(None) => {
                    self.in_work.remove(&id);
                }
                Err(faults) => {
                    self.working.spawn(async move {
                        bury(&parts, &entry, faults).await;
                        id
                    });
                }
            }
        }
    }

    /// Gives an entry to the fleet, as often as a shard has too much to do; `None` when the fleet or the reader ends.
    async fn give(&self, entry: &StreamEntry) -> Result<Option<Given>, Faults> {
        let distributor = &self.parts.distributor;
        let signal = match &entry.content {
            Content::Whole(fields) => distributor.read_entry(fields)?,
            Content::TooLarge { .. } => {
                let most = distributor.params().most_bytes;
                let what = format!("is larger than {most} bytes; name a group instead of its instances");
                return Err(Faults::whole(&what));
            }
        };
        loop {
            match distributor.give(signal.clone()) {
                Ok(given) if given.is_busy() && !ends(&self.ending) => tokio::time::sleep(PAUSE).await,
                Ok(given) if given.is_busy() => return Ok(None),
                Ok(given) => return Ok(Some(given)),
                Err(SignalError::Ended) => return Ok(None),
                Err(SignalError::Faulty(faults)) => return Err(faults),
                Err(fault @ SignalError::Nobody(_)) => return Err(Faults::whole(&fault.to_string())),
            }
        }
    }

    fn done(&mut self, done: Result<EntryId, tokio::task::JoinError>) {
        match done {
            Ok(id) => {
                self.in_work.remove(&id);
            }
            Err(fault) => std::panic::resume_unwind(fault.into_panic()),
        }
    }

    /// NET-3: the store does not answer; it is left alone for a while.
    async fn unreachable(&mut self, fault: &StreamError) {
        warn!(%fault, rule = "NET-3", "the stream of signals does not answer; it is read again later");
        let wait = self.parts.distributor.clock().now().after(self.parts.config.again_after);
        tokio::select! {
            () = tokio::time::sleep(self.parts.distributor.clock().until(wait)) => {}
            _ = self.ending.changed() => {}
        }
    }
}

/// Whether the reader is to end: it was stopped, or dropped.
fn ends(ending: &watch::Receiver<bool>) -> bool {
    *ending.borrow() || ending.has_changed().is_err()
}

/// Acknowledges an entry once everything about it is durable.
async fn finish(parts: &Parts, id: EntryId, given: Given) {
    match given.answer().await {
        Ok(report) => {
            info!(%id, key = %report.key, summary = %report.summary(), "a signal was carried out");
            acknowledge(parts, id).await;
        }
        Err(fault) => warn!(%id, %fault, "a signal was not carried out; it comes again"),
    }
}

async fn acknowledge(parts: &Parts, id: EntryId) {
    if let Err(fault) = parts.stream.acknowledge(&[id]).await {
        warn!(%id, %fault, "a signal was not acknowledged; it comes again and is known by its key");
    }
}

async fn bury(parts: &Parts, entry: &StreamEntry, faults: Faults) {
    let fields = entry.content.fields();
    let letter = DeadLetter::of_entry(
        &entry.id.to_string(),
        fields,
        faults,
        parts.distributor.clock().now(),
        parts.distributor.params(),
    );
    warn!(%letter, "a signal cannot be read; it goes to the dead letters");
    match parts.stream.bury(entry.id, &letter.to_entry()).await {
        Ok(()) => parts.distributor.registry().series(&metrics::SIGNALS, ["dead_letter"]).add(1),
        Err(fault) => warn!(id = %entry.id, %fault, "a dead letter was not written; it is tried again"),
    }
}
