//! The world's gateways as real ones: each dials a supervisor over the published protocol.

mod dial;
mod router;

pub use dial::{DialError, Dialling};

use std::sync::Arc;

use router::Router;
use tokio::sync::{mpsc, watch};
use warden_domain::Timestamp;

use crate::{Fleet, World, WorldClock};

/// A world whose gateways dial supervisors, one session for each gateway.
///
/// # Expected flow
/// [`serve`](Self::serve) announces the terminals and carries out what the supervisors ask; [`close`](Self::close) says
/// goodbye, and so does a drop, without waiting for it.
///
/// # Guarantees
/// A gateway that goes down in the world loses its session without a goodbye and dials again when it is back; its
/// highest epochs survive that.
///
/// # Caveats
/// Deadlines of commands are those of the supervisor's clock, which is taken to be this machine's; where the world runs
/// fast, what is left of a deadline runs as fast.
#[derive(Debug)]
pub struct Gateways {
    fleet: Arc<Fleet>,
    stop: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
}

impl Gateways {
    /// How many messages of the world may wait to be sent.
    const MESSAGES: usize = 4_096;

    /// Lets a world run and its gateways dial. To be called in a tokio runtime.
    ///
    /// # Errors
    /// When the way of dialling is faulty; supervisors that do not answer are no error.
    pub fn serve(mut world: World, clock: WorldClock, dialling: Dialling) -> Result<Self, DialError> {
        let (commands, waiting) = mpsc::channel(Self::MESSAGES);
        let mut router = Router::new(&world, clock.clone(), dialling, commands)?;
        // Every terminal is announced at the beginning: a way of dialling that is faulty shows here.
        for inbound in world.advance_to(clock.now()) {
            router.hear(inbound)?;
        }
        let (inbound, heard) = mpsc::channel(Self::MESSAGES);
        let fleet = Arc::new(Fleet::in_process(world, clock, inbound));
        let (stop, stopped) = watch::channel(false);
        let (ending, ended) = watch::channel(false);
        let running = router.run(Arc::clone(&fleet), heard, waiting, stopped);
        tokio::spawn(async move {
            running.await;
            ending.send_replace(true);
        });
        Ok(Self { fleet, stop, ended })
    }

    /// Looks at the world, or begins faults in it, at the present moment; the world stands still meanwhile.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        self.fleet.with_world(look)
    }

    /// Says goodbye to the supervisors, and waits until every session ended.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        // A sender that is gone has ended too.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

impl Drop for Gateways {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
