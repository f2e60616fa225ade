//! One seed, one run: start, trouble, healing, and the questions at the end.

mod act;
mod finish;
mod heal;
mod signals;
mod traffic;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::Instant;
use warden_bridge_sim::{Settings, World};
use warden_domain::{InstanceId, Timestamp};
use warden_policy::Params;
use warden_store::{
    Account, JournalId, Password,
    memory::{MemoryAccounts, MemoryHistory, MemoryHot, MemoryJournal},
};
use warden_supervisor::InstanceSpec;

use crate::{
    judge::{Judge, Violation, units},
    process::{Became, Process, Stores},
    rng::Rng,
    scenario::{Emphasis, Scenario},
    sim::{Life, Sim, Tally},
    trace::Log,
};

/// When every world begins.
const EPOCH: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// What one run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Things that happened: see the decision about the simulated world.
    pub steps: u64,
    /// Everything that happened, in order.
    pub trace_hash: u64,
    /// What may not be.
    pub violations: Vec<Violation>,
    /// Faults and deaths.
    pub tally: Tally,
    /// Everything that happened, one line each; empty unless it was asked for.
    pub log: Vec<String>,
}

/// Runs a seed; `log` says what becomes of its lines.
///
/// # Panics
/// When the operating system gives neither a timer nor a folder for temporary files.
#[must_use]
pub fn run(seed: u64, log: Log) -> Report {
    directed(|| Director::new(seed, log, |_| ()))
}

/// Runs a seed with a judge who believes in other numbers than the driver has.
#[cfg(feature = "mutants")]
pub(crate) fn believing(seed: u64, believed: fn(&mut Params)) -> Report {
    directed(|| Director::new(seed, Log::None, believed))
}

fn directed(director: impl FnOnce() -> Director) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing of the system");
    runtime.block_on(async { director().run().await })
}

/// Who lets things happen.
struct Director {
    seed: u64,
    sim: Arc<Sim>,
    rng: Rng,
    scenario: Scenario,
    specs: Vec<InstanceSpec>,
    stores: Stores,
    process: Option<Process>,
    began: Instant,
    /// When the next process starts, in milliseconds of the run.
    start_at: u64,
    /// When gateways dial: the instances that they serve.
    dials: BTreeSet<(u64, InstanceId)>,
    next_act: u64,
    /// Deaths that are still to come.
    deaths: Vec<(crate::Point, u32)>,
    /// What sources said.
    said: Vec<signals::Said>,
    /// The supervisor is to end and to be started again.
    draining: bool,
}

impl Director {
    fn new(seed: u64, log: Log, believed: fn(&mut Params)) -> Self {
        let scenario = Scenario::of(seed);
        let mut rules = Params::clone(&scenario.params);
        believed(&mut rules);
        let specs = scenario.specs();
        let world = World::new(&scenario.plan, scenario.market(seed), Settings::default(), seed, EPOCH);
        let mut judge = Judge::new(Arc::new(rules), &scenario.plan);
        for account in &scenario.plan.accounts {
            let Some(found) = world.truth(&account.instance) else { continue };
            // What a person opened by hand is all of one size.
            let volume = units(found.volume / found.positions.len().max(1) as f64);
            for (_, position) in found.positions {
                judge.books.found(account.login.number(), position, volume);
            }
        }
        let sim = Arc::new(Sim::new(seed, log, EPOCH, world, judge));
        let mut deaths = scenario.deaths.clone();
        deaths.reverse();
        Self {
            seed,
            rng: Rng::new(seed, "director"),
            stores: stores(seed, &scenario),
            scenario,
            specs,
            sim,
            process: None,
            began: Instant::now(),
            start_at: 0,
            dials: BTreeSet::new(),
            next_act: 3_000,
            deaths,
            said: Vec::new(),
            draining: false,
        }
    }

    async fn run(mut self) -> Report {
        let trouble_until = self.scenario.trouble_for;
        self.sim.state().weather = self.scenario.weather.clone();
        self.sim.state().cuts = self.scenario.emphasis == Emphasis::Cuts;
        self.live_until(trouble_until, true).await;
        if self.is_clean() {
            self.heal().await;
        }
        if self.is_clean() {
            self.finish().await;
        }
        self.report()
    }

    fn report(mut self) -> Report {
        if let Some(process) = self.process.take() {
            process.die();
        }
        let mut state = self.sim.state();
        Report {
            seed: self.seed,
            steps: state.trace.steps(),
            trace_hash: state.trace.hash(),
            violations: std::mem::take(&mut state.judge.violations),
            tally: std::mem::take(&mut state.tally),
            log: std::mem::take(&mut state.trace).into_lines(),
        }
    }

