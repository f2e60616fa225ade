use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use warden_domain::{ClientTradeId, Timestamp};

use crate::{AccountFacts, Fanout, Params, Refusal, Signal, plan};

/// The keys that are known, so that a signal that comes twice is planned once (TRD-4): data, bounded, without a clock.
///
/// # Expected flow
/// [`plan`](Self::plan) for each signal that was read; then make [`records`](Self::records) of new ones durable
/// together with their intents, carry the intents out, and [`restore`](Self::restore) the book at the next start.
///
/// # Guarantees
/// - The same signal under the same key gives the plan that it gave first, marked as known, for
///   [`Params::keep_keys`] after it was first planned.
/// - Another signal under a known key is refused for every account and changes nothing.
/// - Not more than [`Params::most_keys`] keys are held, and not more than [`Params::most_plans`] accounts and intents; a
///   full book refuses new signals and never forgets a key early.
///
/// # Assumptions
/// The signals of all sources share their keys. One book sees every signal for an instance.
///
/// # Caveats
/// A plan that was dropped for want of room leaves its key: its signal is refused from then on as a
/// [duplicate](Refusal::DuplicateKey), which is safe, and the outcome is in the journal.
#[derive(Clone, Debug, Default)]
pub struct Book {
    known: BTreeMap<ClientTradeId, Kept>,
    /// The keys, oldest first.
    order: VecDeque<(Timestamp, ClientTradeId)>,
    /// How many of the oldest keys have no plan any more.
    dropped: usize,
    /// Accounts and intents of the plans that are held.
    held: usize,
}

/// A signal and its plan, while there is room for them.
type Kept = Option<(Arc<Signal>, Arc<Fanout>)>;

/// What became of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an intent that is not carried out is lost"]
pub enum Planned {
    /// It is new: carry the plan out, after it is durable.
    New(
        /// Its plan.
        Arc<Fanout>,
    ),
    /// It came before: nothing is to be done, and this is what was.
    Known(
        /// The plan it got first.
        Arc<Fanout>,
    ),
    /// Its key, or the room for keys, does not allow it: every account is refused, and nothing was noted.
    Refused(
        /// The refusals.
        Arc<Fanout>,
    ),
}

impl Planned {
    /// The plan, whatever became of the signal.
    #[must_use]
    pub const fn fanout(&self) -> &Arc<Fanout> {
        match self {
            Self::New(fanout) | Self::Known(fanout) | Self::Refused(fanout) => fanout,
        }
    }
}

/// One key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The key.
    pub key: ClientTradeId,
    /// When its signal was first planned.
    pub accepted_at: Timestamp,
    /// The signal and its plan; `None` when they are not kept any more.
    pub plan: Option<(Arc<Signal>, Arc<Fanout>)>,
}

impl Book {
    /// Plans a signal, or gives the plan it got before; forgets keys whose time has passed.
    pub fn plan(
        &mut self,
        signal: &Arc<Signal>,
        accounts: &[AccountFacts<'_>],
        now: Timestamp,
        params: &Params,
    ) -> Planned {
        self.expire(now, params);
        let refused = |refusal| Planned::Refused(Arc::new(plan::refuse(signal, accounts, now, refusal)));
        match self.known.get(&signal.key) {
            Some(Some((first, fanout))) if first == signal => Planned::Known(Arc::clone(fanout)),
            Some(_) => refused(Refusal::DuplicateKey),
            None if self.known.len() >= params.most_keys as usize => refused(Refusal::BookFull),
            None => {
                let fanout = Arc::new(plan::plan(signal, accounts, now, params));
                self.add(signal.key.clone(), now, Some((Arc::clone(signal), Arc::clone(&fanout))), params);
                Planned::New(fanout)
            }
        }
    }

    /// How many keys are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether no key is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// What is known, oldest first.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        self.order.iter().filter_map(|(accepted_at, key)| {
            let plan = self.known.get(key)?.clone();
            Some(Record { key: key.clone(), accepted_at: *accepted_at, plan })
        })
    }

    /// The book that these records make, in whatever order they come; of several with one key the oldest counts. All of
    /// them are taken in, even above [`Params::most_keys`]: no key is forgotten by a restart.
    #[must_use]
    pub fn restore(records: impl IntoIterator<Item = Record>, params: &Params) -> Self {
        let mut records: Vec<Record> = records.into_iter().collect();
        records.sort_by(|one, other| (one.accepted_at, &one.key).cmp(&(other.accepted_at, &other.key)));
        let mut book = Self::default();
        for Record { key, accepted_at, plan } in records {
            if !book.known.contains_key(&key) {
                book.add(key, accepted_at, plan, params);
            }
        }
        book
    }

    fn add(&mut self, key: ClientTradeId, accepted_at: Timestamp, plan: Kept, params: &Params) {
        // A clock that went back must not put a newer key before an older one.
        let accepted_at = self.order.back().map_or(accepted_at, |(last, _)| accepted_at.max(*last));
        self.held += plan.as_ref().map_or(0, |(_, fanout)| weight(fanout));
        self.order.push_back((accepted_at, key.clone()));
        self.known.insert(key, plan);
        while self.held > params.most_plans as usize && self.dropped < self.order.len() {
            let (_, oldest) = &self.order[self.dropped];
            if let Some(known) = self.known.get_mut(oldest) {
                self.held -= known.take().map_or(0, |(_, fanout)| weight(&fanout));
            }
            self.dropped += 1;
        }
    }

    fn expire(&mut self, now: Timestamp, params: &Params) {
        while let Some((accepted_at, key)) = self.order.front()
            && now.since(*accepted_at) >= params.keep_keys
        {
            if let Some(known) = self.known.remove(key) {
                self.held -= known.map_or(0, |(_, fanout)| weight(&fanout));
            }
            self.order.pop_front();
            self.dropped = self.dropped.saturating_sub(1);
        }
    }
}

/// What a plan counts as: its accounts and intents.
fn weight(fanout: &Fanout) -> usize {
    fanout.accounts.len() + fanout.intents.len()
}
