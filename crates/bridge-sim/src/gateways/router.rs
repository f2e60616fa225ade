//! Between the world and the sessions of its gateways.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use warden_bridge::{
    CommandId, Envelope, Finished, Inbound, Market, Mt5Bridge, Outcome, Report,
    client::{self, ClientConfig, ClientEvent, ClientHandle, EpochStore, SendStore},
};
use warden_domain::{Epoch, Facts, InstanceId, Span};

use super::dial::{DialError, Dialling};
use crate::{Fleet, World, WorldClock};

/// Knows which session speaks for which instance.
pub(super) struct Router {
    clock: WorldClock,
    dialling: Dialling,
    gateways: Vec<Gateway>,
    /// The gateway of each instance.
    places: HashMap<InstanceId, usize>,
    /// The commands of each instance that did not end, in the order in which they came, with their epochs.
    running: HashMap<InstanceId, VecDeque<(CommandId, Epoch)>>,
    /// By which deadlines are told.
    utc: Arc<dyn Fn() -> warden_domain::Timestamp + Send + Sync>,
    commands: mpsc::Sender<Asked>,
}

/// One gateway, with or without a session.
struct Gateway {
    members: Vec<InstanceId>,
    /// How each terminal stands, of those that were announced.
    up: HashMap<InstanceId, Report>,
    epochs: Arc<dyn EpochStore>,
    /// Its order inbox; it outlives the gateway's sessions.
    sends: Arc<dyn SendStore>,
    session: Option<Session>,
}

struct Session {
    handle: ClientHandle,
    listener: JoinHandle<()>,
}

/// A command that came over a gateway's session.
pub(super) struct Asked {
    gateway: usize,
    envelope: Envelope,
}

impl Router {
    pub(super) fn new(
        world: &World,
        clock: WorldClock,
        dialling: Dialling,
        commands: mpsc::Sender<Asked>,
    ) -> Result<Self, DialError> {
        let (mut gateways, mut places) = (Vec::new(), HashMap::new());
        for (at, (name, members)) in world.gateways().into_iter().enumerate() {
            places.extend(members.iter().map(|instance| (instance.clone(), at)));
            gateways.push(Gateway {
                members,
                up: HashMap::new(),
                epochs: dialling.epochs(&name)?,
                sends: dialling.sends(&name)?,
                session: None,
            });
        }
        let utc = ClientConfig::new(Vec::new()).clock;
        Ok(Self { clock, dialling, gateways, places, running: HashMap::new(), utc, commands })
    }

