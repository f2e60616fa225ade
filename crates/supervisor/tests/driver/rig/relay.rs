use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};

use tokio::sync::mpsc;
use warden_bridge::{Envelope, Inbound, Mt5Bridge, Report, SendError};
use warden_bridge_sim::{Fleet, World, WorldClock};
use warden_domain::{Epoch, InstanceId};
use warden_supervisor::Clock as _;

use super::PausedClock;

/// A simulated world that outlives supervisors: each that starts hears first of every gateway that is connected.
pub(crate) struct Relay {
    world: OnceLock<Fleet>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    supervisor: Option<mpsc::Sender<Inbound>>,
    served: BTreeMap<InstanceId, Report>,
}

impl Relay {
    pub(crate) fn run(world: World, clock: &Arc<PausedClock>) -> Arc<Self> {
        let (said, heard) = mpsc::channel(1_024);
        let clock = Arc::clone(clock);
        let fleet = Fleet::in_process(world, WorldClock::new(move || clock.now(), 1.0), said);
        let relay = Arc::new(Self { world: OnceLock::new(), inner: Mutex::default() });
        relay.world.set(fleet).expect("it is set once");
        tokio::spawn(pass_on(Arc::clone(&relay), heard));
        relay
    }

    pub(crate) fn world(&self) -> &Fleet {
        self.world.get().expect("it was set when it began")
    }

    /// A supervisor begins: the gateways dial it.
    pub(crate) fn serve(&self, supervisor: mpsc::Sender<Inbound>) {
        let mut inner = self.inner.lock().unwrap();
        let ups: Vec<Inbound> = inner
            .served
            .iter()
            .map(|(instance, report)| Inbound::Up {
                instance: instance.clone(),
                epoch: Epoch(0),
                report: report.clone(),
            })
            .collect();
        let to = supervisor.clone();
        tokio::spawn(async move {
            for up in ups {
                // One that ended at once hears nothing.
                let _ = to.send(up).await;
            }
        });
        inner.supervisor = Some(supervisor);
    }

    pub(crate) fn cut(&self) {
        self.inner.lock().unwrap().supervisor = None;
    }

    fn note(&self, message: &Inbound) -> Option<mpsc::Sender<Inbound>> {
        let mut inner = self.inner.lock().unwrap();
        match message {
            Inbound::Up { instance, report, .. } | Inbound::Report { instance, report } => {
                inner.served.insert(instance.clone(), report.clone());
            }
            Inbound::Down { instance } => {
                inner.served.remove(instance);
            }
            Inbound::Finished(_) | Inbound::Market { .. } => {}
        }
        inner.supervisor.clone()
    }
}

impl Mt5Bridge for Relay {
    fn send(&self, envelope: Envelope) -> Result<(), SendError> {
        let served = self.inner.lock().unwrap().served.contains_key(&envelope.instance);
        if served { self.world().send(envelope) } else { Err(SendError::NotConnected(envelope.instance)) }
    }
}

async fn pass_on(relay: Arc<Relay>, mut heard: mpsc::Receiver<Inbound>) {
    while let Some(message) = heard.recv().await {
        if let Some(supervisor) = relay.note(&message) {
            // What is said to a supervisor that died is lost with it.
            let _ = supervisor.send(message).await;
        }
    }
}
