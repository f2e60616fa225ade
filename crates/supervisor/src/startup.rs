//! Start-up recovery (REC-4): journal ↔ hot state; the broker is asked by each session confirmation (SES-1).
//!
//! The journal is right about intents, transitions and counters. A hot state that is newer belongs to an owner with
//! another journal, or our journal lost its tail: it is taken over, and where it is of our own last epoch the conflict
//! is told (REC-2). The history is asked only where both know nothing (ACC-6), see [`rebuild`]:
//!
//! | journal | hot state              | history                           | the instance starts                          |
//! |---------|------------------------|-----------------------------------|----------------------------------------------|
//! | knows   | nothing, older, equal  | is not asked                      | as the journal says                          |
//! | knows   | newer                  | is not asked                      | as the hot state says                        |
//! | knows   | unreadable             | is not asked                      | as the journal says; the hot state is written anew |
//! | knows   | does not answer        | is not asked                      | as the journal says (NET-3)                  |
//! | nothing | knows                  | is not asked                      | as the hot state says                        |
//! | nothing | does not answer        | is not asked                      | as a new one: what is newer may be there (NET-3) |
//! | nothing | nothing, unreadable    | knows                             | as the history says, which may be some steps old |
//! | nothing | nothing, unreadable    | nothing                           | as a new one                                 |
//! | nothing | nothing, unreadable    | is silent, unreadable             | as a new one; a warning says what is lost    |
//!
//! Above all of them stands the accounts store, which is right about states that only a person ends: see [`absorbed`].

mod absorbed;
mod rebuild;

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustc_hash::FxHasher;
use tokio::{
    sync::{broadcast, mpsc},
    time::sleep,
};
use tracing::{info, warn};
use warden_bridge::Inbound;
use warden_domain::{Desired, Epoch, IncidentKind, InstanceId, OpId, Timestamp, TradeServer, Version};
use warden_policy::{
    Event, Instance, StateEvent, StateStoreEvent,
    broker::{BrokerState, Member},
    decode_state, decode_step,
    network::StateStore,
};
use warden_store::{Absorbed, AccountsError, History, HotError, Pending, Row, Snapshot, Stored};
use warden_telemetry::Registry;

use self::absorbed::Known;
use crate::{
    Fleet, FleetError, InstanceSpec, Parts, Stats,
    meters::Meters,
    shard::{
        Ending, Recovered, Server, Shard, Shared, Slot, Standing, Start, StoredAs, cut_off_since,
        trading::{TradeRows, Trading},
    },
};

/// Decisions that a slow reader of the feed may be behind.
const FEED: usize = 1_024;

/// How long an accounts store that does not answer at the start is left alone.
const AGAIN: Duration = Duration::from_secs(2);

pub(crate) async fn start(parts: Parts) -> Result<Fleet, FleetError> {
    unique(&parts.instances)?;
    let (feed, _) = broadcast::channel(FEED);
    let shared = Shared {
        params: parts.params,
        journal: parts.journal,
        hot: parts.hot,
        accounts: parts.accounts,
        bridge: parts.bridge,
        ownership: parts.ownership,
        clock: parts.clock,
        stats: Arc::new(Stats::default()),
        meters: Arc::new(Meters::new(Registry::default())),
        feed,
        options: parts.options,
        ending: Arc::new(AtomicBool::new(false)),
    };
    let found = recover(&shared, &parts.instances, parts.history.as_deref()).await?;
    let signals = Recovered::read(&parts.instances, &shared).await?;
    let shards = shared.options.shards.max(1);
    let mut groups: Vec<Group> = (0..shards).map(|_| Group::default()).collect();
    let mut of_instance = HashMap::with_capacity(found.instances.len());
    for found in found.instances {
        let shard = shard_of(&found.slot.server, shards);
        if found.slot.is_ours() {
            shared.ownership.own(found.slot.id.clone(), found.slot.epoch);
        } else {
            shared.stats.fenced.fetch_add(1, Ordering::Relaxed);
        }
        of_instance.insert(found.slot.id.clone(), shard);
        groups[shard].add(found);
    }
    Ok(run(&shared, groups, Arc::new(of_instance), found.store, parts.inbound, &signals))
}

