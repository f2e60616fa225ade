//! The gateway's side of a session, for gateways written in Rust.
//!
//! # Expected flow
//! [`connect`] dials one supervisor after the other until one answers, announces the instances, and from then on keeps
//! the session: after every loss it dials again. Commands come out of the returned channel as [`ClientEvent::Command`];
//! what the terminals do goes in through [`ClientHandle::report`] and [`ClientHandle::finished`].
//!
//! # Guarantees
//! - A command comes out at most once per epoch and id; a repeated one is answered from the inbox, for the last
//!   [`ClientConfig::inbox`] commands that ended.
//! - A command whose deadline has passed, or whose epoch is lower than the highest ever seen, does not come out: it is
//!   answered with [`Outcome::NotStarted`](crate::Outcome::NotStarted). The highest epoch is on disk (see [`EpochStore`])
//!   before the first command of that epoch comes out.
//! - A result is sent in the order in which it was handed in, behind the reports that were handed in before it, and is
//!   sent again to a supervisor that did not take it.
//!
//! # Assumptions
//! Each command that came out is answered exactly once through [`ClientHandle::finished`].
//!
//! # Caveats
//! A report is a standing: one that could not leave yet is replaced by the next, unless it tells of a call (retcode,
//! `last_error`, journal line). The inbox lives in memory: a gateway that restarts has forgotten it.

mod backoff;
mod book;
mod config;
mod epochs;
mod handle;
mod inbox;
#[cfg(test)]
mod laws;
mod link;
mod member;
mod run;

pub use config::{ClientConfig, ClientConfigError};
pub use epochs::{EpochFile, EpochStore, EpochStoreError, MemoryEpochs};
pub use handle::{ClientEvent, ClientHandle, HandleError};
pub use run::{ConnectError, connect};