    fn is_clean(&self) -> bool {
        self.sim.state().judge.violations.is_empty()
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Lets things happen until a moment; `acts` says whether people and faults do something meanwhile.
    async fn live_until(&mut self, until: u64, acts: bool) {
        while self.is_clean() {
            self.look_after_process().await;
            self.traffic();
            self.redeliver();
            let now = self.millis();
            if acts && now >= self.next_act {
                self.act();
            }
            if now >= until {
                return;
            }
            let mut next = self.next_moment().min(until);
            if acts {
                next = next.min(self.next_act);
            }
            let sim = Arc::clone(&self.sim);
            tokio::select! {
                biased;
                () = sim.wake.notified() => {}
                () = tokio::time::sleep_until(self.began + Duration::from_millis(next)) => {}
            }
        }
    }

    /// When something happens by itself, in milliseconds of the run.
    fn next_moment(&self) -> u64 {
        let delivery = self.next_delivery().filter(|_| self.process.is_some());
        let state = self.sim.state();
        let world = state.world.next_event().map(|at| at.since(EPOCH).as_millis());
        let dial = self.dials.first().map(|(at, _)| *at);
        let start = self.process.is_none().then_some(self.start_at);
        let moments = [world, state.lines.next(), dial, start, delivery];
        moments.into_iter().flatten().min().unwrap_or(u64::MAX / 2).max(self.millis())
    }

    /// Buries the dead and starts the next.
    async fn look_after_process(&mut self) {
        if self.sim.state().life == Life::Dying {
            self.bury("died");
            // What was aborted is dropped when it is its turn.
            tokio::task::yield_now().await;
        }
        if std::mem::take(&mut self.draining) {
            self.drain().await;
        }
        let Some(process) = &mut self.process else {
            if self.millis() >= self.start_at {
                self.process = Some(Process::start(&self.sim, &self.scenario, &self.specs, &self.stores));
                let mut state = self.sim.state();
                if state.armed.is_none() {
                    state.armed = self.deaths.pop();
                }
            }
            return;
        };
        match process.look().await {
            Became::Starting => {}
            Became::Running => self.is_up(),
            Became::Failed(why) => {
                self.sim.state().step(format_args!("the start failed: {why}"));
                self.bury("could not start");
            }
        }
    }

    /// The process runs: the gateways find it.
    fn is_up(&mut self) {
        let mut state = self.sim.state();
        if state.life != Life::Starting {
            return;
        }
        state.life = Life::Running;
        let process = state.process;
        state.step(format_args!("process {process} runs"));
        drop(state);
        let now = self.millis();
        for spec in &self.specs {
            self.dials.insert((now + self.rng.below(1_500), spec.id.clone()));
        }
    }

    /// Ends the supervisor as a service manager does: what a store does not finish in time is left to the next start.
    async fn drain(&mut self) {
        let Some(process) = self.process.take_if(|process| process.fleet.is_some()) else { return };
        self.sim.state().fault("supervisor_restarted", format_args!(""));
        let drained = tokio::time::timeout(Duration::from_secs(30), process.drain()).await;
        self.sim.state().note(format_args!("drained: {drained:?}"));
        self.bury("was drained");
    }

    fn bury(&mut self, how: &str) {
        if let Some(process) = self.process.take() {
            process.die();
        }
        let wait = 50 + self.rng.below(4_000);
        self.start_at = self.millis() + wait;
        self.dials.clear();
        let mut state = self.sim.state();
        state.life = Life::Gone;
        state.lines.cut_all();
        state.step(format_args!("the process {how}; the next one starts in {wait} ms"));
    }
}

fn stores(seed: u64, scenario: &Scenario) -> Stores {
    let accounts = scenario.plan.accounts.iter().map(|account| {
        let stored = Account {
            login: account.login,
            server: account.server.clone(),
            password: Password::new(account.password.reveal().to_owned()),
            rejected: false,
        };
        (account.instance.clone(), stored)
    });
    // Nothing of a run is to outlive it, and a folder in memory syncs at once.
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    Stores {
        journal: Arc::new(MemoryJournal::named(JournalId(seed))),
        hot: MemoryHot::default(),
        accounts: MemoryAccounts::new(accounts).expect("the system has random bytes"),
        history: Arc::new(MemoryHistory::new()),
        folder: folder.expect("a folder for temporary files"),
    }
}