/// An instance is one terminal bound to one account: each id and each account stands once.
fn unique(specs: &[InstanceSpec]) -> Result<(), FleetError> {
    let mut seen = HashSet::with_capacity(specs.len());
    if let Some(spec) = specs.iter().find(|spec| !seen.insert(&spec.id)) {
        return Err(FleetError::Twice(spec.id.clone()));
    }
    let mut owner = HashMap::with_capacity(specs.len());
    for spec in specs {
        // One that was destroyed has no account any more.
        let Some(login) = spec.login else { continue };
        if let Some(first) = owner.insert((login, &spec.server), &spec.id) {
            let (first, second) = (first.clone(), spec.id.clone());
            return Err(FleetError::SameAccount { first, second });
        }
    }
    Ok(())
}

/// What start-up found of everything.
struct Everything {
    instances: Vec<Found>,
    store: StateStore,
}

/// One instance and the events it begins with.
struct Found {
    slot: Slot,
    events: Vec<Event>,
}

async fn recover(
    shared: &Shared,
    specs: &[InstanceSpec],
    history: Option<&dyn History>,
) -> Result<Everything, FleetError> {
    let mut rows: HashMap<InstanceId, Row> =
        shared.journal.latest().await?.into_iter().map(|row| (row.instance.clone(), row)).collect();
    let mut journalled = Vec::with_capacity(specs.len());
    for spec in specs {
        journalled.push(rows.remove(&spec.id).map(|row| Journalled::read(&spec.id, &row)).transpose()?);
    }
    let ids: Vec<InstanceId> = specs.iter().map(|spec| spec.id.clone()).collect();
    let epochs = answered(|| shared.accounts.raise_epochs(&ids)).await?;
    // No former owner records anything from here on.
    let registered = answered(|| shared.accounts.registered()).await?;
    let mut ends: HashMap<InstanceId, Absorbed> =
        registered.into_iter().filter_map(|of| Some((of.instance, of.absorbed?))).collect();
    let (stored, store) = stored(shared, &ids, &epochs, &journalled).await;
    if let Some(history) = history {
        let within = shared.params.corrupted.rebuild_within;
        rebuild::fill_in(history, within, &ids, &epochs, &mut journalled, &stored).await;
    }
    let up = store.next_deadline().is_none();
    let mut trades = TradeRows::new(shared.journal.trades().await?);
    let (installation, now) = (shared.options.installation, shared.clock.now());
    let mut instances = Vec::with_capacity(specs.len());
    for (((spec, epoch), journalled), stored) in specs.iter().zip(epochs).zip(journalled).zip(stored) {
        let known = Known::of(spec, ends.remove(&spec.id), shared.clock.now());
        let knows_all = knows_all(epoch, journalled.as_ref());
        let mut found = reconcile(spec, epoch, known, journalled, stored, up);
        // The clock of a source may be ahead: the former owner took what was made a little later than its end.
        let ahead = shared.options.distribution.params.ahead;
        found.slot.knows_since = (!knows_all).then(|| now.after(ahead));
        let trading = trades.of(&spec.id, installation, now);
        found.slot.trading =
            trading.map_err(|source| FleetError::State { instance: spec.id.clone(), source })?;
        if found.slot.state.is_calm() {
            found.slot.trading.forget_troubles();
        }
        instances.push(found);
    }
    info!(instances = instances.len(), unknown = rows.len(), "recovered from the journal");
    Ok(Everything { instances, store })
}

/// Whether our journal knows every signal that the instance ever took: nobody owned it between the epoch of its newest step
/// and ours.
fn knows_all(epoch: Epoch, journalled: Option<&Journalled>) -> bool {
    match journalled {
        Some(row) => !row.rebuilt && row.epoch.next() == epoch,
        None => epoch <= Epoch::default().next(),
    }
}

/// Asks the accounts store until it answers: without an epoch no instance can be owned.
async fn answered<'a, T>(
    ask: impl Fn() -> Pending<'a, Result<T, AccountsError>>,
) -> Result<T, AccountsError> {
    loop {
        match ask().await {
            Err(fault @ AccountsError::Unreachable(_)) => {
                warn!(%fault, "the accounts store does not answer at the start; waiting for it");
                sleep(AGAIN).await;
            }
            answer => return answer,
        }
    }
}

