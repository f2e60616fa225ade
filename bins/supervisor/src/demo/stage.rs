use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context as _, Error};
use tokio::{
    sync::{Mutex, broadcast, mpsc},
    time::sleep,
};
use warden_bridge::Mt5Bridge;
use warden_bridge_sim::{Bars, FaultMix, Fleet as Simulated, FleetPlan, Market, Settings, World, WorldClock};
use warden_distribution::Symbol;
use warden_domain::{Desired, InstanceId, Login, Span, Timestamp, TradeServer};
use warden_policy::Params;
use warden_store::{Accounts, History, HotState, Journal, memory::MemoryHot};
use warden_store_duckdb::{Config as JournalFiles, DuckHistory, DuckJournal, Probe};
use warden_store_postgres::SqlAccounts;
use warden_supervisor::{
    Clock as _, Decision, Distribution, ExportConfig, ExportParts, Exporter, Fleet, InstanceSpec, Options,
    Ownership, Parts, View,
};

use super::{
    clock::StoppableClock,
    judge, ledger, stores,
    trader::{GROUP, Trader},
};
use crate::cli::Demo;

/// Everything that a demonstration runs on.
pub(crate) struct Stage {
    pub(crate) fleet: Fleet,
    pub(crate) simulated: Arc<Simulated>,
    pub(crate) journal: Arc<DuckJournal>,
    pub(crate) hot: MemoryHot,
    pub(crate) accounts: SqlAccounts,
    pub(crate) history: Arc<DuckHistory>,
    pub(crate) export: Exporter,
    pub(crate) clock: Arc<StoppableClock>,
    pub(crate) instances: Vec<InstanceId>,
    /// The newest journal row before the demonstration.
    pub(crate) first_seq: u64,
    pub(crate) started: Timestamp,
    pub(crate) trader: Trader,
    /// Whose account is whose.
    pub(crate) accounts_of: HashMap<(TradeServer, Login), InstanceId>,
    feed: Mutex<broadcast::Receiver<Decision>>,
    /// Removed with everything in it when it is dropped.
    pub(crate) temporary: tempfile::TempDir,
}

/// What may wait on the way from the simulated terminals.
const INBOUND: usize = 4_096;
/// How often something befalls a trade, by the fleet's time.
const TRADE_FAULTS: Span = Span::from_secs(10);
/// How often something is looked at until it is as it should be.
const LOOK: Duration = Duration::from_millis(20);

impl Stage {
    /// Sets the stage and raises the curtain.
    pub(crate) async fn set(demo: &Demo, seed: u64) -> Result<Self, Error> {
        let temporary = tempfile::tempdir().context("no temporary folder can be made; see TMPDIR")?;
        let folder = demo.folder.as_deref().unwrap_or(temporary.path());
        let journal = open_journal(folder.join("journal")).await?;
        let history = stores::history(temporary.path()).await?;
        let clock = Arc::new(StoppableClock::new(demo.speed));
        let started = clock.now();
        let plan = FleetPlan::demo(demo.fleet as usize, seed);
        let accounts = stores::accounts(temporary.path(), &plan).await?;
        let (said, inbound) = mpsc::channel(INBOUND);
        let simulated = Arc::new(simulate(&plan, seed, demo.speed, &clock, said));
        let hot = MemoryHot::default();
        let first_seq = journal.head().seq;
        let parts = Parts {
            instances: specs(&plan),
            params: Arc::new(Params::default()),
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            hot: Arc::new(hot.clone()) as Arc<dyn HotState>,
            accounts: Arc::new(accounts.clone()) as Arc<dyn Accounts>,
            history: Some(Arc::clone(&history) as Arc<dyn History>),
            bridge: Arc::clone(&simulated) as Arc<dyn Mt5Bridge>,
            inbound,
            ownership: Arc::new(Ownership::default()),
            clock: Arc::clone(&clock) as Arc<dyn warden_supervisor::Clock>,
            options: Options {
                owner: "demo".to_owned(),
                distribution: distribution()?,
                ..Options::default()
            },
        };
        let instances = parts.instances.iter().map(|spec| spec.id.clone()).collect();
        let accounts_of =
            plan.accounts.iter().map(|it| ((it.server.clone(), it.login), it.instance.clone())).collect();
        let servers = parts.instances.iter().map(|spec| (spec.id.clone(), spec.server.clone())).collect();
        let fleet = Fleet::start(parts).await?;
        let feed = Mutex::new(fleet.feed());
        let trader = Trader::start(fleet.distributor().clone(), Arc::clone(&clock));
        let export = Exporter::start(ExportParts {
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            history: Arc::clone(&history) as Arc<dyn History>,
            target: "demo".to_owned(),
            head: first_seq,
            known: None,
            servers: Arc::new(servers),
            folder: temporary.path().to_owned(),
            config: ExportConfig::default(),
            registry: fleet.registry().clone(),
            clock: Arc::clone(&clock) as Arc<dyn warden_supervisor::Clock>,
        })?;
        Ok(Self {
            fleet,
            simulated,
            journal,
            hot,
            accounts,
            history,
            export,
            clock,
            instances,
            first_seq,
            started,
            trader,
            accounts_of,
            feed,
            temporary,
        })
    }

