//! The published gateway protocol of mt5-warden and its session.
//!
//! A gateway runs beside a terminal and dials a supervisor. [`message`] holds what the two say to each other as Rust
//! types; `proto/mt5_warden/v1/gateway.proto` is the same contract on the wire, and says how a session goes.
//! [`server`] is the supervisor's side of it, [`client`] the gateway's.
//!
//! ```
//! use std::sync::Arc;
//! use warden_bridge::{
//!     Command, CommandId, Envelope, Finished, Inbound, Mt5Bridge, Outcome, Refused, Report,
//!     client::{ClientConfig, ClientEvent, MemoryEpochs, connect},
//!     server::{Listener, ServerConfig},
//! };
//! use warden_domain::{Epoch, Facts, InstanceId, Timestamp};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // the supervisor's side: owns every instance, one epoch above what its gateway has seen
//! let (sender, mut inbound) = tokio::sync::mpsc::channel(16);
//! let admission = Arc::new(|_: &InstanceId, seen: Epoch| Ok::<_, Refused>(seen.next()));
//! let listening = Listener::bind(ServerConfig::new("127.0.0.1:0".parse()?), admission, sender).await?;
//!
//! // the gateway's side: serves one instance
//! let instance = InstanceId::new("acct-1")?;
//! let (handle, mut events) = connect(
//!     ClientConfig::new(vec![listening.address]),
//!     vec![(instance.clone(), Report::default())],
//!     Arc::new(MemoryEpochs::default()),
//! )?;
//! assert!(matches!(inbound.recv().await, Some(Inbound::Up { .. })));
//!
//! // a command goes down, its end comes up
//! let (epoch, id, deadline) = (Epoch(1), CommandId(1), Timestamp::MAX);
//! listening.bridge.send(Envelope { instance, epoch, id, deadline, command: Command::Reconnect })?;
//! while let Some(event) = events.recv().await {
//!     if let ClientEvent::Command(Envelope { instance, epoch, id, .. }) = event {
//!         let (outcome, facts) = (Outcome::Done, Facts::default());
//!         handle.finished(epoch, Finished { instance, id, outcome, facts, detail: String::new() })?;
//!         break;
//!     }
//! }
//! assert!(matches!(inbound.recv().await, Some(Inbound::Finished(_))));
//! # Ok(())
//! # }
//! ```

pub mod client;
mod convert;
pub mod message;
pub mod server;
mod session;
mod transport;
mod wire;

pub use convert::hello::PROTOCOL_VERSION;
pub use message::{
    Command, CommandId, Deal, DealEntry, Envelope, Finished, Inbound, Market, Mt5Bridge, OpenOrder,
    OpenPosition, Order, OrderAction, Outcome, PastOrder, Pending, Report, Secret, SendError, SendId,
    SendState, SessionFacts, Snapshot, SnapshotQuery, SymbolNow, Tickets, TradeReply,
};
pub use session::{RefusalReason, Refusals, Refused};
