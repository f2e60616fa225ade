//! Start-up recovery (REC-4): journal ↔ hot state; the broker is asked by each session confirmation (SES-1).
//!
//! The journal is right about intents, transitions and counters. A hot state that is newer belongs to an owner with
//! another journal, or our journal lost its tail: it is taken over, and where it is of our own last epoch the conflict
//! is told (REC-2).

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};

use rustc_hash::FxHasher;
use tokio::sync::{broadcast, mpsc};
use tracing::{info, warn};
use warden_bridge::Inbound;
use warden_domain::{Desired, Epoch, InstanceId, OpId, Timestamp, TradeServer, Version};
use warden_policy::{
    Event, Instance, StateEvent,
    broker::{BrokerState, Member},
    decode_state, decode_step,
    network::StateStore,
};
use warden_store::{HotError, Row, Snapshot, Stored};

use crate::{
    Fleet, FleetError, InstanceSpec, Parts, Stats,
    shard::{Server, Shard, Shared, Slot, Standing, Start, StoredAs, cut_off_since},
};

/// Decisions that a slow reader of the feed may be behind.
const FEED: usize = 1_024;

pub(crate) async fn start(parts: Parts) -> Result<Fleet, FleetError> {
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
        feed,
        options: parts.options,
    };
    let found = recover(&shared, &parts.instances).await?;
    let shards = shared.options.shards.max(1);
    let mut groups: Vec<Group> = (0..shards).map(|_| Group::default()).collect();
    let mut of_instance = HashMap::with_capacity(found.instances.len());
    for found in found.instances {
        let shard = shard_of(&found.slot.server, shards);
        shared.ownership.own(found.slot.id.clone(), found.slot.epoch);
        if of_instance.insert(found.slot.id.clone(), shard).is_some() {
            return Err(FleetError::Twice(found.slot.id));
        }
        groups[shard].add(found);
    }
    Ok(run(&shared, groups, of_instance, found.store, parts.inbound))
}

/// What start-up found of everything.
struct Recovered {
    instances: Vec<Found>,
    store: StateStore,
}

/// One instance and the events it begins with.
struct Found {
    slot: Slot,
    events: Vec<Event>,
}

async fn recover(shared: &Shared, specs: &[InstanceSpec]) -> Result<Recovered, FleetError> {
    let mut rows: HashMap<InstanceId, Row> =
        shared.journal.latest().await?.into_iter().map(|row| (row.instance.clone(), row)).collect();
    let ids: Vec<InstanceId> = specs.iter().map(|spec| spec.id.clone()).collect();
    let epochs = shared.accounts.raise_epochs(&ids).await?;
    let now = shared.clock.now();
    let (stored, store) = match read_hot(shared, &ids, &epochs).await {
        Ok(stored) => (stored, StateStore::default()),
        Err(fault) => {
            warn!(%fault, rule = "NET-3", "the hot-state store does not answer at the start; the journal goes on");
            (ids.iter().map(|_| Hot::Unknown).collect(), StateStore::resumed(0, now))
        }
    };
    let mut instances = Vec::with_capacity(specs.len());
    for ((spec, epoch), stored) in specs.iter().zip(epochs).zip(stored) {
        instances.push(reconcile(spec, epoch, rows.remove(&spec.id), stored)?);
    }
    info!(instances = instances.len(), unknown = rows.len(), "recovered from the journal");
    Ok(Recovered { instances, store })
}

/// What the hot-state store says of an instance.
enum Hot {
    /// The store does not answer.
    Unknown,
    /// A higher epoch owns the instance.
    NotOurs,
    /// The lease is ours, and this is stored.
    Holds(Stored),
}

async fn read_hot(shared: &Shared, ids: &[InstanceId], epochs: &[Epoch]) -> Result<Vec<Hot>, HotError> {
    shared.hot.check().await?;
    let leases: Vec<(InstanceId, Epoch)> = ids.iter().cloned().zip(epochs.iter().copied()).collect();
    let ours = shared.hot.acquire(&leases, &shared.options.owner, shared.options.lease_ttl).await?;
    let stored = shared.hot.load(ids).await?;
    let held = ours.into_iter().zip(stored);
    Ok(held.map(|(ours, stored)| if ours { Hot::Holds(stored) } else { Hot::NotOurs }).collect())
}

/// Decides what an instance starts from.
fn reconcile(spec: &InstanceSpec, epoch: Epoch, row: Option<Row>, hot: Hot) -> Result<Found, FleetError> {
    let mut from = match &row {
        Some(row) => {
            Origin { state: Some(read_row(&spec.id, row)?), version: row.version, ..Origin::default() }
        }
        None => Origin::default(),
    };
    match hot {
        Hot::Unknown => from.stored = StoredAs::ToRestore,
        Hot::NotOurs => from.stored = StoredAs::Fenced,
        Hot::Holds(Stored::Nothing) if from.state.is_some() => from.stored = StoredAs::ToRestore,
        Hot::Holds(Stored::Nothing) => {}
        Hot::Holds(Stored::Corrupt(what)) => from.corrupted(&spec.id, &what),
        Hot::Holds(Stored::State(snapshot, projection)) => {
            from.stored = StoredAs::Version(snapshot.version, Some(projection));
            if snapshot.version > from.version {
                let own = row.is_some_and(|row| row.epoch == snapshot.epoch);
                from.take_over(&spec.id, &snapshot, own);
            }
        }
    }
    Ok(found(spec, epoch, from))
}

