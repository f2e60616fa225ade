//! A faulty network: a TCP proxy on loopback whose fault is switched while it runs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::error::{Doing, Result};

/// The two ways bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// From the client to the server: requests.
    ToServer,
    /// From the server to the client: replies.
    ToClient,
}

/// What is wrong with the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every connection is closed at once, and every new one when it comes.
    Cut,
    /// Whatever is read is passed on this much later; what follows queues behind it.
    Delay(Duration),
    /// Connections stay and are accepted, but no byte passes in either direction.
    HalfOpen,
    /// So many more bytes pass on one side, counted over all connections from now on; then the connection is closed.
    Truncate {
        /// The side that is counted; the other passes.
        side: Side,
        /// How many bytes still pass.
        after: u64,
    },
}

/// A proxy in front of a server, run by a thread of its own: usable from plain and from async tests.
///
/// # Expected flow
///
/// Start it before the server's address is needed, hand [`FaultProxy::address`] to the client, then
/// [`FaultProxy::set`] and [`FaultProxy::heal`] at will. A fault works on open connections at once.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Active>,
    runtime: Option<Runtime>,
}

impl FaultProxy {
    /// Starts a healthy proxy for the server at `upstream`, which need not run yet.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn start(upstream: SocketAddr) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fault-proxy")
            .enable_all()
            .build()
            .doing("start the threads of a fault proxy")?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .doing("listen as a fault proxy")?;
        let address = listener.local_addr().doing("learn the address of a fault proxy")?;
        let (fault, watched) = watch::channel(Active::new(Fault::None));
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listener).doing("listen as a fault proxy")?
        };
        runtime.spawn(accept(listener, upstream, watched));
        Ok(Self { address, fault, runtime: Some(runtime) })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the network has this fault instead of the one before.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(Active::new(fault));
    }

    /// From now on the network is healthy. What a half-open network held back passes.
    pub fn heal(&self) {
        self.set(Fault::None);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // an async test must not block here
        }
    }
}

/// The fault in force, with the bytes that a truncation has left.
#[derive(Debug, Clone)]
struct Active {
    fault: Fault,
    left: Arc<AtomicU64>,
}

impl Active {
    fn new(fault: Fault) -> Self {
        let left = match fault {
            Fault::Truncate { after, .. } => after,
            Fault::None | Fault::Cut | Fault::Delay(_) | Fault::HalfOpen => u64::MAX,
        };
        Self { fault, left: Arc::new(AtomicU64::new(left)) }
    }

    /// How many of `wanted` bytes may pass on this side.
    fn take(&self, side: Side, wanted: usize) -> usize {
        match self.fault {
            Fault::Truncate { side: counted, .. } if counted == side => {
                let take = |left: u64| Some(left.saturating_sub(wanted as u64));
                let left = match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
                    Ok(left) | Err(left) => left,
                };
                usize::try_from(left).map_or(wanted, |left| left.min(wanted))
            }
            Fault::None | Fault::Cut | Fault::Delay(_) | Fault::HalfOpen | Fault::Truncate { .. } => wanted,
        }
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, fault: watch::Receiver<Active>) {
    while let Ok((client, _)) = listener.accept().await {
        if fault.borrow().fault != Fault::Cut {
            tokio::spawn(connection(client, upstream, fault.clone()));
        }
    }
}

/// One connection; closed on both sides when either direction ends, as a cut wire would.
async fn connection(
    client: TcpStream,
    upstream: SocketAddr,
    fault: watch::Receiver<Active>,
) -> io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        ended = pump(Side::ToServer, from_client, to_server, fault.clone()) => ended,
        ended = pump(Side::ToClient, from_server, to_client, fault) => ended,
    }
}

async fn pump(
    side: Side,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut fault: watch::Receiver<Active>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Some(()) = passable(&mut fault).await else { return Ok(()) };
        let read = tokio::select! {
            read = from.read(&mut buffer) => read?,
            changed = fault.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return Ok(()),
            },
        };
        if read == 0 {
            return Ok(());
        }
        hold(&mut fault).await;
        let Some(()) = passable(&mut fault).await else { return Ok(()) };
        let passes = fault.borrow().take(side, read);
        to.write_all(&buffer[..passes]).await?;
        if passes < read {
            return Ok(());
        }
    }
}

/// Waits while the network is half open; nothing when the connection is to be closed.
async fn passable(fault: &mut watch::Receiver<Active>) -> Option<()> {
    loop {
        let now = fault.borrow_and_update().fault;
        match now {
            Fault::None | Fault::Delay(_) | Fault::Truncate { .. } => return Some(()),
            Fault::Cut => return None,
            Fault::HalfOpen => fault.changed().await.ok()?,
        }
    }
}

/// Waits as long as the network delays, or until its fault changes.
async fn hold(fault: &mut watch::Receiver<Active>) {
    let now = fault.borrow_and_update().fault;
    match now {
        Fault::Delay(delay) => {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = fault.changed() => {}
            }
        }
        Fault::None | Fault::Cut | Fault::HalfOpen | Fault::Truncate { .. } => {}
    }
}
