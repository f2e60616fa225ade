//! The gateway's side of a session, for gateways written in Rust.
//!
//! # Expected flow
//! [`connect`] dials one supervisor after the other until one answers, announces the instances, and from then on keeps
//! the session: after every loss it dials again. Commands come out of the returned channel as [`ClientEvent::Command`];
//! what the terminals do goes in through [`ClientHandle::report`], [`ClientHandle::market`] and [`ClientHandle::finished`].
//!
//! # Guarantees
//! - A command comes out at most once per epoch and id; a repeated one is answered from the inbox, for the last
//!   [`ClientConfig::inbox`] commands that ended.
//! - A command whose deadline has passed, or whose epoch is lower than the highest ever seen, does not come out: it is
//!   answered with [`Outcome::NotStarted`](crate::Outcome::NotStarted). The highest epoch is on disk (see [`EpochStore`])
//!   before the first command of that epoch comes out.
//! - Each send ([`SendId`](crate::SendId)) comes out at most once, whatever its command is called, whoever asks, and however
//!   often the gateway is killed: that it starts is in the order inbox ([`SendStore`]) before it comes out, and its answer
//!   before that is sent. A repeated one is answered from there; one that an earlier process started and did not end is
//!   answered with [`Outcome::Failed`](crate::Outcome::Failed) and words that say so.
//! - What the inbox says stands in every [`Snapshot`](crate::Snapshot): `sends` and `waiting` are filled in here. A send that
//!   ran at any time while the program read the broker is [`SendState::InProgress`](crate::SendState::InProgress), because the
//!   reading may be older than its end.
//! - A result is sent behind the reports that were handed in before it, and is sent again to a supervisor that did not take
//!   it. Results of orders keep the order in which they were handed in, and so do all others; an order's may come later than
//!   another that was handed in behind it, by as long as it takes to write it.
//!
//! # Assumptions
//! Each command that came out is answered exactly once through [`ClientHandle::finished`], an order when the terminal's call
//! has returned or can never return. The order inbox is not shared between processes, and its disk is kept.
//!
//! # Caveats
//! A report is a standing: one that could not leave yet is replaced by the next, unless it tells of a call (retcode,
//! `last_error`, journal line); a market is always replaced. The inbox of commands lives in memory: a gateway that restarts
//! knows its sends, and no other command. A command that waits to be taken out of the channel grows older there: look at its
//! deadline again before it begins.

mod book;
mod config;
mod epochs;
mod handle;
mod inbox;
mod keep;
#[cfg(test)]
mod laws;
mod ledger;
mod link;
mod member;
mod run;
#[cfg(test)]
mod send_laws;
mod sends;

pub use config::{ClientConfig, ClientConfigError};
pub use epochs::{EpochFile, EpochStore, EpochStoreError, MemoryEpochs};
pub use handle::{ClientEvent, ClientHandle, HandleError};
pub use run::{ConnectError, connect};
pub use sends::{
    KEEP_SENDS, MemorySends, SendAnswer, SendFile, SendRecord, SendStep, SendStore, SendStoreError,
};
