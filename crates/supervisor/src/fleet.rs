use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use thiserror::Error;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::{JoinHandle, JoinSet},
};
use warden_bridge::{Inbound, Mt5Bridge};
use warden_distribution::AccountRules;
use warden_domain::{Desired, InstanceId, Login, Span, StopMode, TradeServer};
use warden_policy::{Params, Refused};
use warden_store::{Accounts, AccountsError, History, HotState, Journal, JournalError};
use warden_telemetry::Registry;

use crate::{
    Clock, Decision, Distribution, Distributor, Ownership, Stats, View,
    shard::{Internal, Shard, Shared},
    startup,
};

/// One instance that a supervisor is to look after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSpec {
    /// Its id.
    pub id: InstanceId,
    /// The account that must be logged in (SES-1); `None` when it was destroyed (ACC-3).
    pub login: Option<Login>,
    /// The account's trade server.
    pub server: TradeServer,
    /// Whether an instance that was never run before is started.
    pub desired: Desired,
    /// The group it belongs to, by which signals and halts name it; empty when to none.
    pub group: String,
    /// What its account allows of signals, and how they are changed for it.
    pub rules: Arc<AccountRules>,
}

/// What a fleet is made of; every store and the bridge behind its port.
pub struct Parts {
    /// The instances.
    pub instances: Vec<InstanceSpec>,
    /// The numbers of the rules.
    pub params: Arc<Params>,
    /// The authority for intents, transitions and counters.
    pub journal: Arc<dyn Journal>,
    /// The projection for other services.
    pub hot: Arc<dyn HotState>,
    /// Accounts, credentials and owner epochs.
    pub accounts: Arc<dyn Accounts>,
    /// What instances are rebuilt from that neither the journal nor the hot state knows any more (ACC-6); asked at the
    /// start only. Without one they start as new ones.
    pub history: Option<Arc<dyn History>>,
    /// The way to the terminals.
    pub bridge: Arc<dyn Mt5Bridge>,
    /// What comes from the terminals.
    pub inbound: mpsc::Receiver<Inbound>,
    /// Who is asked whether an instance is ours; give the same to the bridge.
    pub ownership: Arc<Ownership>,
    /// The clock of the deadlines.
    pub clock: Arc<dyn Clock>,
    /// How the fleet is driven.
    pub options: Options,
}

/// How a fleet is driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Names this supervisor in leases and locks.
    pub owner: String,
    /// Shard workers; the instances of one trade server share one (BRK-5).
    pub shards: usize,
    /// Events taken into one batch at most.
    pub batch: usize,
    /// Internal messages that wait for a shard at most.
    pub queue: usize,
    /// How long a lease lives.
    pub lease_ttl: Span,
    /// How often leases are renewed.
    pub lease_renew: Span,
    /// Marks what is ours at the brokers: the upper 15 bits of MQL5 `magic`, 1 to 32,767. Never given to another
    /// installation that trades on the same accounts, and never changed while trades are open (TRD-8).
    pub installation: u16,
    /// How signals are distributed.
    pub distribution: Distribution,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            owner: "warden".to_owned(),
            shards: 1,
            batch: 1_024,
            queue: 4_096,
            lease_ttl: Span::from_secs(15),
            lease_renew: Span::from_secs(5),
            installation: 1,
            distribution: Distribution::default(),
        }
    }
}

/// What a person asks of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Run (LOG-1).
    Start,
    /// Stop (ACC-7).
    Stop(StopMode),
    /// Forget failures and connect again (LOG-7).
    Reset,
    /// The account is closed (ACC-3).
    ConfirmClosure,
    /// The stored credentials were changed (LOG-9).
    CredentialsChanged,
    /// No order leaves until a person lets trading go on (TRD-7).
    Halt,
    /// Let trading go on after a halt (TRD-7).
    Resume,
}

/// A running fleet.
///
/// # Expected flow
/// [`Fleet::start`], then any number of [`wish`](Fleet::wish)es and [`views`](Fleet::views), then
/// [`drain`](Fleet::drain). A fleet that is dropped instead ends at once and loses nothing: its journal is what the
/// next one starts from.
pub struct Fleet {
    shards: Vec<mpsc::Sender<Internal>>,
    of_instance: Arc<HashMap<InstanceId, usize>>,
    distributor: Distributor,
    shared: Shared,
    workers: JoinSet<Result<(), FleetError>>,
    dispatcher: Option<JoinHandle<()>>,
}

impl Fleet {
    /// Recovers every instance from what the stores hold, and begins to look after them.
    ///
    /// # Errors
    /// When the journal or the accounts cannot be read. An accounts store that does not answer is waited for. A hot-state
    /// store that does not answer is no error (NET-3), and neither is a history.
    pub async fn start(parts: Parts) -> Result<Self, FleetError> {
        startup::start(parts).await
    }

