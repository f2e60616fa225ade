use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use thiserror::Error;
use tokio::sync::{Notify, watch};
use warden_domain::{Epoch, InstanceId};

use super::book::Book;
use crate::{CommandId, Envelope, Finished, Market, Refused, Report, SnapshotQuery};

/// What a gateway's session brings.
#[derive(Clone, Debug)]
pub enum ClientEvent {
    /// A supervisor answered; commands may follow.
    Connected {
        /// Which one.
        address: SocketAddr,
    },
    /// The session that [`ClientEvent::Connected`] told of ended; another is being dialled.
    Disconnected {
        /// With which supervisor.
        address: SocketAddr,
        /// Why, in words for people.
        why: String,
    },
    /// The supervisor does not serve an instance; it is announced again later.
    Refused {
        /// Which instance.
        instance: InstanceId,
        /// Why.
        reason: Refused,
    },
    /// Carry this out, and answer with [`ClientHandle::finished`] and the envelope's epoch.
    Command(Envelope),
}

/// Says what the terminals do; cheap to clone. Never blocks, connected or not.
#[derive(Clone, Debug)]
pub struct ClientHandle {
    shared: Arc<Shared>,
}

/// What the handle and the task that keeps the session have in common.
#[derive(Debug)]
pub(super) struct Shared {
    book: Mutex<Book>,
    /// Something waits to be sent.
    pub(super) wake: Notify,
    /// Something that waited was sent.
    pub(super) sent: Notify,
    /// The gateway shall say goodbye.
    pub(super) stop: watch::Sender<bool>,
}

impl ClientHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Reports how a terminal stands now; call it on every change.
    ///
    /// # Errors
    /// When the gateway does not serve the instance.
    pub fn report(&self, instance: &InstanceId, report: Report) -> Result<(), HandleError> {
        if !self.shared.book().report(instance, report) {
            return Err(HandleError::UnknownInstance(instance.clone()));
        }
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Says how the account and the watched symbols stand, after [`Command::Watch`](crate::Command::Watch): right away, then
    /// at most once a second when something changed, and every 5 s when nothing did.
    ///
    /// Only the newest is kept for sending; without a supervisor it is forgotten.
    ///
    /// # Errors
    /// When the gateway does not serve the instance, or more symbols are told than can be watched.
    pub fn market(&self, instance: &InstanceId, market: Market) -> Result<(), HandleError> {
        if market.symbols.len() > SnapshotQuery::MOST {
            return Err(HandleError::TooManySymbols {
                instance: instance.clone(),
                symbols: market.symbols.len(),
            });
        }
        if !self.shared.book().market(instance, market) {
            return Err(HandleError::UnknownInstance(instance.clone()));
        }
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Reports the end of a command that came under this epoch ([`Envelope::epoch`]).
    ///
    /// # Errors
    /// When the gateway does not serve the instance, or the command does not run: it never came, or has ended.
    pub fn finished(&self, epoch: Epoch, finished: Finished) -> Result<(), HandleError> {
        let (instance, id) = (finished.instance.clone(), finished.id);
        match self.shared.book().finished(epoch, finished) {
            None => return Err(HandleError::UnknownInstance(instance)),
            Some(false) => return Err(HandleError::NotRunning { instance, epoch, id }),
            Some(true) => {}
        }
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Says goodbye to the supervisor and ends; the channel of events closes then.
    pub fn close(&self) {
        self.shared.stop.send_replace(true);
    }
}

impl Shared {
    pub(super) fn new(book: Book) -> Self {
        Self {
            book: Mutex::new(book),
            wake: Notify::new(),
            sent: Notify::new(),
            stop: watch::Sender::new(false),
        }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a [`ClientHandle`] did not take something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HandleError {
    /// The gateway does not serve the instance.
    #[error("this gateway does not serve instance {0}; name it when connecting")]
    UnknownInstance(InstanceId),
    /// More symbols than one command can ask to be watched.
    #[error(
        "the market of instance {instance} holds {symbols} symbols; tell those that are watched, at most 128"
    )]
    TooManySymbols {
        /// Of which instance.
        instance: InstanceId,
        /// How many symbols.
        symbols: usize,
    },
    /// The command does not run.
    #[error("command {} of epoch {epoch} does not run at instance {instance}; answer each command once", id.0)]
    NotRunning {
        /// Of which instance.
        instance: InstanceId,
        /// Under which epoch.
        epoch: Epoch,
        /// Which command.
        id: CommandId,
    },
}
