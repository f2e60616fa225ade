use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};
use warden_bridge::CommandId;
use warden_bridge_sim::World;
use warden_domain::{InstanceId, Price, Timestamp};

use crate::{
    clock::shifted,
    invariant::store::Attempts,
    judge::Judge,
    lines::Lines,
    point::Point,
    rng::Rng,
    trace::{Log, Trace},
    weather::Weather,
};

/// What all parts of one run share: the world, the lines to it, the judge, and what is to go wrong.
///
/// Everything runs on one thread; the lock is there because ports must be `Sync`, and is never held over an `await`.
#[derive(Debug)]
pub(crate) struct Sim {
    state: Mutex<State>,
    /// Something happened that the director has to look at.
    pub(crate) wake: Notify,
}

#[derive(Debug)]
pub(crate) struct State {
    began: Instant,
    epoch: Timestamp,
    /// What jumps of the wall clock came to so far, in milliseconds.
    pub(crate) jumped: i64,
    /// What its jumps back came to, in milliseconds.
    pub(crate) set_back: u64,
    pub(crate) trace: Trace,
    pub(crate) tally: Tally,
    pub(crate) weather: Weather,
    pub(crate) chance: Rng,
    /// Which supervisor process lives, from 1; ports of an older one never answer again.
    pub(crate) process: u32,
    pub(crate) life: Life,
    /// By how many milliseconds the clock of each process is ahead of the world's.
    pub(crate) clocks: BTreeMap<u32, i64>,
    /// Where the process is to die, and how many chances it lets pass before.
    pub(crate) armed: Option<(Point, u32)>,
    pub(crate) world: World,
    pub(crate) lines: Lines,
    pub(crate) judge: Judge,
    /// The hot-state store as the living process tries to reach it (NET-3).
    pub(crate) hot: Attempts,
    /// Orders are cut off on their way.
    pub(crate) cuts: bool,
    /// Whose connections are to be cut now.
    pub(crate) to_cut: Vec<InstanceId>,
    /// Which process asked for what a command names, the newest that reached the gateway.
    pub(crate) asked: BTreeMap<(InstanceId, CommandId), u32>,
    /// The process has one shard.
    pub(crate) one_shard: bool,
    /// Orders that gateways took and said nothing of yet.
    pub(crate) under_way: u32,
    /// The signals that were answered.
    pub(crate) answered: BTreeSet<String>,
    /// The last prices that gateways told, bid, ask and point, by symbol.
    pub(crate) quotes: BTreeMap<String, (Price, Price, Price)>,
}

/// How the supervisor process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// There is none.
    Gone,
    /// It reads its stores.
    Starting,
    /// It looks after its instances.
    Running,
    /// It has just died: nothing that it does from here on happened.
    Dying,
}

/// What was done and hit, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Faults by their kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Deaths of the supervisor by the point they hit.
    pub points: BTreeMap<Point, u64>,
}

impl Tally {
    pub(crate) fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// Takes in what another run counted.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (point, count) in &other.points {
            *self.points.entry(*point).or_default() += count;
        }
    }
}

impl Sim {
    pub(crate) fn new(seed: u64, log: Log, epoch: Timestamp, world: World, judge: Judge) -> Self {
        let instances = world.instances().cloned().collect::<Vec<_>>();
        let state = State {
            began: Instant::now(),
            epoch,
            jumped: 0,
            set_back: 0,
            trace: Trace::new(log),
            tally: Tally::default(),
            weather: Weather::default(),
            chance: Rng::new(seed, "ports"),
            process: 0,
            life: Life::Gone,
            clocks: BTreeMap::new(),
            armed: None,
            world,
            lines: Lines::new(&instances),
            judge,
            hot: Attempts::default(),
            cuts: false,
            to_cut: Vec::new(),
            asked: BTreeMap::new(),
            one_shard: false,
            under_way: 0,
            answered: BTreeSet::new(),
            quotes: BTreeMap::new(),
        };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }

    /// Lets the director look at what happened.
    pub(crate) fn woken(sim: &Arc<Self>) {
        sim.wake.notify_one();
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic of the supervisor is a violation of its own and ends the run.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process dies here, if it is to: nothing more of it happens.
    pub(crate) fn dies_at(&self, state: &mut State, points: &[Point]) -> bool {
        let Some((armed, left)) = state.armed.filter(|(armed, _)| points.contains(armed)) else {
            return false;
        };
        if !state.lives(state.process) {
            return false;
        }
        if left > 0 {
            state.armed = Some((armed, left - 1));
            return false;
        }
        state.armed = None;
        *state.tally.points.entry(armed).or_default() += 1;
        state.step(format_args!("the supervisor dies at {armed}"));
        state.life = Life::Dying;
        self.wake.notify_one();
        true
    }
}

impl State {
    /// Milliseconds since the run began.
    pub(crate) fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The present moment of the world: true time, which never jumps.
    pub(crate) fn now(&self) -> Timestamp {
        shifted(self.epoch, self.began.elapsed())
    }

    /// What a wall clock shows.
    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp::from_millis(self.now().as_millis().saturating_add(self.jumped))
    }

    pub(crate) fn step(&mut self, what: fmt::Arguments<'_>) {
        let at = self.millis();
        self.trace.step(at, what);
    }

    pub(crate) fn note(&mut self, what: fmt::Arguments<'_>) {
        let at = self.millis();
        self.trace.note(at, what);
    }

    pub(crate) fn fault(&mut self, kind: &'static str, what: fmt::Arguments<'_>) {
        self.tally.fault(kind);
        self.step(format_args!("fault {kind}: {what}"));
    }

    /// Whether this process still lives.
    pub(crate) fn lives(&self, process: u32) -> bool {
        self.process == process && matches!(self.life, Life::Starting | Life::Running)
    }
}
