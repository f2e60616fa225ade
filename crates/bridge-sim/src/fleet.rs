use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::mpsc, task::JoinHandle};
use warden_bridge::{Envelope, Finished, Inbound, Mt5Bridge, Outcome, SendError};
use warden_domain::{Facts, InstanceId, Timestamp};

use crate::{WorldClock, world::World};

/// A world in process as the bridge of a supervisor.
///
/// # Expected flow
/// [`in_process`](Self::in_process) starts a task that lets the world's time pass by the clock and sends what its
/// gateways say to the channel; the supervisor [`send`](Mt5Bridge::send)s commands.
///
/// # Guarantees
/// Nothing that was said is dropped: while the channel is full, the world waits. A command that was taken is answered,
/// unless a fault of the world says otherwise; one that reaches a gateway that went down meanwhile is answered with
/// [`Outcome::NotStarted`].
///
/// # Caveats
/// Dropping the fleet ends its task.
#[derive(Debug)]
pub struct Fleet {
    world: Arc<Mutex<World>>,
    clock: WorldClock,
    lines: HashMap<InstanceId, usize>,
    commands: mpsc::Sender<Envelope>,
    task: JoinHandle<()>,
}

impl Fleet {
    /// How many commands may wait for the world.
    const COMMANDS: usize = 65_536;

    /// Runs a world by a clock; what its gateways say goes to `inbound`. To be called in a tokio runtime.
    #[must_use]
    pub fn in_process(world: World, clock: WorldClock, inbound: mpsc::Sender<Inbound>) -> Self {
        let lines = world.instances().cloned().enumerate().map(|(at, instance)| (instance, at)).collect();
        let world = Arc::new(Mutex::new(world));
        let (commands, waiting) = mpsc::channel(Self::COMMANDS);
        let task = tokio::spawn(run(Arc::clone(&world), clock.clone(), waiting, inbound));
        Self { world, clock, lines, commands, task }
    }

    /// Looks at the world, or begins faults in it, at the present moment; the world stands still meanwhile.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        look(&mut lock(&self.world), self.clock.now())
    }
}

impl Mt5Bridge for Fleet {
    fn send(&self, envelope: Envelope) -> Result<(), SendError> {
        if !self.lines.contains_key(&envelope.instance) {
            return Err(SendError::NotConnected(envelope.instance));
        }
        self.commands.try_send(envelope).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(envelope) => SendError::Full(envelope.instance),
            mpsc::error::TrySendError::Closed(envelope) => SendError::NotConnected(envelope.instance),
        })
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Lets time pass, until nobody listens any more.
async fn run(
    world: Arc<Mutex<World>>,
    clock: WorldClock,
    mut commands: mpsc::Receiver<Envelope>,
    inbound: mpsc::Sender<Inbound>,
) {
    loop {
        let said = lock(&world).advance_to(clock.now());
        for message in said {
            if inbound.send(message).await.is_err() {
                return;
            }
        }
        let next = lock(&world).next_event().unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = clock.sleep_until(next) => {}
            envelope = commands.recv() => {
                let Some(first) = envelope else { return };
                let more = std::iter::from_fn(|| commands.try_recv().ok());
                let refused: Vec<Inbound> = std::iter::once(first)
                    .chain(more)
                    .filter_map(|envelope| hand_over(&world, envelope, clock.now()))
                    .collect();
                for message in refused {
                    if inbound.send(message).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Gives a command to the world; answers it where the world does not take it.
fn hand_over(world: &Mutex<World>, envelope: Envelope, now: Timestamp) -> Option<Inbound> {
    let (instance, id) = (envelope.instance.clone(), envelope.id);
    let refused = lock(world).command(envelope, now).err()?;
    Some(Inbound::Finished(Finished {
        instance,
        id,
        outcome: Outcome::NotStarted,
        facts: Facts::default(),
        detail: refused.to_string(),
    }))
}

/// A world is whole between its calls, whoever panicked meanwhile.
fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}
