use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, Weak},
    time::Duration,
};

use tokio::sync::mpsc;
use warden_bridge::{
    Command, Envelope, Finished, Inbound, Mt5Bridge, Outcome, Report, SendError, message::SessionFacts,
};
use warden_domain::{AccountFlags, Epoch, Facts, InstanceId, JournalLine, TerminalFlags, Timestamp};
use warden_store::{Journal as _, memory::MemoryHot};
use warden_supervisor::{Clock as _, InstanceSpec};

use super::{FaultyJournal, Floor, PausedClock};

/// How long a gateway takes to answer.
pub(crate) const LATENCY: Duration = Duration::from_millis(100);

/// Gateways that record what they are asked, and answer as each is told to.
pub(crate) struct Gateways {
    clock: Arc<PausedClock>,
    journal: Arc<FaultyJournal>,
    hot: MemoryHot,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    inbound: Option<mpsc::Sender<Inbound>>,
    terminals: HashMap<InstanceId, Terminal>,
    sent: Vec<Sent>,
    full: bool,
}

/// One command, and how the stores stood when it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) envelope: Envelope,
    pub(crate) head: u64,
    pub(crate) snapshot: Option<String>,
}

/// How a gateway answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Everything succeeds.
    Well,
    /// No command is ever answered.
    Silent,
    /// The broker refuses the login.
    Refuses,
    /// The broker cannot be reached.
    Unreachable,
    /// The terminal does not start.
    Broken,
}

#[derive(Clone, Debug)]
struct Terminal {
    login: u64,
    server: String,
    manner: Manner,
    served: bool,
    alive: bool,
    connected: bool,
    positions: u32,
    floor: Floor,
    /// What is watched was told so often; the newest telling goes on.
    watches: u64,
    /// The next telling is lost on its way.
    loses_watch: bool,
}

impl Gateways {
    pub(crate) fn new(
        specs: &[InstanceSpec],
        clock: Arc<PausedClock>,
        journal: Arc<FaultyJournal>,
        hot: MemoryHot,
    ) -> Self {
        let terminals = specs.iter().map(|spec| (spec.id.clone(), Terminal::of(spec))).collect();
        let inner = Inner { inbound: None, terminals, sent: Vec::new(), full: false };
        Self { clock, journal, hot, inner: Arc::new(Mutex::new(inner)) }
    }

    /// Changes, or looks at, what is behind a terminal.
    pub(crate) fn floor<T>(&self, instance: &InstanceId, change: impl FnOnce(&mut Floor) -> T) -> T {
        self.with(instance, |terminal| change(&mut terminal.floor))
    }

    /// Account and symbols moved: the gateway says so.
    pub(crate) async fn tell_market(&self, instance: &InstanceId) {
        let market = Box::new(self.with(instance, |terminal| terminal.floor.market()));
        self.say(Inbound::Market { instance: instance.clone(), market }).await;
    }

    /// From now on everything is told to this supervisor.
    pub(crate) fn serve(&self, inbound: mpsc::Sender<Inbound>) {
        self.lock().inbound = Some(inbound);
    }

    /// The supervisor is gone: no gateway is connected to one any more.
    pub(crate) fn cut(&self) {
        let mut inner = self.lock();
        inner.inbound = None;
        inner.terminals.values_mut().for_each(|terminal| terminal.served = false);
    }

    pub(crate) async fn connect_all(&self) {
        let mut ids: Vec<InstanceId> = self.lock().terminals.keys().cloned().collect();
        ids.sort();
        for id in ids {
            self.connect(&id).await;
        }
    }

    /// The gateway of an instance dials in.
    pub(crate) async fn connect(&self, instance: &InstanceId) {
        let report = self.with(instance, |terminal| {
            terminal.served = true;
            terminal.report()
        });
        self.say(Inbound::Up { instance: instance.clone(), epoch: Epoch(0), report }).await;
    }

    pub(crate) async fn disconnect(&self, instance: &InstanceId) {
        self.with(instance, |terminal| terminal.served = false);
        self.say(Inbound::Down { instance: instance.clone() }).await;
    }

    /// The terminal loses its connection to the broker.
    pub(crate) async fn drop_connection(&self, instance: &InstanceId) {
        self.with(instance, |terminal| terminal.connected = false);
        self.report(instance).await;
    }

    pub(crate) async fn crash(&self, instance: &InstanceId) {
        self.with(instance, |terminal| (terminal.alive, terminal.connected) = (false, false));
        self.report(instance).await;
    }

