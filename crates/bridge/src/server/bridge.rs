use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use super::registry::{Registry, View};
use crate::{Envelope, Mt5Bridge, Refusals, SendError};

/// The way to the terminals whose gateways are connected; cheap to clone.
#[derive(Clone, Debug)]
pub struct GrpcBridge {
    registry: Arc<Registry>,
}

/// What was counted since [`Listener::bind`](super::Listener::bind), over all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Sessions that began.
    pub sessions_opened: u64,
    /// Sessions that are open.
    pub sessions_open: usize,
    /// Frames of gateways that were refused.
    pub refused: Refusals,
    /// Frames that gateways refused.
    pub refused_by_gateway: Refusals,
}

/// One open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Counts the sessions of this process, from 1.
    pub id: u64,
    /// The gateway's address, where the system tells it.
    pub peer: Option<SocketAddr>,
    /// The version that the gateway told; empty before its announcement.
    pub gateway_version: String,
    /// How many instances it serves.
    pub instances: usize,
    /// Its frames that were refused.
    pub refused: Refusals,
    /// Frames that it refused.
    pub refused_by_gateway: Refusals,
}

impl GrpcBridge {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// What was counted over all sessions.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            sessions_opened: self.registry.opened(),
            sessions_open: self.registry.views().len(),
            refused: self.registry.tallies.refused.read(),
            refused_by_gateway: self.registry.tallies.refused_by_gateway.read(),
        }
    }

    /// The open sessions, oldest first.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.registry.views().values().map(|view| info(view)).collect()
    }
}

impl Mt5Bridge for GrpcBridge {
    fn send(&self, envelope: Envelope) -> Result<(), SendError> {
        match self.registry.find(&envelope.instance) {
            Some(slot) => slot.send(envelope, self.registry.unanswered),
            None => Err(SendError::NotConnected(envelope.instance)),
        }
    }
}

fn info(view: &View) -> SessionInfo {
    SessionInfo {
        id: view.id.0,
        peer: view.peer,
        gateway_version: view.gateway_version.get().cloned().unwrap_or_default(),
        instances: view.instances.load(Ordering::Relaxed),
        refused: view.tallies.refused.read(),
        refused_by_gateway: view.tallies.refused_by_gateway.read(),
    }
}
