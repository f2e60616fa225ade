//! Puts the parts of a supervisor together.

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, Error};
use tokio::sync::{mpsc, watch};
use warden_bridge::{
    Refused,
    server::{Admission, Admitted, BindError, Listener, Listening, ServerConfig, ServerHandle},
};
use warden_domain::{Epoch, InstanceId};
use warden_store::{HotState, Journal, SignalStream, memory::MemoryHot};
use warden_store_duckdb::{Config as JournalFiles, DuckHistory, DuckJournal, Probe};
use warden_store_redis::{KeyStyle, RedisConfig as RedisLink, RedisHot, RedisSignals};
use warden_supervisor::{
    Clock, ExportConfig, ExportParts, Exporter, Fleet, Ownership, Parts, SystemClock,
    config::{Auth, Config, JournalConfig, ListenConfig, Loaded, Places, RedisConfig, TradingConfig},
    control::{About, Desk, Limits, Question, Server},
    signals::Intake,
};

use super::scrape::{self, Scrape};
use crate::stores;

/// A supervisor that runs.
pub(crate) struct Running {
    pub(crate) fleet: Fleet,
    pub(crate) desk: Desk,
    pub(crate) export: Exporter,
    /// The history where it is a file, which forgets nothing by itself.
    pub(crate) history: Option<Arc<DuckHistory>>,
    pub(crate) control: Server,
    pub(crate) questions: mpsc::Receiver<Question>,
    pub(crate) listener: ServerHandle,
    pub(crate) address: SocketAddr,
    pub(crate) scrape: Option<Scrape>,
    /// The reader of the stream of signals.
    pub(crate) intake: Option<Intake>,
}

/// Opens everything that a configuration names and starts the fleet.
pub(crate) async fn assemble(loaded: Loaded) -> Result<Running, Error> {
    loaded.make_data_folder()?;
    // First of all: it tells whether a supervisor runs here already.
    let (control, questions) = Server::listen(&loaded.config.supervisor.control, Limits::default())?;
    let accounts = stores::accounts(&loaded).await?;
    let Loaded { config, redis_auth, history_auth, places, .. } = loaded;
    let registered = stores::registered(accounts.as_ref()).await?;
    let instances = config.specs(&registered, &places)?;
    let journal = open_journal(&config.supervisor.journal(), &config.journal).await?;
    let history = stores::history(&config, history_auth.as_ref(), &places).await?;
    let head = journal.head().seq;
    let known = history.known(journal.id(), head).await?;
    let link = config.redis.as_ref().map(|redis| redis_link(redis, redis_auth));
    let hot = connect_hot(link.clone(), &places).await?;
    let signals = connect_signals(link, &config.trading, &places).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(1));
    let ownership = Arc::new(Ownership::default());
    let (said, inbound) = mpsc::channel(config.supervisor.options.queue);
    let (started, waiting) = watch::channel(false);
    let admission = Arc::new(Door { ownership: Arc::clone(&ownership), started: waiting });
    let Listening { bridge, address, server } =
        Listener::bind(server_config(&config.listen), admission, said)
            .await
            .map_err(|fault| in_use(&places, fault))?;
    let endpoint = scrape::bind(&config.listen, &places).await?;
    let desk = Desk {
        about: about(&config, address, clock.as_ref()),
        journal: Arc::clone(&journal),
        clock: Arc::clone(&clock),
        stop: config.params.stop.mode,
    };
    let servers = instances.iter().map(|it| (it.id.clone(), it.server.clone())).collect();
    let parts = Parts {
        instances,
        params: Arc::new(config.params),
        journal: Arc::clone(&journal),
        hot,
        accounts,
        history: Some(Arc::clone(&history.history)),
        bridge: Arc::new(bridge.clone()),
        inbound,
        ownership,
        clock: Arc::clone(&clock),
        options: config.supervisor.options,
    };
    let fleet = Fleet::start(parts).await?;
    let intake =
        signals.map(|stream| Intake::start(stream, fleet.distributor().clone(), config.trading.intake));
    started.send_replace(true);
    let export = Exporter::start(ExportParts {
        journal,
        history: history.history,
        target: history.name,
        head,
        known,
        servers: Arc::new(servers),
        folder: config.supervisor.data_folder,
        config: ExportConfig {
            rows: config.history.rows,
            linger: config.history.linger,
            ..ExportConfig::default()
        },
        registry: fleet.registry().clone(),
        clock,
    })?;
    let scrape = endpoint.map(|endpoint| scrape::serve(endpoint, fleet.registry().clone(), bridge));
    let history = history.file;
    let listener = server;
    Ok(Running { fleet, desk, export, history, control, questions, listener, address, scrape, intake })
}

