use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
};

use thiserror::Error;
use warden_domain::Span;

use crate::transport::{LARGEST_WINDOW, SMALLEST_WINDOW};

/// How a supervisor listens for gateways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where to listen; loopback only. Port 0 takes a free one.
    pub address: SocketAddr,
    /// How often each side gives a sign of life. Default 5 s.
    pub heartbeat_interval: Span,
    /// After how long without one a session is closed; longer than the interval. Default 15 s.
    pub heartbeat_timeout: Span,
    /// How many frames may wait for one gateway; beyond, commands are not taken. Default 1,024.
    pub queue: NonZeroUsize,
    /// How many commands without a result are kept per instance, to send them again after a gap. Default 64.
    pub unanswered: NonZeroUsize,
    /// How many gateways may be connected. Default 1,024.
    pub sessions: NonZeroU32,
    /// How many bytes a gateway may send ahead of what is read (HTTP/2 stream window), 65,535 to 16 MiB. Default 256 KiB.
    pub window: u32,
    /// How long a shutdown waits for the sessions to end in order. Default 5 s.
    pub drain: Span,
}

impl ServerConfig {
    /// The defaults, at this address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            heartbeat_interval: Span::from_secs(5),
            heartbeat_timeout: Span::from_secs(15),
            queue: const { NonZeroUsize::new(1_024).unwrap() },
            unanswered: const { NonZeroUsize::new(64).unwrap() },
            sessions: const { NonZeroU32::new(1_024).unwrap() },
            window: 256 * 1024,
            drain: Span::from_secs(5),
        }
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self) -> Result<(), ServerConfigError> {
        if !self.address.ip().is_loopback() {
            return Err(ServerConfigError::TlsRequired(self.address));
        }
        if self.heartbeat_interval == Span::ZERO {
            return Err(ServerConfigError::ZeroInterval);
        }
        if self.heartbeat_timeout <= self.heartbeat_interval {
            return Err(ServerConfigError::ShortTimeout {
                interval: self.heartbeat_interval,
                timeout: self.heartbeat_timeout,
            });
        }
        if !(SMALLEST_WINDOW..=LARGEST_WINDOW).contains(&self.window) {
            return Err(ServerConfigError::Window(self.window));
        }
        Ok(())
    }
}

/// What is wrong with a [`ServerConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServerConfigError {
    /// The address can be reached from other machines.
    #[error("{0} is not a loopback address; TLS is required beyond loopback and not offered yet")]
    TlsRequired(SocketAddr),
    /// Heartbeats without a pause.
    #[error("heartbeat_interval is zero; give it a span above zero")]
    ZeroInterval,
    /// Every session would be closed.
    #[error(
        "heartbeat_timeout {timeout} is not longer than heartbeat_interval {interval}; make it about three times as long"
    )]
    ShortTimeout {
        /// How often a heartbeat is due.
        interval: Span,
        /// When one is missed.
        timeout: Span,
    },
    /// No session works with such a window.
    #[error("window {0} is outside 65535 to 16777216 bytes; choose one inside")]
    Window(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named() {
        let good = || ServerConfig::new("127.0.0.1:0".parse().unwrap());
        assert_eq!(good().check(), Ok(()));
        assert_eq!(ServerConfig::new("[::1]:0".parse().unwrap()).check(), Ok(()));
        let far = "0.0.0.0:7000".parse().unwrap();
        let fault = ServerConfig::new(far).check().unwrap_err();
        assert_eq!(fault, ServerConfigError::TlsRequired(far));
        assert!(fault.to_string().contains("TLS is required beyond loopback"));
        let zero = ServerConfig { heartbeat_interval: Span::ZERO, ..good() };
        assert_eq!(zero.check(), Err(ServerConfigError::ZeroInterval));
        let short = ServerConfig { heartbeat_timeout: Span::from_secs(5), ..good() };
        assert!(matches!(short.check(), Err(ServerConfigError::ShortTimeout { .. })));
        for window in [0, SMALLEST_WINDOW - 1, LARGEST_WINDOW + 1] {
            assert_eq!(ServerConfig { window, ..good() }.check(), Err(ServerConfigError::Window(window)));
        }
    }
}