/// What an instance starts from.
struct Origin {
    state: Option<Instance>,
    version: Version,
    stored: StoredAs,
    events: Vec<Event>,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            state: None,
            version: Version(0),
            stored: StoredAs::Version(Version(0), None),
            events: Vec::new(),
        }
    }
}

impl Origin {
    fn corrupted(&mut self, instance: &InstanceId, what: &str) {
        warn!(%instance, what, rule = "ACC-6", "stored state is unreadable");
        self.stored = StoredAs::Unsettled;
        self.events.push(Event::State(StateEvent::Corrupted));
    }

    /// The hot state is newer than the journal: of another journal, or, at our own epoch, because ours lost its tail.
    fn take_over(&mut self, instance: &InstanceId, snapshot: &Snapshot, own_epoch: bool) {
        match decode_state(&snapshot.state) {
            Ok(newer) => {
                warn!(%instance, stored = %snapshot.version, journalled = %self.version, own_epoch, "the hot state is newer than the journal; taking it over");
                self.state = Some(newer);
                self.version = snapshot.version;
                if own_epoch {
                    self.events.push(Event::State(StateEvent::Conflict));
                }
            }
            Err(fault) => self.corrupted(instance, &fault.to_string()),
        }
    }
}

fn read_row(instance: &InstanceId, row: &Row) -> Result<Instance, FleetError> {
    let step = decode_step(&row.payload)
        .map_err(|source| FleetError::State { instance: instance.clone(), source })?;
    Ok(step.state)
}

fn found(spec: &InstanceSpec, epoch: Epoch, from: Origin) -> Found {
    let Origin { state, version, stored, mut events } = from;
    // The state goes on first, so that a corrupt copy of it is met by a resumed instance.
    match &state {
        Some(_) => events.insert(0, Event::Resume),
        None if spec.desired == Desired::Running => events.insert(0, Event::Start),
        None => {}
    }
    let slot = Slot {
        id: spec.id.clone(),
        login: spec.login,
        server: spec.server.clone(),
        server_index: 0,
        state: state.unwrap_or_else(|| Instance::new(seed_of(&spec.id))),
        epoch,
        version,
        op: OpId(0),
        stored,
        armed_at: Timestamp::MAX,
        dirty: false,
        locked: false,
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
        self.servers[server as usize].running += u32::from(Standing::of(&found.slot.state).is_running());
        let index = u32::try_from(self.slots.len()).expect("a shard holds fewer than 2^32 instances");
        self.events.extend(found.events.into_iter().map(|event| (index, event)));
        self.slots.push(found.slot);
    }

    /// The broker incidents that were open go on (REC-4).
    fn resume_broker_incidents(&mut self) {
        for (server_index, server) in (0_u32..).zip(&mut self.servers) {
            let members = (0_u32..).zip(&self.slots).filter(|(_, slot)| slot.server_index == server_index);
            server.broker = BrokerState::resumed(members.filter_map(|(index, slot)| {
                let since = cut_off_since(&slot.state)?;
                Some((Member(index), since, slot.state.positions() > 0, slot.state.is_held()))
            }));
        }
    }
}

fn run(
    shared: &Shared,
    groups: Vec<Group>,
    of_instance: HashMap<InstanceId, usize>,
    store: StateStore,
    inbound: mpsc::Receiver<Inbound>,
) -> Fleet {
    let queue = shared.options.queue.max(1);
    let (inlets, outlets): (Vec<_>, Vec<_>) = groups.iter().map(|_| mpsc::channel(queue)).unzip();
    let (dispatcher, outlets) = if groups.len() == 1 {
        (None, vec![inbound])
    } else {
        (Some(tokio::spawn(dispatch(inbound, inlets, of_instance.clone()))), outlets)
    };
    // Steps are named across owners: the high bits are drawn at each start, the low ones count.
    let mut op = (RandomState::new().build_hasher().finish() >> 40) << 40;
    let mut workers = Vec::new();
    for (mut group, inbound) in groups.into_iter().zip(outlets) {
        group.resume_broker_incidents();
        let (to_self, internal) = mpsc::channel(queue);
        let start = Start {
            slots: group.slots,
            servers: group.servers,
            store,
            first_events: group.events,
            inbound,
            internal,
            to_self: to_self.clone(),
            first_op: OpId(op + 1),
        };
        op = op.wrapping_add(1 << 36);
        workers.push((Shard::new(shared.clone(), start), to_self));
    }
    Fleet::running(workers, of_instance, Arc::clone(&shared.stats), shared.feed.clone(), dispatcher)
}

/// Brings what gateways say to the shard of its instance; waits where a shard does not keep up.
async fn dispatch(
    mut inbound: mpsc::Receiver<Inbound>,
    shards: Vec<mpsc::Sender<Inbound>>,
    of_instance: HashMap<InstanceId, usize>,
) {
    while let Some(message) = inbound.recv().await {
        let id = match &message {
            Inbound::Up { instance, .. } | Inbound::Down { instance } | Inbound::Report { instance, .. } => {
                instance
            }
            Inbound::Finished(finished) => &finished.instance,
        };
        // A stranger goes to the first shard, which counts it.
        let shard = of_instance.get(id).copied().unwrap_or(0);
        if shards[shard].send(message).await.is_err() {
            return;
        }
    }
}