    pub(crate) async fn hold_positions(&self, instance: &InstanceId, positions: u32) {
        self.with(instance, |terminal| terminal.positions = positions);
        self.report(instance).await;
    }

    /// A heartbeat.
    pub(crate) async fn report(&self, instance: &InstanceId) {
        let report = self.with(instance, |terminal| terminal.report());
        self.say(Inbound::Report { instance: instance.clone(), report }).await;
    }

    pub(crate) async fn say(&self, message: Inbound) {
        let inbound = self.lock().inbound.clone();
        inbound.expect("a supervisor is served").send(message).await.expect("the supervisor listens");
    }

    pub(crate) fn behave(&self, instance: &InstanceId, manner: Manner) {
        self.with(instance, |terminal| terminal.manner = manner);
    }

    /// The accounts are at these trade servers.
    pub(crate) fn move_to_servers(&self, specs: &[InstanceSpec]) {
        for spec in specs {
            self.with(&spec.id, |terminal| terminal.server = spec.server.as_str().to_owned());
        }
    }

    /// What it is told to watch next is lost.
    pub(crate) fn lose_watch(&self, instance: &InstanceId) {
        self.with(instance, |terminal| terminal.loses_watch = true);
    }

    /// Every queue is full, or has room again.
    pub(crate) fn fill(&self, full: bool) {
        self.lock().full = full;
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    /// What was sent to an instance, in order, by kind.
    pub(crate) fn commands(&self, instance: &InstanceId) -> Vec<&'static str> {
        let sent = self.sent();
        sent.iter().filter(|sent| sent.envelope.instance == *instance).map(|sent| sent.kind()).collect()
    }

    /// When commands of a kind were sent to an instance.
    pub(crate) fn moments(&self, instance: &InstanceId, kind: &str) -> Vec<Timestamp> {
        let of = |sent: &Sent| sent.envelope.instance == *instance && sent.kind() == kind;
        self.sent().into_iter().filter(of).map(|sent| sent.at).collect()
    }

    pub(crate) fn forget_sent(&self) {
        self.lock().sent.clear();
    }

