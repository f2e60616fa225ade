use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use thiserror::Error;
use warden_bridge::client::{
    ClientConfig, ConnectError, EpochFile, EpochStore, EpochStoreError, MemoryEpochs, MemorySends, SendFile,
    SendStore, SendStoreError,
};
use warden_domain::Span;

/// How the gateways reach their supervisors.
#[derive(Clone, Debug)]
pub struct Dialling {
    /// The supervisors, in the order in which they are dialled; loopback only.
    pub supervisors: Vec<SocketAddr>,
    /// The folder in which each gateway keeps the highest epochs it has seen and its order inbox; `None` keeps both in
    /// memory, over restarts of a gateway in the world, and not over a restart of the program.
    pub epochs: Option<PathBuf>,
    /// The longest wait between two rounds of dialling.
    pub longest_wait: Span,
}

impl Dialling {
    /// These supervisors; epochs in memory, dialling again after 2 s at most.
    #[must_use]
    pub fn new(supervisors: Vec<SocketAddr>) -> Self {
        Self { supervisors, epochs: None, longest_wait: Span::from_secs(2) }
    }

    /// How a gateway with this inbox dials.
    pub(super) fn config(&self, sends: &Arc<dyn SendStore>) -> ClientConfig {
        let usual = ClientConfig::new(self.supervisors.clone());
        let first_wait = usual.first_wait.min(self.longest_wait);
        ClientConfig {
            longest_wait: self.longest_wait,
            first_wait,
            announce_again: self.longest_wait,
            sends: Arc::clone(sends),
            ..usual
        }
    }

    pub(super) fn epochs(&self, gateway: &str) -> Result<Arc<dyn EpochStore>, DialError> {
        match &self.epochs {
            None => Ok(Arc::new(MemoryEpochs::default())),
            Some(folder) => Ok(Arc::new(EpochFile::open(&folder.join(format!("{gateway}.epochs")))?)),
        }
    }

    pub(super) fn sends(&self, gateway: &str) -> Result<Arc<dyn SendStore>, DialError> {
        match &self.epochs {
            None => Ok(Arc::new(MemorySends::default())),
            Some(folder) => Ok(Arc::new(SendFile::open(&folder.join(format!("{gateway}.sends")))?)),
        }
    }
}

/// Why gateways cannot dial.
#[derive(Debug, Error)]
pub enum DialError {
    /// The addresses or the fleet are faulty.
    #[error("the gateways cannot dial")]
    Connect(#[from] ConnectError),
    /// The epochs cannot be kept.
    #[error("the gateways cannot keep their epochs")]
    Epochs(#[from] EpochStoreError),
    /// The order inboxes cannot be kept.
    #[error("the gateways cannot keep their order inboxes")]
    Sends(#[from] SendStoreError),
}