/// What the hot-state store says of each instance, and how the store itself stands.
async fn stored(
    shared: &Shared,
    ids: &[InstanceId],
    epochs: &[Epoch],
    journalled: &[Option<Journalled>],
) -> (Vec<Hot>, StateStore) {
    match read_hot(shared, ids, epochs, journalled).await {
        Ok(stored) => (stored, StateStore::default()),
        Err(fault) => {
            warn!(%fault, rule = "NET-3", "the hot-state store does not answer at the start; the journal goes on");
            let attempts = journalled.iter().flatten().map(Journalled::store_attempts).max();
            let store = StateStore::resumed(attempts.unwrap_or(0), shared.clock.now());
            (ids.iter().map(|_| Hot::Unknown).collect(), store)
        }
    }
}

/// The newest journalled step of an instance.
struct Journalled {
    state: Instance,
    epoch: Epoch,
    version: Version,
    op: OpId,
    at: Timestamp,
    /// The journal that held it is gone: the history told of it.
    rebuilt: bool,
}

impl Journalled {
    fn read(instance: &InstanceId, row: &Row) -> Result<Self, FleetError> {
        let step = decode_step(&row.payload)
            .map_err(|source| FleetError::State { instance: instance.clone(), source })?;
        let Row { epoch, version, op, at, .. } = *row;
        Ok(Self { state: step.state, epoch, version, op, at, rebuilt: false })
    }

    /// The failed attempts to reach the hot-state store that the instance was told of (NET-3).
    fn store_attempts(&self) -> u8 {
        self.state.incident(IncidentKind::StateStoreLost).map_or(0, |incident| incident.attempt)
    }
}

/// What the hot-state store says of an instance.
enum Hot {
    /// The store does not answer.
    Unknown,
    /// A higher epoch owns the instance.
    NotOurs,
    /// The lease is ours, and this is stored.
    Holds(Stored),
    /// The instance has none any more (ACC-3), and so no lease.
    Removed,
}

impl Hot {
    /// The store was asked and has no state that could be gone on with.
    fn is_lost(&self) -> bool {
        match self {
            Self::Holds(Stored::Nothing | Stored::Corrupt(_)) => true,
            Self::Holds(Stored::State(snapshot, _)) => decode_state(&snapshot.state).is_err(),
            Self::Unknown | Self::NotOurs | Self::Removed => false,
        }
    }
}

async fn read_hot(
    shared: &Shared,
    ids: &[InstanceId],
    epochs: &[Epoch],
    journalled: &[Option<Journalled>],
) -> Result<Vec<Hot>, HotError> {
    shared.hot.check().await?;
    let removed: Vec<bool> =
        journalled.iter().map(|row| row.as_ref().is_some_and(|row| row.state.hot_state_removed())).collect();
    let leases: Vec<(InstanceId, Epoch)> = ids
        .iter()
        .cloned()
        .zip(epochs.iter().copied())
        .zip(&removed)
        .filter_map(|(lease, removed)| (!removed).then_some(lease))
        .collect();
    let ours = shared.hot.acquire(&leases, &shared.options.owner, shared.options.lease_ttl).await?;
    let leased: Vec<InstanceId> = leases.into_iter().map(|(id, _)| id).collect();
    let stored = shared.hot.load(&leased).await?;
    let mut held = ours
        .into_iter()
        .zip(stored)
        .map(|(ours, stored)| if ours { Hot::Holds(stored) } else { Hot::NotOurs });
    let each = removed.into_iter().map(|removed| if removed { None } else { held.next() });
    Ok(each.map(|held| held.unwrap_or(Hot::Removed)).collect())
}

/// Decides what an instance starts from; `up` says whether the hot-state store answers.
fn reconcile(
    spec: &InstanceSpec,
    epoch: Epoch,
    known: Known,
    row: Option<Journalled>,
    hot: Hot,
    up: bool,
) -> Found {
    let own = row.as_ref().map(|row| row.epoch);
    let mut from = row.map_or_else(Origin::default, Origin::journalled);
    let bare = matches!(hot, Hot::Holds(Stored::Nothing) | Hot::Removed);
    match hot {
        Hot::Unknown => from.stored = StoredAs::ToRestore,
        Hot::NotOurs => {
            warn!(instance = %spec.id, %epoch, "a higher epoch owns the instance in the hot-state store; it is not looked after here");
            from.stored = StoredAs::Fenced;
        }
        Hot::Removed => {}
        Hot::Holds(Stored::Nothing) if from.state.is_some() => from.stored = StoredAs::ToRestore,
        Hot::Holds(Stored::Nothing) => {}
        Hot::Holds(Stored::Corrupt(what)) => from.corrupted(&spec.id, &what),
        Hot::Holds(Stored::State(snapshot, projection)) => {
            from.stored = StoredAs::Version(snapshot.version, Some(projection));
            if snapshot.version > from.version {
                from.take_over(&spec.id, &snapshot, own == Some(snapshot.epoch));
            }
        }
    }
    let lost = |state: &Instance| state.incident(IncidentKind::StateStoreLost).is_some();
    if up && from.state.as_ref().is_some_and(lost) {
        from.events.insert(0, Event::StateStore(StateStoreEvent::Back));
    }
    found(spec, epoch, from, known, bare)
}

