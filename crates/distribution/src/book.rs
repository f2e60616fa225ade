use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use warden_domain::{ClientTradeId, InstanceId, Timestamp};

use crate::{AccountFacts, Fanout, Params, Refusal, Signal, plan};

/// The keys that are known, so that a signal that comes twice is planned once (TRD-4): data, bounded, without a clock.
///
/// # Expected flow
/// [`recover`](Self::recover) it at the start from the keys in the journal; [`plan`](Self::plan) for each signal that was
/// read; make what is new durable, each trade with key and [digest](Signal::digest) of its signal, and carry it out.
///
/// # Guarantees
/// - The same signal under the same key gives the plan that it gave first, marked as known, for
///   [`Params::keep_keys`] after it was first planned. After a restart it is planned only for the accounts that had not
///   accepted it.
/// - Another signal under a known key is refused for every account and changes nothing, also after a restart; delivered
///   again, it is no second duplicate.
/// - Not more than [`Params::most_keys`] keys are held, and not more than [`Params::most_plans`] accounts and intents; a
///   full book refuses new signals and never forgets a key early.
///
/// # Assumptions
/// The signals of all sources share their keys. One book sees every signal for an instance.
///
/// # Caveats
/// - A plan that was dropped for want of room leaves its key: its signal is refused from then on as
///   [no longer kept](Refusal::PlanDropped), which is safe, and the outcome is in the journal.
/// - What left no trade in the journal, such as a refusal or a withdrawal, is planned again after a restart, for as long
///   as the signal is valid.
#[derive(Clone, Debug, Default)]
pub struct Book {
    known: BTreeMap<ClientTradeId, Known>,
    /// The keys, oldest first.
    order: VecDeque<(Timestamp, ClientTradeId)>,
    /// How many of the oldest keys have no plan any more.
    dropped: usize,
    /// Accounts and intents of the plans that are held.
    held: usize,
}

/// A signal that is known.
#[derive(Clone, Debug)]
struct Known {
    digest: u64,
    plan: Kept,
    /// Of the other signals that came with its key, as far as they are remembered.
    others: Vec<u64>,
}

/// So many other signals with one key are remembered; those that follow count each time they come.
const OTHERS: usize = 16;

/// What is known of its plan.
#[derive(Clone, Debug)]
enum Kept {
    /// All of it.
    Plan(Arc<Fanout>),
    /// The instances that had accepted it before a restart, sorted.
    Accepted(Vec<InstanceId>),
    /// There was no room for it.
    Dropped,
}

/// What became of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an intent that is not carried out is lost"]
pub enum Planned {
    /// It is new, at least for some accounts: carry the plan out, after it is durable.
    New(
        /// Its plan.
        Arc<Fanout>,
    ),
    /// It came before: nothing is to be done, and this is what was.
    Known(
        /// The plan it got first.
        Arc<Fanout>,
    ),
    /// Another signal has its key (TRD-4), and comes for the first time: every account is refused.
    Repeated(
        /// The refusals.
        Arc<Fanout>,
    ),
    /// The room for keys and plans does not allow it, or it was refused as [`Repeated`](Self::Repeated) before: every
    /// account is refused, and nothing was noted.
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
            Self::New(fanout) | Self::Known(fanout) | Self::Repeated(fanout) | Self::Refused(fanout) => {
                fanout
            }
        }
    }
}

