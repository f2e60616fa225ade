use std::{net::SocketAddr, num::NonZeroUsize, sync::Arc, time::SystemTime};

use thiserror::Error;
use warden_domain::{Span, Timestamp};

use super::sends::{MemorySends, SendStore};
use crate::transport::{LARGEST_WINDOW, SMALLEST_WINDOW};

/// How a gateway dials and what it keeps.
#[derive(Clone)]
pub struct ClientConfig {
    /// The supervisors, in the order in which they are dialled; loopback only, because plain text is spoken.
    pub addresses: Vec<SocketAddr>,
    /// The gateway's own version, for people; at most 64 characters.
    pub version: String,
    /// How long one attempt to dial may take. Default 5 s.
    pub dial_timeout: Span,
    /// The wait after the first round through the addresses that failed; doubles with each further one. Default 500 ms.
    pub first_wait: Span,
    /// The longest such wait, before jitter makes it up to half as long again. Default 30 s.
    pub longest_wait: Span,
    /// After how long an instance that was refused is announced again. Default 10 s.
    pub announce_again: Span,
    /// How many commands that ended are kept per instance, to answer repeated ones. Default 256.
    pub inbox: NonZeroUsize,
    /// How many events may wait to be taken; when they do, no further frame is read. Default 1,024.
    pub events: NonZeroUsize,
    /// How many bytes the supervisor may send ahead of what is read (HTTP/2 stream window), 65,535 to 16 MiB. Default
    /// 256 KiB.
    pub window: u32,
    /// The order inbox: what became of every send. Default in memory, which forgets with the process: a gateway of a real
    /// terminal gives a [`SendFile`](super::SendFile).
    pub sends: Arc<dyn SendStore>,
    /// The clock that deadlines are compared with: UTC.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl ClientConfig {
    /// The defaults, for these supervisors.
    #[must_use]
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        Self {
            addresses,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            dial_timeout: Span::from_secs(5),
            first_wait: Span::from_millis(500),
            longest_wait: Span::from_secs(30),
            announce_again: Span::from_secs(10),
            inbox: const { NonZeroUsize::new(256).unwrap() },
            events: const { NonZeroUsize::new(1_024).unwrap() },
            window: 256 * 1024,
            sends: Arc::new(MemorySends::default()),
            clock: Arc::new(|| SystemTime::now().into()),
        }
    }

    pub(super) fn check(&self) -> Result<(), ClientConfigError> {
        if self.addresses.is_empty() {
            return Err(ClientConfigError::NoAddress);
        }
        if let Some(far) = self.addresses.iter().find(|it| !it.ip().is_loopback()) {
            return Err(ClientConfigError::TlsRequired(*far));
        }
        for (key, span) in [
            ("dial_timeout", self.dial_timeout),
            ("first_wait", self.first_wait),
            ("longest_wait", self.longest_wait),
            ("announce_again", self.announce_again),
        ] {
            if span == Span::ZERO {
                return Err(ClientConfigError::Zero(key));
            }
        }
        if !(SMALLEST_WINDOW..=LARGEST_WINDOW).contains(&self.window) {
            return Err(ClientConfigError::Window(self.window));
        }
        if self.version.chars().count() > 64 {
            return Err(ClientConfigError::LongVersion);
        }
        Ok(())
    }
}

/// What is wrong with a [`ClientConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientConfigError {
    /// There is nobody to dial.
    #[error("addresses is empty; give the address of at least one supervisor")]
    NoAddress,
    /// An address is not on this machine.
    #[error("{0} is not a loopback address; TLS is required beyond loopback and not offered yet")]
    TlsRequired(SocketAddr),
    /// A span is zero.
    #[error("{0} is zero; give it a span above zero")]
    Zero(&'static str),
    /// No session works with such a window.
    #[error("window {0} is outside 65535 to 16777216 bytes; choose one inside")]
    Window(u32),
    /// The version is longer than the contract allows.
    #[error("version is longer than 64 characters; shorten it")]
    LongVersion,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named() {
        let good = || ClientConfig::new(vec!["127.0.0.1:1".parse().unwrap(), "[::1]:1".parse().unwrap()]);
        let far = "192.0.2.1:1".parse().unwrap();
        assert_eq!(good().check(), Ok(()));
        assert_eq!(ClientConfig::new(vec![]).check(), Err(ClientConfigError::NoAddress));
        assert_eq!(ClientConfig::new(vec![far]).check(), Err(ClientConfigError::TlsRequired(far)));
        assert_eq!(
            ClientConfig { first_wait: Span::ZERO, ..good() }.check(),
            Err(ClientConfigError::Zero("first_wait"))
        );
        assert_eq!(ClientConfig { window: 1, ..good() }.check(), Err(ClientConfigError::Window(1)));
        assert_eq!(
            ClientConfig { version: "v".repeat(65), ..good() }.check(),
            Err(ClientConfigError::LongVersion)
        );
    }
}