    /// Carries messages both ways until it is stopped or the world ends.
    pub(super) async fn run(
        mut self,
        fleet: Arc<Fleet>,
        mut heard: mpsc::Receiver<Inbound>,
        mut commands: mpsc::Receiver<Asked>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            tokio::select! {
                inbound = heard.recv() => match inbound {
                    Some(inbound) => {
                        if let Err(fault) = self.hear(inbound) {
                            tracing::error!(%fault, "a gateway cannot dial again");
                        }
                    }
                    None => break,
                },
                Some(asked) = commands.recv() => self.asked(&fleet, asked),
                _ = stopped.wait_for(|stop| *stop) => break,
            }
        }
        // Whoever still hands a command over is not kept waiting.
        drop(commands);
        self.goodbye().await;
    }

    /// Passes on what the world's gateways say.
    pub(super) fn hear(&mut self, inbound: Inbound) -> Result<(), DialError> {
        match inbound {
            Inbound::Up { instance, report, .. } => self.up(&instance, report)?,
            Inbound::Down { instance } => self.down(&instance),
            Inbound::Report { instance, report } => self.report(&instance, report),
            Inbound::Finished(finished) => self.finished(finished),
            Inbound::Market { instance, market } => self.market(&instance, *market),
        }
        Ok(())
    }

    /// A terminal was announced; its gateway dials when all of its terminals were.
    fn up(&mut self, instance: &InstanceId, report: Report) -> Result<(), DialError> {
        let Some(at) = self.places.get(instance).copied() else { return Ok(()) };
        let gateway = &mut self.gateways[at];
        gateway.up.insert(instance.clone(), report);
        if gateway.session.is_some() || gateway.up.len() < gateway.members.len() {
            return Ok(());
        }
        let reports = gateway.members.iter().filter_map(|id| Some((id.clone(), gateway.up.get(id)?.clone())));
        let config = self.dialling.config(&gateway.sends);
        let (handle, events) = client::connect(config, reports.collect(), Arc::clone(&gateway.epochs))?;
        let listener = tokio::spawn(listen(at, events, self.commands.clone()));
        gateway.session = Some(Session { handle, listener });
        Ok(())
    }

    /// The gateway process is gone: its session ends without a goodbye.
    fn down(&mut self, instance: &InstanceId) {
        let Some(at) = self.places.get(instance).copied() else { return };
        self.running.remove(instance);
        let gateway = &mut self.gateways[at];
        gateway.up.remove(instance);
        if let Some(session) = gateway.session.take() {
            // With the listener goes the receiver of events, and with it the session.
            session.listener.abort();
        }
    }

    fn report(&mut self, instance: &InstanceId, report: Report) {
        let Some(at) = self.places.get(instance) else { return };
        let gateway = &mut self.gateways[*at];
        if let Some(standing) = gateway.up.get_mut(instance) {
            standing.clone_from(&report);
        }
        if let Some(session) = &gateway.session
            && let Err(fault) = session.handle.report(instance, report)
        {
            tracing::error!(%fault, "a report was not taken");
        }
    }

    fn market(&self, instance: &InstanceId, market: Market) {
        let session = self.places.get(instance).and_then(|at| self.gateways[*at].session.as_ref());
        if let Some(session) = session
            && let Err(fault) = session.handle.market(instance, market)
        {
            tracing::error!(%fault, "a market was not taken");
        }
    }

    /// A command ended. Commands of a terminal run one after the other: what came before it and did not end, never will.
    fn finished(&mut self, finished: Finished) {
        let (instance, id) = (finished.instance.clone(), finished.id);
        let running = self.running.entry(instance.clone()).or_default();
        let Some(place) = running.iter().position(|(of, _)| *of == id) else {
            tracing::debug!(%instance, id = id.0, "nobody waits for the end of this command");
            return;
        };
        let started = finished.outcome != Outcome::NotStarted;
        let lost: Vec<_> = if started { running.drain(..place).collect() } else { Vec::new() };
        let ended = running.remove(if started { 0 } else { place });
        for (id, epoch) in lost {
            self.tell(epoch, unanswered(instance.clone(), id));
        }
        if let Some((_, epoch)) = ended {
            self.tell(epoch, finished);
        }
    }

    fn tell(&self, epoch: Epoch, finished: Finished) {
        let session = self.places.get(&finished.instance).and_then(|at| self.gateways[*at].session.as_ref());
        if let Some(session) = session
            && let Err(fault) = session.handle.finished(epoch, finished)
        {
            tracing::debug!(%fault, "the end of a command was not taken");
        }
    }

    /// A supervisor asks for something.
    fn asked(&mut self, fleet: &Fleet, Asked { gateway, envelope }: Asked) {
        if self.gateways[gateway].session.is_none() {
            return;
        }
        let (instance, id) = (envelope.instance.clone(), envelope.id);
        self.running.entry(instance.clone()).or_default().push_back((id, envelope.epoch));
        let envelope = Envelope { deadline: self.in_the_world(&envelope), ..envelope };
        if let Err(refused) = fleet.send(envelope) {
            let (outcome, facts) = (Outcome::NotStarted, Facts::default());
            self.finished(Finished { instance, id, outcome, facts, detail: refused.to_string() });
        }
    }

    /// The deadline by the world's clock: as much of it is left as by the supervisor's, at the world's speed.
    fn in_the_world(&self, envelope: &Envelope) -> warden_domain::Timestamp {
        let present = (self.utc)();
        let left = envelope.deadline.since(present).as_millis() as f64 * self.clock.speed();
        self.clock.now().after(Span::from_millis(left as u64))
    }

    /// Says goodbye and waits until every session ended.
    async fn goodbye(self) {
        for session in self.gateways.into_iter().filter_map(|gateway| gateway.session) {
            session.handle.close();
            if let Err(fault) = session.listener.await {
                tracing::error!(%fault, "a gateway's session ended with a fault");
            }
        }
    }
}

/// What is told of a command whose answer the world lost: the call got none.
fn unanswered(instance: InstanceId, id: CommandId) -> Finished {
    const TIMED_OUT: i32 = -10_005;
    let facts = Facts { last_error: Some(TIMED_OUT), ..Facts::default() };
    let detail = "the terminal never answered".to_owned();
    Finished { instance, id, outcome: Outcome::Failed, facts, detail }
}

/// Reads a session's events until it ends.
async fn listen(gateway: usize, mut events: mpsc::Receiver<ClientEvent>, commands: mpsc::Sender<Asked>) {
    while let Some(event) = events.recv().await {
        match event {
            ClientEvent::Connected { address } => {
                tracing::info!(gateway = gateway + 1, %address, "connected");
            }
            ClientEvent::Disconnected { address, why } => {
                tracing::warn!(gateway = gateway + 1, %address, why, "disconnected");
            }
            ClientEvent::Refused { instance, reason } => {
                tracing::warn!(gateway = gateway + 1, %instance, ?reason, "the supervisor does not serve an instance");
            }
            ClientEvent::Command(envelope) => {
                // Nobody takes commands any more when the router ended; the session ends next.
                let _ = commands.send(Asked { gateway, envelope }).await;
            }
        }
    }
}
