use std::net::{Ipv4Addr, SocketAddr};

use toml::de::DeTable;
use warden_domain::Span;

use super::reader::{ANY_SPAN, Reader};

/// `[listen]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenConfig {
    /// `gateways`: where gateways dial in; loopback.
    pub gateways: SocketAddr,
    /// `heartbeat`: how often each side gives a sign of life.
    pub heartbeat: Span,
    /// `heartbeat_timeout`: after how long without one a session is closed.
    pub heartbeat_timeout: Span,
    /// `sessions`: gateways that may be connected.
    pub sessions: u32,
    /// `queue`: commands that may wait for one gateway.
    pub queue: u32,
    /// `metrics`: where Prometheus scrapes; loopback. `None` serves none.
    pub metrics: Option<SocketAddr>,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            gateways: SocketAddr::from((Ipv4Addr::LOCALHOST, 7401)),
            heartbeat: Span::from_secs(5),
            heartbeat_timeout: Span::from_secs(15),
            sessions: 1_024,
            queue: 1_024,
            metrics: None,
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, document: &DeTable<'_>) -> ListenConfig {
    let mut section = reader.section("listen", document);
    let default = ListenConfig::default();
    let config = ListenConfig {
        gateways: section.parsed("gateways", gateways_address).unwrap_or(default.gateways),
        heartbeat: section.span("heartbeat", &ANY_SPAN).unwrap_or(default.heartbeat),
        heartbeat_timeout: section.span("heartbeat_timeout", &ANY_SPAN).unwrap_or(default.heartbeat_timeout),
        sessions: section.number("sessions", &(1..=65_536)).unwrap_or(default.sessions),
        queue: section.number("queue", &(1..=65_536)).unwrap_or(default.queue),
        metrics: section.parsed("metrics", metrics_address),
    };
    if config.heartbeat_timeout <= config.heartbeat {
        let key =
            if section.place("heartbeat_timeout").is_some() { "heartbeat_timeout" } else { "heartbeat" };
        let what = format!(
            "closes every session: heartbeat_timeout {} is not longer than heartbeat {}; make it about three times as long",
            config.heartbeat_timeout, config.heartbeat
        );
        section.fault_at(key, what);
    }
    config
}

fn gateways_address(text: &str) -> Result<SocketAddr, String> {
    let beyond = "where TLS is required and not offered yet; listen on 127.0.0.1 and bring gateways of other machines \
                  in through a TLS tunnel";
    address(text, "127.0.0.1:7401", beyond)
}

fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let beyond = "and metrics name instances; listen on 127.0.0.1 and let an agent on this machine scrape";
    address(text, "127.0.0.1:9464", beyond)
}

/// An address of the loopback; `beyond` says why it takes no other and what to do.
fn address(text: &str, like: &str, beyond: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| format!("{text:?} is no address and port; write it like {like:?}"))?;
    if !address.ip().is_loopback() {
        return Err(format!("{address} is beyond loopback, {beyond}"));
    }
    Ok(address)
}
