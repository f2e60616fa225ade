//! A supervisor that says whatever it is told to.

use std::net::SocketAddr;

use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::TcpIncoming},
};

use warden_bridge::PROTOCOL_VERSION;

use super::{
    soon,
    wire::{
        self,
        gateway_frame::Body as Heard,
        gateway_server::{Gateway, GatewayServer},
        supervisor_frame::Body,
    },
};

/// Listens, and hands out every session that begins.
pub struct Boss {
    pub address: SocketAddr,
    sessions: mpsc::Receiver<Desk>,
    task: JoinHandle<()>,
}

/// One session.
pub struct Desk {
    pub out: mpsc::Sender<Result<wire::SupervisorFrame, Status>>,
    frames: Streaming<wire::GatewayFrame>,
}

impl Boss {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (began, sessions) = mpsc::channel(16);
        // the smallest window, so that not reading is soon felt
        let serve = Server::builder()
            .initial_stream_window_size(65_535)
            .add_service(GatewayServer::new(Door(began)))
            .serve_with_incoming(TcpIncoming::from(listener));
        let task = tokio::spawn(async move { serve.await.expect("it serves") });
        Self { address, sessions, task }
    }

    /// The next session, before its hello.
    pub async fn session(&mut self) -> Desk {
        soon(self.sessions.recv()).await.expect("a session")
    }

    /// The next session, welcomed with these epochs; its announcement.
    pub async fn welcome(&mut self, epochs: &[(&str, u64)]) -> (Desk, wire::Hello) {
        let mut desk = self.session().await;
        let hello = desk.hello().await;
        desk.accept(epochs, 0).await;
        (desk, hello)
    }
}

impl Drop for Boss {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Desk {
    pub async fn hello(&mut self) -> wire::Hello {
        match self.next().await.body {
            Some(Heard::Hello(hello)) => hello,
            other => panic!("a hello was expected, not {other:?}"),
        }
    }

    pub async fn accept(&self, epochs: &[(&str, u64)], last_received: u64) {
        let accepted = epochs.iter().map(|(instance, epoch)| wire::Accepted {
            instance: (*instance).to_owned(),
            epoch: *epoch,
            last_received,
            last_sequence: 0,
        });
        self.say("", 0, Body::Welcome(wire::Welcome { accepted: accepted.collect(), ..welcome() })).await;
    }

    pub async fn say(&self, instance: &str, sequence: u64, body: Body) {
        self.send(frame(instance, sequence, body)).await;
    }

    pub async fn send(&self, frame: wire::SupervisorFrame) {
        soon(self.out.send(Ok(frame))).await.expect("the session is open");
    }

    /// Sends a command to reconnect.
    pub async fn command(&self, instance: &str, sequence: u64, epoch: u64, id: u64) {
        self.command_until(instance, sequence, epoch, id, i64::MAX).await;
    }

    pub async fn command_until(&self, instance: &str, sequence: u64, epoch: u64, id: u64, deadline_ms: i64) {
        self.send(command(instance, sequence, epoch, id, deadline_ms)).await;
    }

    /// The next frame that is not a heartbeat; `None` at the stream's end.
    pub async fn try_next(&mut self) -> Option<wire::GatewayFrame> {
        loop {
            let frame = soon(self.frames.message()).await.ok().flatten()?;
            if !matches!(frame.body, Some(Heard::Heartbeat(_))) {
                return Some(frame);
            }
        }
    }

    pub async fn next(&mut self) -> wire::GatewayFrame {
        self.try_next().await.expect("not the end")
    }

    /// The next frame that is neither a heartbeat nor a report.
    pub async fn answer(&mut self) -> wire::GatewayFrame {
        loop {
            let frame = self.next().await;
            if !matches!(frame.body, Some(Heard::Report(_))) {
                return frame;
            }
        }
    }

    /// The next such frame, which is a result.
    pub async fn result(&mut self) -> (u64, wire::CommandResult) {
        match self.answer().await {
            wire::GatewayFrame { sequence, body: Some(Heard::Result(result)), .. } => (sequence, result),
            other => panic!("a result was expected, not {other:?}"),
        }
    }

    /// The next such frame, which is a refusal.
    pub async fn refusal(&mut self) -> wire::Refusal {
        match self.answer().await.body {
            Some(Heard::Refusal(refusal)) => refusal,
            other => panic!("a refusal was expected, not {other:?}"),
        }
    }
}

/// A command to reconnect.
pub fn command(
    instance: &str,
    sequence: u64,
    epoch: u64,
    id: u64,
    deadline_ms: i64,
) -> wire::SupervisorFrame {
    let action = Some(wire::command::Action::Reconnect(wire::ReconnectCommand {}));
    frame(instance, sequence, Body::Command(wire::Command { epoch, id, deadline_ms, action }))
}

fn frame(instance: &str, sequence: u64, body: Body) -> wire::SupervisorFrame {
    wire::SupervisorFrame { instance: instance.into(), sequence, body: Some(body) }
}

/// A welcome for nobody; heartbeats are rare, so that they do not disturb a test.
pub fn welcome() -> wire::Welcome {
    wire::Welcome {
        protocol_version: PROTOCOL_VERSION,
        heartbeat_interval_ms: 60_000,
        heartbeat_timeout_ms: 180_000,
        accepted: Vec::new(),
        refused: Vec::new(),
    }
}

struct Door(mpsc::Sender<Desk>);

#[tonic::async_trait]
impl Gateway for Door {
    type SessionStream = ReceiverStream<Result<wire::SupervisorFrame, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<wire::GatewayFrame>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (out, outgoing) = mpsc::channel(1_024);
        let desk = Desk { out, frames: request.into_inner() };
        self.0.send(desk).await.map_err(|_| Status::unavailable("the test ended"))?;
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}
