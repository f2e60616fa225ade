//! What a gateway and a supervisor say to each other.

mod command;
mod event;
mod market;
mod order;
mod snapshot;

use thiserror::Error;
use warden_domain::InstanceId;

pub use command::{Command, CommandId, Envelope, Secret, SnapshotQuery};
pub use event::{Finished, Inbound, Outcome, Report, SessionFacts, TradeReply};
pub use market::{Market, SymbolNow};
pub use order::{Order, OrderAction, Pending, SendId};
pub use snapshot::{Deal, DealEntry, OpenOrder, OpenPosition, PastOrder, SendState, Snapshot, Tickets};

/// The way to the terminals, however they are reached (gRPC session, or a simulated fleet in process).
///
/// What comes from the terminals arrives as [`Inbound`] on a bounded channel that the implementation was built with.
pub trait Mt5Bridge: Send + Sync {
    /// Hands a command over for sending; answers at once and never blocks.
    ///
    /// # Errors
    /// When no gateway of this instance is connected, or its bounded queue is full. Nothing was sent then.
    fn send(&self, envelope: Envelope) -> Result<(), SendError>;
}

/// Why a command was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// No gateway serves the instance.
    #[error("no gateway of instance {0} is connected; wait for it or check that it runs")]
    NotConnected(InstanceId),
    /// The gateway's queue is full.
    #[error("the gateway of instance {0} does not keep up; its queue is full")]
    Full(InstanceId),
}