fn about(config: &Config, address: SocketAddr, clock: &dyn Clock) -> About {
    About {
        name: config.supervisor.options.owner.clone(),
        release: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        gateways: address.to_string(),
        since: clock.now(),
    }
}

async fn open_journal(folder: &Path, config: &JournalConfig) -> Result<Arc<dyn Journal>, Error> {
    let mut files = JournalFiles::new(folder);
    files.queue = NonZeroU32::new(config.queue).unwrap_or(files.queue);
    files.linger = config.linger.into();
    files.probe = Some(Probe::this_program(["probe-journal"]).context("the program cannot find itself")?);
    let opened = tokio::task::spawn_blocking(|| DuckJournal::open(files))
        .await
        .context("the journal was not opened")??;
    Ok(Arc::new(opened))
}

fn redis_link(config: &RedisConfig, auth: Option<Auth>) -> RedisLink {
    let mut link = RedisLink::new(config.url.clone());
    link.key_style = if config.cluster { KeyStyle::Cluster } else { KeyStyle::Single };
    link.command_timeout = config.timeout;
    if let Some(auth) = auth {
        link.username = auth.user;
        link.password = Some(auth.password);
    }
    link
}

/// The stream of signals, where it is to be read.
async fn connect_signals(
    link: Option<RedisLink>,
    config: &TradingConfig,
    places: &Places,
) -> Result<Option<Arc<dyn SignalStream>>, Error> {
    let (Some(link), Some(subscription)) = (link, &config.subscription) else { return Ok(None) };
    let stream = RedisSignals::connect(&link, subscription.clone()).await;
    let stream = stream.map_err(|fault| places.fault("trading.stream", fault.to_string()))?;
    Ok(Some(Arc::new(stream)))
}

async fn connect_hot(link: Option<RedisLink>, places: &Places) -> Result<Arc<dyn HotState>, Error> {
    let Some(link) = link else {
        tracing::warn!(
            "no [redis] is configured: hot state lives in memory and other services see nothing of it"
        );
        return Ok(Arc::new(MemoryHot::default()));
    };
    let hot = RedisHot::connect(link).await.map_err(|fault| places.fault("redis.url", fault.to_string()))?;
    Ok(Arc::new(hot))
}

/// An address that cannot be listened on is a fault of its line.
fn in_use(places: &Places, fault: BindError) -> Error {
    match fault {
        BindError::Address { address, source } => {
            let what =
                format!("{address} cannot be listened on: {source}; choose a free port of this machine");
            places.fault("listen.gateways", what).into()
        }
        fault @ BindError::Config(_) => fault.into(),
    }
}

fn server_config(config: &ListenConfig) -> ServerConfig {
    let mut server = ServerConfig::new(config.gateways);
    server.heartbeat_interval = config.heartbeat;
    server.heartbeat_timeout = config.heartbeat_timeout;
    server.sessions = NonZeroU32::new(config.sessions).unwrap_or(server.sessions);
    server.queue = NonZeroUsize::new(config.queue as usize).unwrap_or(server.queue);
    server
}

/// Lets gateways wait until the fleet is recovered, so that none is told that its instance is unknown meanwhile.
struct Door {
    ownership: Arc<Ownership>,
    started: watch::Receiver<bool>,
}

impl Admission for Door {
    fn admit<'a>(&'a self, instance: &'a InstanceId, highest_seen: Epoch) -> Admitted<'a> {
        let mut started = self.started.clone();
        Box::pin(async move {
            started.wait_for(|started| *started).await.map_err(|_| Refused::Unavailable)?;
            self.ownership.admit(instance, highest_seen).await
        })
    }
}
