use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use thiserror::Error;
use tokio::sync::{Notify, mpsc, watch};
use warden_domain::{Epoch, InstanceId, Timestamp};

use super::{book::Book, member::Ended, sends::SendRecord};
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
pub(super) struct Shared {
    book: Mutex<Book>,
    /// Something waits to be sent.
    pub(super) wake: Notify,
    /// Something that waited was sent.
    pub(super) sent: Notify,
    /// The gateway shall say goodbye.
    pub(super) stop: watch::Sender<bool>,
    /// Ends of sends, on their way to the inbox; there are no more of them than sends that run.
    ends: mpsc::UnboundedSender<SendRecord>,
    clock: Clock,
}

/// The clock of a [`ClientConfig`](super::ClientConfig).
pub(super) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

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
    /// The end of an order ([`Outcome::Trade`](crate::Outcome::Trade), [`Outcome::Failed`](crate::Outcome::Failed) or
    /// [`Outcome::NotStarted`](crate::Outcome::NotStarted)) is written to the inbox before it is sent. Of a
    /// [`Snapshot`](crate::Snapshot) the gateway tells what is at the broker; `sends` and `waiting` are filled in here.
    ///
    /// # Errors
    /// When the gateway does not serve the instance, or the command does not run: it never came, or has ended.
    pub fn finished(&self, epoch: Epoch, finished: Finished) -> Result<(), HandleError> {
        let (instance, id) = (finished.instance.clone(), finished.id);
        match self.shared.finished(epoch, finished) {
            None => Err(HandleError::UnknownInstance(instance)),
            Some(false) => Err(HandleError::NotRunning { instance, epoch, id }),
            Some(true) => Ok(()),
        }
    }

    /// Says goodbye to the supervisor and ends; the channel of events closes then.
    pub fn close(&self) {
        self.shared.stop.send_replace(true);
    }
}

impl Shared {
    pub(super) fn new(book: Book, ends: mpsc::UnboundedSender<SendRecord>, clock: Clock) -> Self {
        Self {
            ends,
            clock,
            book: Mutex::new(book),
            wake: Notify::new(),
            sent: Notify::new(),
            stop: watch::Sender::new(false),
        }
    }

    /// Now, by the gateway's clock.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A command ended; `None` when the gateway does not serve the instance, `false` when the command does not run.
    pub(super) fn finished(&self, epoch: Epoch, finished: Finished) -> Option<bool> {
        let ended = self.book().finished(epoch, finished, self.now())?;
        match ended {
            Ended::NotRunning => return Some(false),
            Ended::Told => self.wake.notify_one(),
            Ended::Write(record) => self.write(record),
        }
        Some(true)
    }

    /// Has the end of a send written, and whoever asked for it answered then.
    pub(super) fn write(&self, record: SendRecord) {
        if let Err(mpsc::error::SendError(record)) = self.ends.send(record) {
            // the runtime ends, and with it whoever would send the answer
            tracing::warn!(instance = %record.instance, magic = record.send.magic, "the end of a send is not kept");
        }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("book", &self.book).finish_non_exhaustive()
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
