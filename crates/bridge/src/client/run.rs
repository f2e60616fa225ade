use std::{net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use warden_domain::{Backoff, InstanceId, error_chain};

use super::{
    book::Book,
    config::{ClientConfig, ClientConfigError},
    epochs::EpochStore,
    handle::{ClientEvent, ClientHandle, Shared},
    keep::{self, BATCH},
    link::{Link, LinkEnd},
    member::Member,
};
use crate::Report;

/// Dials a supervisor for these instances, each with how its terminal stands now, and keeps the session until
/// [`ClientHandle::close`] is called or the receiver is dropped.
///
/// Must be called within a tokio runtime.
///
/// # Errors
/// When the configuration is faulty, or `instances` is empty or names one twice. Supervisors that do not answer are no
/// error: they are dialled again.
pub fn connect(
    config: ClientConfig,
    instances: Vec<(InstanceId, Report)>,
    epochs: Arc<dyn EpochStore>,
) -> Result<(ClientHandle, mpsc::Receiver<ClientEvent>), ConnectError> {
    config.check()?;
    if instances.is_empty() {
        return Err(ConnectError::NoInstance);
    }
    let mut book = Book::new(Arc::clone(&config.sends));
    for (instance, report) in instances {
        let seen = epochs.highest(&instance);
        if !book.add(Member::new(instance.clone(), report, seen, config.inbox)) {
            return Err(ConnectError::Twice(instance));
        }
    }
    let (ends, ended) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared::new(book, ends, Arc::clone(&config.clock)));
    let (events, receiver) = mpsc::channel(config.events.get());
    let (began, beginning) = mpsc::channel(BATCH);
    tokio::spawn(keep::ends(ended, Arc::downgrade(&shared), Arc::clone(&config.sends)));
    tokio::spawn(keep::starts(beginning, events, Arc::clone(&shared), Arc::clone(&config.sends)));
    let dialler = Dialler { config, shared: Arc::clone(&shared), epochs, events: began };
    tokio::spawn(dialler.run());
    Ok((ClientHandle::new(shared), receiver))
}

/// Why [`connect`] did not begin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// The configuration is faulty.
    #[error("the gateway's configuration is faulty")]
    Config(#[from] ClientConfigError),
    /// There is nothing to serve.
    #[error("no instance is given; name at least one")]
    NoInstance,
    /// An instance is named twice.
    #[error("instance {0} is given twice; name it once")]
    Twice(InstanceId),
}

/// Keeps one session after the other.
struct Dialler {
    config: ClientConfig,
    shared: Arc<Shared>,
    epochs: Arc<dyn EpochStore>,
    events: mpsc::Sender<ClientEvent>,
}

impl Dialler {
    async fn run(self) {
        let mut stop = self.shared.stop.subscribe();
        // Where the system has no randomness left, nothing is lost but the jitter.
        let seed = getrandom::u64().unwrap_or(0);
        let mut backoff = Backoff::new(self.config.first_wait, self.config.longest_wait, seed);
        loop {
            for address in self.config.addresses.clone() {
                let began = Instant::now();
                if self.session(address).await == Next::End {
                    return;
                }
                if began.elapsed() > Duration::from(self.config.longest_wait) {
                    backoff.reset();
                }
            }
            tokio::select! {
                () = sleep(backoff.wait()) => {}
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.events.closed() => return,
            }
        }
    }

    /// One session, from dialling to its end.
    async fn session(&self, address: SocketAddr) -> Next {
        let mut link = Link::new(&self.config, &self.shared, &self.epochs, &self.events, address);
        let end = tokio::select! {
            end = link.run() => end,
            () = self.events.closed() => LinkEnd::Dropped,
        };
        let welcomed = link.was_welcomed();
        self.shared.book().lose();
        if matches!(end, LinkEnd::Dropped | LinkEnd::Closed) {
            return Next::End;
        }
        let why = error_chain(&end);
        if welcomed {
            tracing::info!(%address, why, "the session with the supervisor ended");
            if self.events.send(ClientEvent::Disconnected { address, why }).await.is_err() {
                return Next::End;
            }
        } else {
            tracing::warn!(%address, why, "no session with the supervisor");
        }
        Next::Dial
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    Dial,
    End,
}
