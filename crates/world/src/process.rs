use std::{collections::HashMap, path::Path, sync::Arc};

use tokio::{sync::mpsc, task::JoinHandle};
use warden_bridge::Inbound;
use warden_distribution::Symbol;
use warden_domain::{InstanceId, TradeServer, error_chain};
use warden_store::memory::{MemoryAccounts, MemoryHistory, MemoryHot, MemoryJournal};
use warden_supervisor::{
    Distribution, ExportConfig, ExportParts, Exporter, Fleet, FleetError, InstanceSpec, Options, Ownership,
    Parts,
};

use crate::{
    bridge::FaultyBridge,
    clock::SimClock,
    invariant::store::Attempts,
    ports::{FaultyAccounts, FaultyHistory, FaultyHot, FaultyJournal, Way},
    scenario::Scenario,
    sim::{Life, Sim},
    weather::Port,
};

/// What survives the death of a supervisor.
pub(crate) struct Stores {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) hot: MemoryHot,
    pub(crate) accounts: MemoryAccounts,
    pub(crate) history: Arc<MemoryHistory>,
    /// The data folder.
    pub(crate) folder: tempfile::TempDir,
}

/// One supervisor process: the real fleet and the real export, over ports of its own.
pub(crate) struct Process {
    pub(crate) number: u32,
    starting: Option<JoinHandle<Result<Fleet, FleetError>>>,
    pub(crate) fleet: Option<Arc<Fleet>>,
    pub(crate) inbound: mpsc::Sender<Inbound>,
    pub(crate) ownership: Arc<Ownership>,
    pub(crate) wishes: Vec<JoinHandle<()>>,
    export: Option<(Exporter, JoinHandle<()>)>,
}

/// What a process has become.
pub(crate) enum Became {
    Starting,
    Running,
    /// It could not start: a service manager starts another one.
    Failed(String),
}

impl Process {
    /// Starts the next process.
    pub(crate) fn start(
        sim: &Arc<Sim>,
        scenario: &Scenario,
        specs: &[InstanceSpec],
        stores: &Stores,
    ) -> Self {
        let (number, wall) = {
            let mut state = sim.state();
            state.process += 1;
            (state.hot, state.one_shard) = (Attempts::default(), scenario.shards == 1);
            state.life = Life::Starting;
            let number = state.process;
            let ahead = state.jumped;
            state.clocks.insert(number, ahead);
            state.step(format_args!("process {number} starts"));
            (number, state.wall())
        };
        let way = |port| Way { sim: Arc::clone(sim), port, process: number };
        let journal = Arc::new(FaultyJournal { way: way(Port::Journal), inner: Arc::clone(&stores.journal) });
        let history = Arc::new(FaultyHistory { way: way(Port::History), inner: Arc::clone(&stores.history) });
        let clock = Arc::new(SimClock::started_at(wall));
        let (inbound, outlet) = mpsc::channel(1_024);
        let ownership = Arc::new(Ownership::default());
        let parts = Parts {
            instances: specs.to_vec(),
            params: Arc::clone(&scenario.params),
            journal: journal.clone(),
            hot: Arc::new(FaultyHot { way: way(Port::Hot), inner: stores.hot.clone() }),
            accounts: Arc::new(FaultyAccounts { way: way(Port::Accounts), inner: stores.accounts.clone() }),
            history: scenario.with_history.then(|| history.clone() as Arc<dyn warden_store::History>),
            bridge: Arc::new(FaultyBridge { sim: Arc::clone(sim), process: number }),
            inbound: outlet,
            ownership: Arc::clone(&ownership),
            clock: clock.clone(),
            options: Options {
                shards: scenario.shards,
                batch: scenario.batch,
                distribution: Distribution { symbols: symbols(), ..Distribution::default() },
                ..Options::default()
            },
        };
        let woken = Arc::clone(sim);
        let starting = tokio::spawn(async move {
            let started = Fleet::start(parts).await;
            woken.wake.notify_one();
            started
        });
        let export =
            scenario.with_history.then(|| export(journal, history, clock, specs, stores.folder.path()));
        Self { number, starting: Some(starting), fleet: None, inbound, ownership, wishes: Vec::new(), export }
    }

    /// Looks whether it runs by now.
    pub(crate) async fn look(&mut self) -> Became {
        let Some(starting) = &mut self.starting else { return Became::Running };
        if !starting.is_finished() {
            return Became::Starting;
        }
        let started = starting.await;
        self.starting = None;
        match started {
            Ok(Ok(fleet)) => {
                self.fleet = Some(Arc::new(fleet));
                Became::Running
            }
            Ok(Err(fault)) => Became::Failed(error_chain(&fault)),
            Err(fault) => Became::Failed(fault.to_string()),
        }
    }

    /// Dies at once: nothing is finished, nothing is told.
    pub(crate) fn die(mut self) {
        if let Some(starting) = &self.starting {
            starting.abort();
        }
        for wish in self.wishes.drain(..) {
            wish.abort();
        }
        if let Some((_, task)) = self.export.take() {
            task.abort();
        }
    }

    /// Ends as a service manager asks it to.
    pub(crate) async fn drain(mut self) -> Result<(), String> {
        for wish in self.wishes.drain(..) {
            wish.abort();
            let _ = wish.await;
        }
        let drained = match self.fleet.take().map(Arc::try_unwrap) {
            Some(Ok(fleet)) => fleet.drain().await.map_err(|fault| error_chain(&fault)),
            Some(Err(_)) => Err("somebody still holds the fleet".to_owned()),
            None => Ok(()),
        };
        if let Some((exporter, task)) = self.export.take() {
            exporter.stop().await;
            task.abort();
        }
        drained
    }

    /// The newest row that the history has for certain; `None` where nothing is exported.
    pub(crate) fn exported(&self) -> Option<u64> {
        self.export.as_ref().map(|(exporter, _)| exporter.exported())
    }
}

fn symbols() -> Vec<Symbol> {
    ["EURUSD", "USDJPY"].into_iter().map(|name| Symbol::new(name).expect("letters")).collect()
}

fn export(
    journal: Arc<FaultyJournal>,
    history: Arc<FaultyHistory>,
    clock: Arc<SimClock>,
    specs: &[InstanceSpec],
    folder: &Path,
) -> (Exporter, JoinHandle<()>) {
    use warden_store::Journal as _;
    let servers: HashMap<InstanceId, TradeServer> =
        specs.iter().map(|spec| (spec.id.clone(), spec.server.clone())).collect();
    let config =
        ExportConfig { rows: 200, linger: warden_domain::Span::from_secs(10), ..ExportConfig::default() };
    let parts = ExportParts {
        head: journal.head().seq,
        journal,
        history,
        target: "the simulated world".to_owned(),
        known: None,
        servers: Arc::new(servers),
        folder: folder.to_owned(),
        config,
        registry: warden_telemetry::Registry::default(),
        clock,
    };
    let (exporter, task) = Exporter::prepare(parts).expect("the data folder is there and ours");
    (exporter, tokio::spawn(task))
}
