//! A whole fleet in one process over a journal on disk and a real Redis, with gateways that answer from a function.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::mpsc;
use warden_bridge::{
    Command, Envelope, Finished, Inbound, Mt5Bridge, Outcome, Report, SendError, SessionFacts,
};
use warden_distribution::{AccountRules, Symbol};
use warden_domain::{Desired, Epoch, InstanceId, Login, TradeServer};
use warden_policy::Params;
use warden_store::{Account, HotState, Journal, Password, memory::MemoryAccounts};
use warden_store_duckdb::{Config, DuckJournal};
use warden_supervisor::{Fleet, InstanceSpec, Options, Ownership, Parts, SystemClock};

use crate::policy::facts;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The symbol that every instance may trade.
pub const SYMBOL: &str = "EURUSD";
/// Instances of one trade server.
const PER_SERVER: usize = 1_000;

/// What the bench does with each command that leaves; called on the shard's thread.
pub type OnCommand = Box<dyn FnMut(Envelope) + Send>;

/// Gateways that hand every command to a function.
pub struct Gateways(Mutex<OnCommand>);

impl Mt5Bridge for Gateways {
    fn send(&self, envelope: Envelope) -> Result<(), SendError> {
        (self.0.lock().unwrap_or_else(PoisonError::into_inner))(envelope);
        Ok(())
    }
}

/// A running fleet and the way into it.
pub struct Rig {
    /// The fleet.
    pub fleet: Fleet,
    /// Its journal.
    pub journal: Arc<dyn Journal>,
    /// What the gateways say.
    pub inbound: mpsc::Sender<Inbound>,
    /// Its instances.
    pub ids: Vec<InstanceId>,
}

impl Rig {
    /// Starts a fleet of `count` instances that watches `symbols`; `on_command` gets every command with the way to answer it.
    ///
    /// # Errors
    /// When a store fails.
    pub async fn start(
        count: usize,
        folder: &Path,
        hot: Arc<dyn HotState>,
        symbols: Vec<Symbol>,
        on_command: impl FnOnce(mpsc::Sender<Inbound>) -> OnCommand,
    ) -> Result<Self, Fault> {
        let (inbound, outlet) = mpsc::channel(65_536);
        let journal: Arc<dyn Journal> = Arc::new(DuckJournal::open(Config::new(folder))?);
        let rules = rules();
        let instances: Vec<InstanceSpec> =
            (0..count).map(|index| spec(index, &rules)).collect::<Result<_, Fault>>()?;
        let ids: Vec<InstanceId> = instances.iter().map(|spec| spec.id.clone()).collect();
        let accounts = MemoryAccounts::new(instances.iter().map(account))?;
        let fleet = Fleet::start(Parts {
            instances,
            params: Arc::new(params()),
            journal: Arc::clone(&journal),
            hot,
            accounts: Arc::new(accounts),
            history: None,
            bridge: Arc::new(Gateways(Mutex::new(on_command(inbound.clone())))),
            inbound: outlet,
            ownership: Arc::new(Ownership::default()),
            clock: Arc::new(SystemClock::new(1)),
            options: options(symbols),
        })
        .await?;
        Ok(Self { fleet, journal, inbound, ids })
    }
}

fn options(symbols: Vec<Symbol>) -> Options {
    let mut options = Options::default();
    options.distribution.symbols = symbols;
    options
}

/// The rules' numbers, but logins are not throttled and nothing is given up: what is measured is the path.
#[must_use]
pub fn params() -> Params {
    let mut params = Params::default();
    params.login.server_rate = 1_000_000;
    params.login.server_burst = 1_000_000;
    params.recovery.failed = u8::MAX;
    params.incident.members = u32::MAX;
    params
}

/// What every account allows; its order-rate budget limits nothing.
fn rules() -> Arc<AccountRules> {
    Arc::new(AccountRules { orders_per_minute: 1_000_000, order_burst: 1_000_000, ..AccountRules::default() })
}

fn spec(index: usize, rules: &Arc<AccountRules>) -> Result<InstanceSpec, Fault> {
    Ok(InstanceSpec {
        id: id(index),
        login: Some(Login::new(5_000_000 + index as u64)?),
        server: server(index),
        desired: Desired::Running,
        group: String::new(),
        rules: Arc::clone(rules),
    })
}

/// The instance with this number, at most six digits long.
#[must_use]
pub fn id(index: usize) -> InstanceId {
    InstanceId::new(&format!("acct-{index:06}")).expect("letters and digits are a name")
}

/// The number of an instance.
#[must_use]
pub fn number(instance: &InstanceId) -> usize {
    instance.as_str()[5..].parse().expect("every instance has its number in its name")
}

/// The trade server of the instance with this number.
#[must_use]
pub fn server(index: usize) -> TradeServer {
    TradeServer::new(&format!("Broker-Live{}", index / PER_SERVER)).expect("letters and digits are a name")
}

/// Where the first `count` instances trade.
#[must_use]
pub fn servers(count: usize) -> Arc<HashMap<InstanceId, TradeServer>> {
    Arc::new((0..count).map(|index| (id(index), server(index))).collect())
}

fn account(spec: &InstanceSpec) -> (InstanceId, Account) {
    let password = Password::new("bench".to_owned());
    let login = spec.login.expect("no account of the bench is destroyed");
    (spec.id.clone(), Account { login, server: spec.server.clone(), password, rejected: false })
}

/// A gateway that comes up beside a terminal which does not run yet.
#[must_use]
pub fn gateway_up(instance: &InstanceId) -> Inbound {
    Inbound::Up { instance: instance.clone(), epoch: Epoch(0), report: Report::default() }
}

/// How a terminal that may trade stands.
#[must_use]
pub fn standing(connected: bool) -> Report {
    Report { terminal_alive: true, facts: facts(connected), positions: 0, detail: String::new() }
}

/// The command was done; a confirmation answers with the right session.
#[must_use]
pub fn done(envelope: &Envelope) -> Inbound {
    let outcome = if matches!(envelope.command, Command::Confirm) {
        let number = number(&envelope.instance);
        Outcome::Session(SessionFacts {
            login: 5_000_000 + number as u64,
            server: format!("Broker-Live{}", number / PER_SERVER),
            orders: Vec::new(),
            positions: Vec::new(),
        })
    } else {
        Outcome::Done
    };
    Inbound::Finished(Finished {
        instance: envelope.instance.clone(),
        id: envelope.id,
        outcome,
        facts: facts(true),
        detail: String::new(),
    })
}