    /// The next decision of the fleet.
    pub(crate) async fn decision(&self) -> Decision {
        let mut feed = self.feed.lock().await;
        loop {
            match feed.recv().await {
                Ok(decision) => return decision,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Ends every fault and brings everything to a standstill in a moment in which nothing is on its way: then supervisor
    /// and terminals have to agree. Answers the views of that moment.
    pub(crate) async fn come_to_rest(&self) -> Vec<View> {
        const TRIES: u32 = 20;
        self.trader.stop();
        self.simulated.with_world(|world, now| world.clear_faults(now));
        let mut left = TRIES;
        loop {
            self.agree().await;
            self.clock.stop();
            let views = self.quiet().await;
            left -= 1;
            if left == 0 || self.disagreeing(&views).await.is_empty() {
                return views;
            }
            self.clock.go_on();
        }
    }

    /// Who stands otherwise than the supervisor says, and how.
    pub(crate) async fn disagreeing(&self, views: &[View]) -> Vec<String> {
        let trades = self.fleet.trades(None).await;
        let of_each = |view: &View| {
            let truth = self.simulated.with_world(|world, _| world.truth(&view.instance));
            let mut faults = ledger::against_truth(view, &trades, truth.as_ref());
            faults.extend(judge::against_truth(view, truth.as_ref()));
            faults
        };
        views.iter().flat_map(of_each).collect()
    }

    /// Waits until supervisor and terminals agree while time goes on, but not for ever.
    async fn agree(&self) {
        const LOOKS: u32 = 100;
        for _ in 0..LOOKS {
            if self.disagreeing(&self.fleet.views().await).await.is_empty() {
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until nothing moves any more while time stands still, but not for ever: what still moves then is judged.
    async fn quiet(&self) -> Vec<View> {
        const SAME: u32 = 5;
        const LOOKS: u32 = 500;
        let stats = self.fleet.stats();
        let moved = || (stats.events.load(Ordering::Relaxed), stats.transitions.load(Ordering::Relaxed));
        let (mut last, mut same) = (moved(), 0);
        for _ in 0..LOOKS {
            sleep(LOOK).await;
            let present = moved();
            let still = present == last && stats.hot_backlog.load(Ordering::Relaxed) == 0;
            same = if still { same + 1 } else { 0 };
            last = present;
            if same == SAME {
                break;
            }
        }
        self.fleet.views().await
    }
}

async fn open_journal(folder: PathBuf) -> Result<Arc<DuckJournal>, Error> {
    let mut files = JournalFiles::new(folder);
    files.probe = Some(Probe::this_program(["probe-journal"]).context("the program cannot find itself")?);
    let opened = tokio::task::spawn_blocking(|| DuckJournal::open(files))
        .await
        .context("the journal was not opened")??;
    Ok(Arc::new(opened))
}

fn simulate(
    plan: &FleetPlan,
    seed: u64,
    speed: u32,
    clock: &Arc<StoppableClock>,
    said: mpsc::Sender<warden_bridge::Inbound>,
) -> Simulated {
    let market = Market::usual(Bars::eurusd(), seed);
    let mut world = World::new(plan, market, Settings::default(), seed, clock.now());
    let mix = FaultMix::demo(seed, world.roster());
    world.add_mix(mix);
    world.add_mix(FaultMix::trades(TRADE_FAULTS));
    let time = Arc::clone(clock);
    Simulated::in_process(world, WorldClock::new(move || time.now(), f64::from(speed)), said)
}

/// The symbol of the demonstration is watched from the start.
fn distribution() -> Result<Distribution, Error> {
    Ok(Distribution { symbols: vec![Symbol::new("EURUSD")?], ..Distribution::default() })
}

fn specs(plan: &FleetPlan) -> Vec<InstanceSpec> {
    let spec = |account: &warden_bridge_sim::AccountPlan| InstanceSpec {
        id: account.instance.clone(),
        login: Some(account.login),
        server: account.server.clone(),
        desired: Desired::Running,
        group: GROUP.to_owned(),
        rules: Arc::default(),
    };
    plan.accounts.iter().map(spec).collect()
}