/// What an instance starts from.
struct Origin {
    state: Option<Instance>,
    version: Version,
    op: OpId,
    /// When the newest journalled step was decided.
    at: Option<Timestamp>,
    stored: StoredAs,
    taken_over: bool,
    events: Vec<Event>,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            state: None,
            version: Version(0),
            op: OpId(0),
            at: None,
            stored: StoredAs::Version(Version(0), None),
            taken_over: false,
            events: Vec::new(),
        }
    }
}

impl Origin {
    fn journalled(row: Journalled) -> Self {
        Self {
            state: Some(row.state),
            version: row.version,
            op: row.op,
            at: Some(row.at),
            taken_over: row.rebuilt,
            ..Self::default()
        }
    }

    fn corrupted(&mut self, instance: &InstanceId, what: &str) {
        warn!(%instance, what, rule = "ACC-6", "stored state is unreadable");
        self.stored = StoredAs::Unsettled;
        self.events.push(Event::State(StateEvent::Corrupted));
    }

    /// The hot state is newer than the journal: of another journal, or, at our own epoch, because ours lost its tail.
    ///
    /// The same state under a newer version is neither: the process before this one ended between a write that settled a
    /// conflict (REC-2) and its row.
    fn take_over(&mut self, instance: &InstanceId, snapshot: &Snapshot, own_epoch: bool) {
        let newer = match decode_state(&snapshot.state) {
            Ok(newer) => newer,
            Err(fault) => return self.corrupted(instance, &fault.to_string()),
        };
        let same = self.state.as_ref() == Some(&newer);
        warn!(%instance, stored = %snapshot.version, journalled = %self.version, own_epoch, same, "the hot state is newer than the journal; taking it over");
        self.state = Some(newer);
        self.version = snapshot.version;
        self.op = snapshot.op;
        self.taken_over = true;
        if own_epoch && !same {
            self.events.push(Event::State(StateEvent::Conflict));
        }
    }
}

/// `bare` says that the hot-state store was asked and holds nothing.
fn found(spec: &InstanceSpec, epoch: Epoch, from: Origin, known: Known, bare: bool) -> Found {
    let Origin { state, version, op, at, stored, taken_over, mut events } = from;
    let recovered = state.as_ref().map(|state| absorbed::Recovered { state, at });
    let overruled = known.overrules(recovered, bare);
    // The state goes on first, so that a corrupt copy of it is met by a resumed instance.
    match &state {
        Some(_) => events.insert(0, Event::Resume),
        None if spec.desired == Desired::Running && overruled.is_none() => events.insert(0, Event::Start),
        None => {}
    }
    let ending = match overruled {
        Some(event) => {
            warn!(instance = %spec.id, ?event, "the accounts store knows that the instance has ended; that holds");
            events.insert(0, event);
            Ending::known(known.recorded)
        }
        None => known.ending(recovered),
    };
    let state = state.unwrap_or_else(|| Instance::new(seed_of(&spec.id)));
    let slot = Slot {
        id: spec.id.clone(),
        login: spec.login,
        server: spec.server.clone(),
        server_index: 0,
        alerts: state.alerts(),
        state,
        epoch,
        version,
        op,
        stored,
        armed_at: Timestamp::MAX,
        dirty: false,
        locked: false,
        put_off: None,
        token: false,
        login_asked: None,
        taken_over,
        backlogged: false,
        ending,
        knows_since: None,
        trading: Trading::new(0, Timestamp::from_millis(0)),
        touched: false,
    };
    Found { slot, events }
}

