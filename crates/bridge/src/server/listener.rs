use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tonic::transport::{Server, server::TcpIncoming};

use super::{
    Admission, GrpcBridge, ServerConfig, ServerConfigError,
    registry::Registry,
    service::{Door, Service, Stage},
};
use crate::{
    Inbound,
    convert::LONGEST_FRAME,
    transport::{STREAMS, connection_window},
    wire::gateway_server::GatewayServer,
};

/// The largest header list of a request, in bytes: a session's request carries next to nothing.
const LONGEST_HEADERS: u32 = 16 * 1024;

/// Takes gateways in.
#[derive(Debug)]
pub enum Listener {}

/// What [`Listener::bind`] began.
#[derive(Debug)]
pub struct Listening {
    /// The way to the terminals.
    pub bridge: GrpcBridge,
    /// Where it listens; the port that was taken when the configuration said 0.
    pub address: SocketAddr,
    /// Ends it.
    pub server: ServerHandle,
}

impl Listener {
    /// Listens for gateways, and hands what they send to `inbound`.
    ///
    /// Must be called within a tokio runtime. Ends when the handle is shut down or dropped.
    ///
    /// # Errors
    /// When the configuration is faulty (such as an address beyond loopback, for which TLS is required), or the address
    /// cannot be listened on.
    pub async fn bind(
        config: ServerConfig,
        admission: Arc<dyn Admission>,
        inbound: mpsc::Sender<Inbound>,
    ) -> Result<Listening, BindError> {
        config.check()?;
        let busy = |source| BindError::Address { address: config.address, source };
        let listener = TcpListener::bind(config.address).await.map_err(busy)?;
        let address = listener.local_addr().map_err(busy)?;
        let (stage, watched) = watch::channel(Stage::Serve);
        let registry = Arc::new(Registry::new(config.unanswered));
        let seats = Arc::new(Semaphore::new(config.sessions.get() as usize));
        let service = Service {
            registry: Arc::clone(&registry),
            admission,
            inbound,
            stage: watched.clone(),
            seats: Arc::clone(&seats),
            queue: config.queue.get(),
            heartbeat_interval: config.heartbeat_interval.into(),
            heartbeat_timeout: config.heartbeat_timeout.into(),
        };
        let task = tokio::spawn(serve(service, listener, config.window, watched));
        let server =
            ServerHandle { stage, seats, places: config.sessions.get(), drain: config.drain.into(), task };
        Ok(Listening { bridge: GrpcBridge::new(registry), address, server })
    }
}

async fn serve(
    service: Service,
    listener: TcpListener,
    window: u32,
    mut stage: watch::Receiver<Stage>,
) -> Result<(), tonic::transport::Error> {
    let patience = service.heartbeat_timeout;
    let gateway = GatewayServer::new(Door(Arc::new(service)))
        .max_decoding_message_size(LONGEST_FRAME)
        .max_encoding_message_size(LONGEST_FRAME);
    Server::builder()
        .initial_stream_window_size(window)
        .initial_connection_window_size(connection_window(window))
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(LONGEST_HEADERS)
        .http2_keepalive_interval(Some(patience))
        .http2_keepalive_timeout(Some(patience))
        .add_service(gateway)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async move {
            // an error says that the handle is gone, which ends it as well
            let _ = stage.wait_for(|stage| *stage != Stage::Serve).await;
        })
        .await
}

/// Ends a [`Listener`]; dropping it cuts every session, without a goodbye to the gateways and without a `Down`.
#[derive(Debug)]
pub struct ServerHandle {
    stage: watch::Sender<Stage>,
    seats: Arc<Semaphore>,
    places: u32,
    drain: Duration,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl ServerHandle {
    /// Takes no more gateways, says goodbye to those that are there, hands over `Down` for each of their instances, and
    /// waits for all of it, at most [`ServerConfig::drain`]; then ends what is left at once.
    ///
    /// Go on taking events meanwhile: a full inbound channel keeps a session from ending.
    pub async fn shutdown(mut self) {
        self.stage.send_replace(Stage::Drain);
        let ended = timeout(self.drain, async {
            // a session holds its permit until it has ended
            let all = self.seats.acquire_many(self.places).await;
            let served = (&mut self.task).await;
            (all.is_ok(), served)
        });
        match ended.await {
            Ok((_, Ok(Ok(())))) => {}
            Ok((_, Ok(Err(fault)))) => tracing::warn!(%fault, "the gateway listener ended with a fault"),
            Ok((_, Err(fault))) => tracing::error!(%fault, "the gateway listener did not end in order"),
            Err(_) => tracing::warn!("gateway sessions did not end in time and were cut"),
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stage.send_replace(Stage::Kill);
        self.task.abort();
    }
}

/// Why a [`Listener`] does not listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// The configuration is faulty.
    #[error("the listener's configuration is faulty")]
    Config(#[from] ServerConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose a free port of this machine")]
    Address {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
