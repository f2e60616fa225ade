//! The order inbox: what became of every send, across restarts of the gateway.

mod file;
mod index;
mod record;

use std::{
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use thiserror::Error;
use warden_domain::{Facts, InstanceId, Span, Timestamp};

use crate::{Outcome, SendId, TradeReply};

pub use file::SendFile;
use index::Index;

/// How long a send is known at least: 7 days, as the contract says.
pub const KEEP_SENDS: Span = Span::from_secs(7 * 86_400);

/// Keeps what became of each send of a gateway's instances, across restarts: its order inbox.
///
/// # Guarantees
/// What [`write`](Self::write) answered with success is known to the next process, when this one is killed at any moment;
/// what holds a [`SendStep::Started`] also when the machine crashes.
///
/// # Caveats
/// A machine that crashes may lose the last answers: their sends are known as started then, and nobody knows their end. A
/// disk that was replaced, or that says it has written what it has not, loses sends altogether. Both are safe, because a send
/// that is unknown proves nothing by itself: whoever asks looks at the broker too.
pub trait SendStore: Send + Sync {
    /// The last that is known of a send; `None` when it never came, or more than [`KEEP_SENDS`] ago.
    fn known(&self, instance: &InstanceId, send: SendId) -> Option<SendStep>;

    /// Keeps these steps, in this order; may block. What could not be kept is still known until the process ends.
    ///
    /// # Errors
    /// When they could not be kept; the caller starts nothing that is not kept as started.
    fn write(&self, records: &[SendRecord]) -> Result<(), SendStoreError>;
}

/// One step of a send.
#[derive(Clone, Debug, PartialEq)]
pub struct SendRecord {
    /// Of which instance.
    pub instance: InstanceId,
    /// Which send.
    pub send: SendId,
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// What became of it.
    pub step: SendStep,
}

/// What became of a send.
#[derive(Clone, Debug, PartialEq)]
pub enum SendStep {
    /// It is about to be started.
    Started,
    /// It was not started, and never will be.
    NotStarted {
        /// Why, in words for people.
        detail: String,
    },
    /// It was answered.
    Answered(Box<SendAnswer>),
}

/// The answer to a send.
#[derive(Clone, Debug, PartialEq)]
pub struct SendAnswer {
    /// What was observed together with the call.
    pub facts: Facts,
    /// The trade server's answer; `None` when the call failed without one.
    pub reply: Option<TradeReply>,
    /// The words behind the facts.
    pub detail: String,
}

impl SendStep {
    /// The end of an order as its program told it.
    pub(super) fn ended(outcome: &Outcome, facts: Facts, detail: String) -> Self {
        let answered = |reply, detail| Self::Answered(Box::new(SendAnswer { facts, reply, detail }));
        match outcome {
            Outcome::Trade(reply) => answered(Some(*reply), detail),
            Outcome::Failed => answered(None, detail),
            Outcome::NotStarted => Self::NotStarted { detail },
            Outcome::Done | Outcome::Session(_) | Outcome::Snapshot(_) => {
                answered(None, "the gateway's program answered an order with something else".to_owned())
            }
        }
    }

    /// The result that a command with this send is answered with.
    pub(super) fn result(self) -> (Outcome, Facts, String) {
        match self {
            Self::Started => (
                Outcome::Failed,
                Facts::default(),
                "the send was started before the gateway was, and its end is not known; it is not started again"
                    .to_owned(),
            ),
            Self::NotStarted { detail } => (Outcome::NotStarted, Facts::default(), detail),
            Self::Answered(answer) => {
                let SendAnswer { facts, reply, detail } = *answer;
                (reply.map_or(Outcome::Failed, Outcome::Trade), facts, detail)
            }
        }
    }
}

/// Why sends could not be read or kept.
#[derive(Debug, Error)]
pub enum SendStoreError {
    /// The file could not be read or written.
    #[error("cannot keep sends in {path}; make the folder writable for the gateway, and room on its disk")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process has the file open.
    #[error("{path} is in use by another gateway; end that one, or give each its own file")]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error(
        "{path}, byte {at} is not of an order inbox; restore the file, or move it away when no send is unknown"
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Where.
        at: u64,
    },
}

/// Keeps sends in memory: for tests and for simulated terminals that end with their gateway.
#[derive(Debug, Default)]
pub struct MemorySends(Mutex<Index>);

impl SendStore for MemorySends {
    fn known(&self, instance: &InstanceId, send: SendId) -> Option<SendStep> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).known(instance, send)
    }

    fn write(&self, records: &[SendRecord]) -> Result<(), SendStoreError> {
        let mut index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        index.take(records);
        if index.is_due(index.taken()) {
            index.expire();
        }
        Ok(())
    }
}
