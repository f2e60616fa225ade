//! `GET /metrics` for Prometheus and `GET /healthz` for whoever asks whether the process answers; loopback only.
//!
//! Nothing of a request is used but its method and path; a connection carries one request, and every size and time is
//! bounded.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tracing::{debug, warn};
use warden_telemetry::Registry;

/// Requests that are answered at the same time; more wait to be accepted.
const CONNECTIONS: usize = 16;
/// Bytes of a request's head that are read at most.
const HEAD: usize = 8 * 1_024;
/// How long one request may take, from its connection to its answer.
const WITHIN: Duration = Duration::from_secs(5);
/// How long to wait after a connection could not be accepted, such as without free file descriptors.
const AGAIN: Duration = Duration::from_millis(100);

/// Where metrics are scraped.
#[derive(Debug)]
pub struct MetricsEndpoint {
    listener: TcpListener,
    address: SocketAddr,
}

/// Why metrics cannot be served.
#[derive(Debug, Error)]
pub enum MetricsError {
    /// The address can be reached from other machines.
    #[error(
        "{0} is beyond loopback, and metrics name instances; listen on 127.0.0.1 and let a local agent scrape"
    )]
    BeyondLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for metrics; choose a free port")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// The operating system's own words.
        #[source]
        source: io::Error,
    },
}

impl MetricsEndpoint {
    /// Listens; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is not of the loopback, or is taken.
    pub async fn bind(address: SocketAddr) -> Result<Self, MetricsError> {
        if !address.ip().is_loopback() {
            return Err(MetricsError::BeyondLoopback(address));
        }
        let bind = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bind.await.map_err(|source| MetricsError::Bind { address, source })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is dropped.
    pub async fn serve(self, registry: Registry) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let registry = registry.clone();
                    tokio::spawn(async move {
                        if let Err(fault) = timeout(WITHIN, answer(stream, &registry)).await {
                            debug!(%fault, "a metrics request took too long");
                        }
                        drop(place);
                    });
                }
                Err(fault) => {
                    warn!(%fault, "a metrics connection could not be accepted");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

/// Serves the metrics of a registry at an address until the future is dropped.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve_metrics(address: SocketAddr, registry: Registry) -> Result<(), MetricsError> {
    MetricsEndpoint::bind(address).await?.serve(registry).await;
    Ok(())
}

async fn answer(mut stream: TcpStream, registry: &Registry) {
    let reply = match head(&mut stream).await {
        Ok(head) => reply(&head, registry),
        Err(fault) => {
            debug!(%fault, "a metrics request could not be read");
            return;
        }
    };
    let sent = async {
        stream.write_all(&reply).await?;
        stream.shutdown().await
    };
    if let Err(fault) = sent.await {
        debug!(%fault, "a metrics answer could not be sent");
    }
}

/// Reads a request's head; as much of it as may be read where it does not end.
async fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    let mut most = stream.take(HEAD as u64);
    while !ends(&head) {
        if most.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(head)
}

fn ends(head: &[u8]) -> bool {
    head.windows(4).any(|four| four == b"\r\n\r\n")
}

fn reply(head: &[u8], registry: &Registry) -> Vec<u8> {
    if !ends(head) {
        return if head.len() >= HEAD {
            plain("431 Request Header Fields Too Large", "")
        } else {
            plain(BAD, "")
        };
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let (Some(method), Some(target), Some(b"HTTP/1.1" | b"HTTP/1.0"), None) =
        (method, target, version, words.next())
    else {
        return plain(BAD, "");
    };
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    match (method, path) {
        (b"GET", b"/metrics") => {
            written("200 OK", "text/plain; version=0.0.4; charset=utf-8", "", &registry.render())
        }
        (b"GET", b"/healthz") => plain("200 OK", ""),
        (_, b"/metrics" | b"/healthz") => plain("405 Method Not Allowed", "allow: GET\r\n"),
        _ => plain("404 Not Found", ""),
    }
}

const BAD: &str = "400 Bad Request";

fn plain(status: &str, more: &str) -> Vec<u8> {
    written(status, "text/plain; charset=utf-8", more, &format!("{status}\n"))
}

fn written(status: &str, kind: &str, more: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         connection: close\r\n{more}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use warden_telemetry::metrics;

    use super::*;

    async fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // What is too long is answered before it was read.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    async fn endpoint() -> SocketAddr {
        let registry = Registry::default();
        registry.series(&metrics::TRANSITIONS, []).add(7);
        let endpoint = MetricsEndpoint::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = endpoint.address();
        tokio::spawn(endpoint.serve(registry));
        address
    }

    #[tokio::test]
    async fn metrics_are_written_in_prometheus_text_format() {
        let address = endpoint().await;
        let answer = ask(address, b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(body.ends_with("warden_transitions_total 7\n"), "{body}");
        assert!(ask(address, b"GET /healthz HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.1 200 OK"));
    }

    #[tokio::test]
    async fn everything_else_is_refused_by_its_kind() {
        let address = endpoint().await;
        let cases: [(&[u8], &str); 6] = [
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"GET /secret HTTP/1.1\r\n\r\n", "404"),
            (b"GET /metrics HTTP/2\r\n\r\n", "400"),
            (b"GET  /metrics HTTP/1.1\r\n\r\n", "400"),
            (b"\xff\xfe\r\n\r\n", "400"),
            (&[b'a'; HEAD + 1], "431"),
        ];
        for (request, status) in cases {
            let answer = ask(address, request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_is_closed_and_keeps_no_place() {
        let address = endpoint().await;
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut answer = Vec::new();
        silent[0].read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty());
        // The clock that runs on when nobody has anything to do does not wait for bytes on their way.
        tokio::time::resume();
        assert!(ask(address, b"GET /healthz HTTP/1.1\r\n\r\n").await.contains("200 OK"));
    }

    #[tokio::test]
    async fn addresses_beyond_loopback_and_taken_ones_are_refused() {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let refused = MetricsEndpoint::bind(everywhere).await.unwrap_err();
        assert!(matches!(refused, MetricsError::BeyondLoopback(_)), "{refused}");
        let taken = MetricsEndpoint::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let refused = MetricsEndpoint::bind(taken.address()).await.unwrap_err();
        assert!(refused.to_string().contains("choose a free port"), "{refused}");
    }
}
