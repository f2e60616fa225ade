//! The supervisor's side of the sessions: takes gateways in, and is the way to their terminals.
//!
//! # Expected flow
//! [`Listener::bind`] listens; each gateway that dials announces its instances, [`Admission`] decides which of them the
//! supervisor owns and under which epoch, and [`Inbound::Up`](crate::Inbound::Up) tells that commands may be sent through
//! [`GrpcBridge`].
//!
//! # Guarantees
//! - Per instance the events come in order: `Up`, then reports and ended commands, then `Down`. When a second session
//!   announces an instance, the first one's `Down` comes before the second one's `Up`, and nothing of the first after it.
//! - A frame that was taken is never dropped: while the inbound channel is full, the session reads nothing more, and
//!   counts no heartbeat as missed. Markets are the exception: of those that find it full the newest of each instance is kept
//!   and handed over when there is room, so that they never delay anything else.
//! - A result of a command whose epoch is lower than the instance's present one is refused and counted.
//! - No password is logged, and none is kept longer than until its command ended or the session did.
//!
//! # Caveats
//! Listens on loopback only: plain text is spoken.

mod admission;
mod bridge;
mod config;
mod listener;
mod registry;
mod service;
mod session;
mod slot;

pub use admission::{Admission, Admitted};
pub use bridge::{Counters, GrpcBridge, SessionInfo};
pub use config::{ServerConfig, ServerConfigError};
pub use listener::{BindError, Listener, Listening, ServerHandle};
