//! A supervisor's side as it is, with everything admitted one epoch above what was seen.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::mpsc;
use warden_bridge::{
    Command, CommandId, Envelope, Inbound, RefusalReason, Refused,
    server::{GrpcBridge, Listener, Listening, ServerConfig, ServerHandle},
};
use warden_domain::{Epoch, InstanceId, Span, Timestamp};

use super::{id, soon, until};

pub struct Rig {
    pub bridge: GrpcBridge,
    pub address: SocketAddr,
    pub server: ServerHandle,
    pub inbound: mpsc::Receiver<Inbound>,
}

impl Rig {
    pub async fn start() -> Self {
        Self::with(1_024, |_| ()).await
    }

    pub async fn with(inbound: usize, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::new("127.0.0.1:0".parse().expect("an address"));
        config.drain = Span::from_secs(60);
        change(&mut config);
        let (sender, receiver) = mpsc::channel(inbound);
        let Listening { bridge, address, server } =
            Listener::bind(config, Arc::new(admit), sender).await.expect("it listens");
        Self { bridge, address, server, inbound: receiver }
    }

    pub async fn next(&mut self) -> Inbound {
        soon(self.inbound.recv()).await.expect("an event")
    }

    /// The next event, which is `Up`.
    pub async fn up(&mut self) -> (InstanceId, Epoch) {
        let event = self.next().await;
        let Inbound::Up { instance, epoch, .. } = event else { panic!("up was expected, not {event:?}") };
        (instance, epoch)
    }

    /// The next event, which is a report of so many positions.
    pub async fn positions(&mut self) -> u32 {
        let event = self.next().await;
        let Inbound::Report { report, .. } = event else { panic!("a report was expected, not {event:?}") };
        report.positions
    }

    /// Waits until so many frames were refused for this reason.
    pub async fn refused(&self, reason: RefusalReason, times: u64) {
        until(|| self.bridge.counters().refused.count(reason) == times).await;
    }
}

/// Everything is owned here, except what its name says.
fn admit(instance: &InstanceId, seen: Epoch) -> Result<Epoch, Refused> {
    match instance.as_str() {
        "unknown" => Err(Refused::UnknownInstance),
        "stale" => Ok(Epoch(0)),
        "same-epoch" => Ok(seen.max(Epoch(1))),
        _ => Ok(seen.next()),
    }
}

/// A command that may start for ever.
pub fn envelope(instance: &str, epoch: u64, number: u64) -> Envelope {
    Envelope {
        instance: id(instance),
        epoch: Epoch(epoch),
        id: CommandId(number),
        deadline: Timestamp::MAX,
        command: Command::Reconnect,
    }
}
