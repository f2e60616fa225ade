//! The control socket: how the command line asks a running supervisor.
//!
//! # Protocol
//! A Unix domain socket that only its owner may open (mode 0600). One JSON object a line, each way; every request gets one
//! answer, in order:
//!
//! ```text
//! → {"v":1,"ask":"why","instance":"acct-1","steps":20}
//! ← {"v":1,"ok":{…}}
//! → {"v":1,"ask":"start","instance":"nobody"}
//! ← {"v":1,"error":{"kind":"unknown_instance","text":"there is no instance nobody; see the list of instances"}}
//! ```
//!
//! A request of another version, an unknown question or field, and a line that is too long are answered with an error;
//! after the last the connection is closed. See [`Limits`] for what is bounded.

mod client;
mod desk;
mod message;
mod server;
mod socket;
mod trades;

pub use client::{Client, ClientError};
pub use desk::{About, Desk};
pub use message::{Ask, Refusal, RefusalKind, Said, VERSION};
pub use server::{Limits, Question, Server};
pub use socket::SocketError;

#[cfg(test)]
mod tests;