/// A signal that an instance had accepted before a restart, or refused as a duplicate, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its key.
    pub key: ClientTradeId,
    /// Its content: [`Signal::digest`].
    pub digest: u64,
    /// By which instance.
    pub instance: InstanceId,
    /// When.
    pub at: Timestamp,
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
        let refuse = |refusal| Arc::new(plan::refuse(signal, accounts, now, refusal));
        let digest = signal.digest();
        let full = self.known.len() >= params.most_keys as usize;
        match self.known.get_mut(&signal.key) {
            Some(known) if known.digest != digest => {
                let refused = refuse(Refusal::DuplicateKey);
                if known.remember(digest) { Planned::Repeated(refused) } else { Planned::Refused(refused) }
            }
            Some(Known { plan: Kept::Plan(fanout), .. }) => Planned::Known(Arc::clone(fanout)),
            Some(Known { plan: Kept::Dropped, .. }) => Planned::Refused(refuse(Refusal::PlanDropped)),
            Some(Known { plan: kept @ Kept::Accepted(_), .. }) => {
                let Kept::Accepted(accepted) = std::mem::replace(kept, Kept::Dropped) else {
                    unreachable!("it was matched a moment ago")
                };
                let fanout = Arc::new(plan::plan_but(signal, accounts, &accepted, now, params));
                if self.held + weight(&fanout) <= params.most_plans as usize {
                    *kept = Kept::Plan(Arc::clone(&fanout));
                    self.held += weight(&fanout);
                }
                Planned::New(fanout)
            }
            None if full => Planned::Refused(refuse(Refusal::BookFull)),
            None => {
                let fanout = Arc::new(plan::plan(signal, accounts, now, params));
                self.add(signal.key.clone(), now, Known::new(digest, Kept::Plan(Arc::clone(&fanout))));
                self.drop_plans(params);
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

    /// The book that these make, in whatever order they come; of several signals with one key the oldest counts, and the
    /// others are its duplicates. All of them are taken in, even above [`Params::most_keys`]: no key is forgotten by a restart.
    #[must_use]
    pub fn recover(accepted: impl IntoIterator<Item = Accepted>) -> Self {
        let mut accepted: Vec<Accepted> = accepted.into_iter().collect();
        accepted.sort_by(|one, other| (one.at, &one.key).cmp(&(other.at, &other.key)));
        let mut book = Self::default();
        for Accepted { key, digest, instance, at } in accepted {
            match book.known.get_mut(&key) {
                Some(Known { digest: first, plan: Kept::Accepted(instances), .. }) if *first == digest => {
                    if let Err(place) = instances.binary_search(&instance) {
                        instances.insert(place, instance);
                    }
                }
                Some(known) => {
                    known.remember(digest);
                }
                None => book.add(key, at, Known::new(digest, Kept::Accepted(vec![instance]))),
            }
        }
        book
    }

    fn add(&mut self, key: ClientTradeId, accepted_at: Timestamp, known: Known) {
        // A clock that went back must not put a newer key before an older one.
        let accepted_at = self.order.back().map_or(accepted_at, |(last, _)| accepted_at.max(*last));
        self.held += known.weight();
        self.order.push_back((accepted_at, key.clone()));
        self.known.insert(key, known);
    }

    /// Drops the oldest plans that there is no room for.
    fn drop_plans(&mut self, params: &Params) {
        while self.held > params.most_plans as usize && self.dropped < self.order.len() {
            let (_, oldest) = &self.order[self.dropped];
            if let Some(known) = self.known.get_mut(oldest)
                && matches!(known.plan, Kept::Plan(_))
            {
                self.held -= known.weight();
                known.plan = Kept::Dropped;
            }
            self.dropped += 1;
        }
    }

    fn expire(&mut self, now: Timestamp, params: &Params) {
        while let Some((accepted_at, key)) = self.order.front()
            && now.since(*accepted_at) >= params.keep_keys
        {
            if let Some(known) = self.known.remove(key) {
                self.held -= known.weight();
            }
            self.order.pop_front();
            self.dropped = self.dropped.saturating_sub(1);
        }
    }
}

impl Known {
    const fn new(digest: u64, plan: Kept) -> Self {
        Self { digest, plan, others: Vec::new() }
    }

    /// Remembers another signal with its key; answers whether it is the first time that it came.
    fn remember(&mut self, digest: u64) -> bool {
        let first = !self.others.contains(&digest);
        if first && self.others.len() < OTHERS {
            self.others.push(digest);
        }
        first
    }

    fn weight(&self) -> usize {
        match &self.plan {
            Kept::Plan(fanout) => weight(fanout),
            Kept::Accepted(_) | Kept::Dropped => 0,
        }
    }
}

/// What a plan counts as: its accounts and intents.
fn weight(fanout: &Fanout) -> usize {
    fanout.accounts.len() + fanout.intents.len()
}