    pub(crate) fn running(
        workers: Vec<(Shard, mpsc::Sender<Internal>)>,
        of_instance: Arc<HashMap<InstanceId, usize>>,
        groups: HashMap<String, Vec<InstanceId>>,
        shared: &Shared,
        dispatcher: Option<JoinHandle<()>>,
    ) -> Self {
        let (mut shards, mut running) = (Vec::new(), JoinSet::new());
        for (shard, to_shard) in workers {
            shards.push(to_shard);
            running.spawn(shard.run());
        }
        let distributor = Distributor::new(&shards, Arc::clone(&of_instance), groups, shared);
        Self { shards, of_instance, distributor, shared: shared.clone(), workers: running, dispatcher }
    }

    /// Carries out what a person asks of an instance; answers when it is durable.
    ///
    /// # Errors
    /// When there is no such instance, the fleet has ended, or a rule forbids it.
    pub async fn wish(&self, instance: &InstanceId, wish: Wish) -> Result<(), WishError> {
        let shard = self.of_instance.get(instance).ok_or_else(|| WishError::Unknown(instance.clone()))?;
        let (answer, answered) = oneshot::channel();
        let wish = Internal::Wish { instance: instance.clone(), wish, answer };
        self.shards[*shard].send(wish).await.map_err(|_| WishError::Ended)?;
        answered.await.map_err(|_| WishError::Ended)?
    }

    /// Every instance as it stands, in the order of their ids.
    pub async fn views(&self) -> Vec<View> {
        let mut views = Vec::new();
        for shard in &self.shards {
            let (answer, answered) = oneshot::channel();
            if shard.send(Internal::Views(answer)).await.is_ok() {
                views.extend(answered.await.unwrap_or_default());
            }
        }
        views.sort_by(|a, b| a.instance.cmp(&b.instance));
        views
    }

    /// The way in for signals, halts and a person's word on a trade: it can be cloned, and used beside the fleet.
    #[must_use]
    pub const fn distributor(&self) -> &Distributor {
        &self.distributor
    }

    /// What the fleet has done so far.
    #[must_use]
    pub const fn stats(&self) -> &Arc<Stats> {
        &self.shared.stats
    }

    /// The metrics of the fleet and of its alerts, for [`serve_metrics`](crate::serve_metrics).
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.shared.meters.registry
    }

    /// The steps as they are decided; a reader that does not keep up misses some.
    #[must_use]
    pub fn feed(&self) -> broadcast::Receiver<Decision> {
        self.shared.feed.subscribe()
    }

    /// Finishes what is under way, gives the leases back and ends. The journal stays open: whoever made it closes it.
    ///
    /// What a store does not finish within one renewal of the leases is left to the next start, which repeats it.
    ///
    /// # Errors
    /// When a shard ended before, or ends now, because its journal does not take its rows.
    pub async fn drain(mut self) -> Result<(), FleetError> {
        self.shared.ending.store(true, Ordering::Release);
        for shard in &self.shards {
            // A shard that has ended says why below.
            let _ = shard.send(Internal::Drain).await;
        }
        let mut ended = Ok(());
        while let Some(worker) = self.workers.join_next().await {
            ended = ended.and(worker.unwrap_or(Err(FleetError::Panicked)));
        }
        ended
    }

    /// Waits until a shard ends by itself, which only a fault of the journal makes it do. The others go on until the
    /// fleet is drained or dropped.
    pub async fn ended(&mut self) -> FleetError {
        match self.workers.join_next().await {
            Some(Ok(Err(fault))) => fault,
            Some(Ok(Ok(())) | Err(_)) | None => FleetError::Panicked,
        }
    }
}

impl Drop for Fleet {
    /// The workers are aborted with their set.
    fn drop(&mut self) {
        if let Some(dispatcher) = &self.dispatcher {
            dispatcher.abort();
        }
    }
}

/// Why a fleet could not start, or ended.
#[derive(Debug, Error)]
pub enum FleetError {
    /// The journal cannot be used.
    #[error("the journal cannot be used; nothing is decided without it")]
    Journal(#[from] JournalError),
    /// The accounts store cannot be used.
    #[error("the accounts cannot be read; without an epoch no instance can be owned")]
    Accounts(#[from] AccountsError),
    /// A journalled state cannot be read.
    #[error("the journalled state of instance {instance} cannot be read")]
    State {
        /// Which instance.
        instance: InstanceId,
        /// What is wrong with it.
        #[source]
        source: warden_policy::DecodeError,
    },
    /// An instance stands in the configuration twice.
    #[error("instance {0} is configured twice; remove one")]
    Twice(InstanceId),
    /// Two instances have the same login on the same trade server: their terminals would trade one account, each without
    /// knowing of the other's orders.
    #[error(
        "instances {first} and {second} have the same account; remove one, or give it an account of its own"
    )]
    SameAccount {
        /// The one that stands first.
        first: InstanceId,
        /// The other one.
        second: InstanceId,
    },
    /// A worker panicked: this is our bug.
    #[error("a worker panicked; please report this with its log")]
    Panicked,
}

/// Why a wish was not carried out.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum WishError {
    /// There is no such instance.
    #[error("there is no instance {0}; see the list of instances")]
    Unknown(InstanceId),
    /// Another supervisor looks after it.
    #[error("instance {0} is looked after by another supervisor; ask that one")]
    Elsewhere(InstanceId),
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The fleet has ended.
    #[error("the supervisor is ending; try again when it runs")]
    Ended,
}