    fn with<T>(&self, instance: &InstanceId, change: impl FnOnce(&mut Terminal) -> T) -> T {
        change(self.lock().terminals.get_mut(instance).expect("the instance has a terminal"))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Mt5Bridge for Gateways {
    fn send(&self, envelope: Envelope) -> Result<(), SendError> {
        let snapshot = self.hot.keys(&envelope.instance);
        let snapshot = snapshot.get(&format!("instance_state:{}:snapshot", envelope.instance)).cloned();
        let sent = Sent { at: self.clock.now(), envelope, head: self.journal.head().seq, snapshot };
        let mut inner = self.lock();
        let instance = sent.envelope.instance.clone();
        if inner.full {
            return Err(SendError::Full(instance));
        }
        let terminal = inner.terminals.get_mut(&instance).expect("the instance has a terminal");
        if !terminal.served {
            return Err(SendError::NotConnected(instance));
        }
        let mut is_lost = false;
        if let Command::Watch(symbols) = &sent.envelope.command {
            is_lost = std::mem::take(&mut terminal.loses_watch);
            if !is_lost {
                terminal.floor.watched.clone_from(symbols);
                terminal.watches += 1;
                tokio::spawn(tell_market(Arc::downgrade(&self.inner), instance, terminal.watches));
            }
        }
        if !is_lost && terminal.manner != Manner::Silent {
            let answer = answer_later(Arc::downgrade(&self.inner), sent.envelope.clone());
            tokio::spawn(answer);
        }
        inner.sent.push(sent);
        Ok(())
    }
}

/// Answers a command, unless the session it came from is gone by then.
async fn answer_later(inner: Weak<Mutex<Inner>>, envelope: Envelope) {
    let began = inner.upgrade().and_then(|inner| inner.lock().unwrap().inbound.clone());
    tokio::time::sleep(LATENCY).await;
    let Some(inner) = inner.upgrade() else { return };
    let (inbound, finished) = {
        let mut inner = inner.lock().unwrap();
        let terminal = inner.terminals.get_mut(&envelope.instance).expect("the instance has a terminal");
        let Some(finished) = terminal.carry_out(&envelope) else { return };
        (inner.inbound.clone(), finished)
    };
    let (Some(began), Some(now)) = (began, inbound) else { return };
    if began.same_channel(&now) {
        // A supervisor that ended hears nothing any more.
        let _ = now.send(Inbound::Finished(finished)).await;
    }
}

/// How account and symbols stand: at once, and every 5 s while the gateway serves.
async fn tell_market(inner: Weak<Mutex<Inner>>, instance: InstanceId, watch: u64) {
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let said = {
            let inner = strong.lock().unwrap();
            let terminal = &inner.terminals[&instance];
            let goes_on = terminal.served && terminal.watches == watch;
            let market = Box::new(terminal.floor.market());
            inner.inbound.clone().filter(|_| goes_on).map(|to| (to, market))
        };
        drop(strong);
        let Some((to, market)) = said else { return };
        if to.send(Inbound::Market { instance: instance.clone(), market }).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

impl Sent {
    pub(crate) fn kind(&self) -> &'static str {
        match self.envelope.command {
            Command::Login { .. } => "login",
            Command::Reconnect => "reconnect",
            Command::Restart { .. } => "restart",
            Command::Confirm => "confirm",
            Command::CloseTrades { .. } => "close trades",
            Command::EndSession => "end session",
            Command::Order(_) => "order",
            Command::Snapshot(_) => "snapshot",
            Command::Watch(_) => "watch",
        }
    }
}

impl Terminal {
    fn of(spec: &InstanceSpec) -> Self {
        Self {
            login: spec.login.map_or(0, |login| login.number()),
            server: spec.server.as_str().to_owned(),
            manner: Manner::Well,
            served: false,
            alive: true,
            connected: false,
            positions: 0,
            floor: Floor::default(),
            watches: 0,
            loses_watch: false,
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            terminal: self.alive.then_some(TerminalFlags {
                connected: self.connected,
                trade_allowed: true,
                tradeapi_disabled: false,
            }),
            account: self.connected.then_some(AccountFlags {
                expected: true,
                trade_allowed: true,
                trade_expert: true,
            }),
            ..Facts::default()
        }
    }

    fn report(&self) -> Report {
        let (terminal_alive, positions) = (self.alive, self.positions);
        Report { terminal_alive, facts: self.facts(), positions, detail: String::new() }
    }

    /// `None` when nobody ever hears of it.
    fn carry_out(&mut self, envelope: &Envelope) -> Option<Finished> {
        let (instance, id) = (envelope.instance.clone(), envelope.id);
        if let Command::Order(order) = &envelope.command {
            let (outcome, facts) = self.floor.take(order)?;
            return Some(Finished { instance, id, outcome, facts, detail: String::new() });
        }
        let (outcome, journal) = self.outcome(&envelope.command);
        let facts = Facts { journal, ..self.facts() };
        let detail = journal.map(|line| line.to_string()).unwrap_or_default();
        Some(Finished { instance, id, outcome, facts, detail })
    }

    fn outcome(&mut self, command: &Command) -> (Outcome, Option<JournalLine>) {
        let refused = match self.manner {
            Manner::Well | Manner::Silent => None,
            Manner::Refuses => Some(JournalLine::InvalidAccount),
            Manner::Unreachable => Some(JournalLine::NoConnection),
            Manner::Broken => None,
        };
        match command {
            Command::Login { .. } | Command::Reconnect | Command::Confirm if refused.is_some() => {
                (Outcome::Failed, refused)
            }
            Command::Login { .. } | Command::Reconnect => {
                (self.alive, self.connected) = (true, true);
                (Outcome::Done, None)
            }
            Command::Restart { .. } if self.manner == Manner::Broken => (Outcome::Failed, None),
            Command::Restart { .. } => {
                self.alive = true;
                (Outcome::Done, None)
            }
            Command::Confirm => (
                Outcome::Session(SessionFacts {
                    login: self.login,
                    server: self.server.clone(),
                    orders: self.floor.orders.iter().map(|order| (order.magic, order.ticket)).collect(),
                    positions: (0..u64::from(self.positions))
                        .map(|ticket| (0, ticket))
                        .chain(self.floor.positions.iter().map(|open| (open.magic, open.ticket)))
                        .collect(),
                }),
                None,
            ),
            Command::CloseTrades { mode, installation } => {
                self.positions = 0;
                self.floor.close_all(*mode, *installation);
                (Outcome::Done, None)
            }
            Command::EndSession => {
                self.connected = false;
                (Outcome::Done, None)
            }
            Command::Snapshot(query) => (self.floor.snapshot(query, self.login, &self.server), None),
            Command::Watch(_) => (Outcome::Done, None),
            Command::Order(_) => (Outcome::Failed, None),
        }
    }
}