/// Spreads the delays of the instances; the same for an instance at every start.
fn seed_of(id: &InstanceId) -> u32 {
    (hash_of(id.as_str()) >> 32) as u32
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// The instances of one trade server share a shard, so that BRK-5 is decided in one place.
fn shard_of(server: &TradeServer, shards: usize) -> usize {
    (hash_of(server.as_str()) % shards as u64) as usize
}

/// The instances of one shard.
#[derive(Default)]
struct Group {
    slots: Vec<Slot>,
    servers: Vec<Server>,
    index_of_server: HashMap<TradeServer, u32>,
    events: Vec<(u32, Event)>,
}

impl Group {
    fn add(&mut self, mut found: Found) {
        let servers = &mut self.servers;
        let server = *self.index_of_server.entry(found.slot.server.clone()).or_insert_with(|| {
            servers.push(Server::new(found.slot.server.clone()));
            u32::try_from(servers.len() - 1).expect("fewer than 2^32 trade servers")
        });
        found.slot.server_index = server;
        let counts = found.slot.is_ours() && Standing::of(&found.slot.state).is_running();
        self.servers[server as usize].running += u32::from(counts);
        let index = u32::try_from(self.slots.len()).expect("a shard holds fewer than 2^32 instances");
        self.events.extend(found.events.into_iter().map(|event| (index, event)));
        self.slots.push(found.slot);
    }

    /// The broker incidents that were open go on (REC-4).
    fn resume_broker_incidents(&mut self) {
        let mut members: Vec<Vec<_>> = self.servers.iter().map(|_| Vec::new()).collect();
        for (index, slot) in (0_u32..).zip(&self.slots).filter(|(_, slot)| slot.is_ours()) {
            if let Some(since) = cut_off_since(&slot.state) {
                let member = (Member(index), since, slot.state.positions() > 0, slot.state.is_held());
                members[slot.server_index as usize].push(member);
            }
        }
        for (server, members) in self.servers.iter_mut().zip(members) {
            server.broker = BrokerState::resumed(members.into_iter());
        }
    }
}

fn run(
    shared: &Shared,
    groups: Vec<Group>,
    of_instance: Arc<HashMap<InstanceId, usize>>,
    store: StateStore,
    inbound: mpsc::Receiver<Inbound>,
    signals: &Recovered,
) -> Fleet {
    let queue = shared.options.queue.max(1);
    let (inlets, outlets): (Vec<_>, Vec<_>) = groups.iter().map(|_| mpsc::channel(queue)).unzip();
    let (dispatcher, outlets) = if groups.len() == 1 {
        (None, vec![inbound])
    } else {
        (Some(tokio::spawn(dispatch(inbound, inlets, Arc::clone(&of_instance)))), outlets)
    };
    // Steps are named across owners: the high bits are drawn at each start, the low ones count.
    let mut op = (RandomState::new().build_hasher().finish() >> 40) << 40;
    let mut workers = Vec::new();
    for (mut group, inbound) in groups.into_iter().zip(outlets) {
        group.resume_broker_incidents();
        let (to_shard, internal) = mpsc::channel(queue);
        let signals = signals.of(&group.slots, shared);
        let start = Start {
            slots: group.slots,
            servers: group.servers,
            store,
            first_events: group.events,
            inbound,
            internal,
            first_op: OpId(op + 1),
            signals,
        };
        op = op.wrapping_add(1 << 36);
        workers.push((Shard::new(shared.clone(), start), to_shard));
    }
    Fleet::running(workers, of_instance, signals.groups(), shared, dispatcher)
}

/// Brings what gateways say to the shard of its instance; waits where a shard does not keep up.
async fn dispatch(
    mut inbound: mpsc::Receiver<Inbound>,
    shards: Vec<mpsc::Sender<Inbound>>,
    of_instance: Arc<HashMap<InstanceId, usize>>,
) {
    while let Some(message) = inbound.recv().await {
        let id = match &message {
            Inbound::Up { instance, .. }
            | Inbound::Down { instance }
            | Inbound::Report { instance, .. }
            | Inbound::Market { instance, .. } => instance,
            Inbound::Finished(finished) => &finished.instance,
        };
        // A stranger goes to the first shard, which counts it.
        let shard = of_instance.get(id).copied().unwrap_or(0);
        if shards[shard].send(message).await.is_err() {
            return;
        }
    }
}
