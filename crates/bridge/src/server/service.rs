use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::{Semaphore, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use warden_domain::Timestamp;

use super::{admission::Admission, registry::Registry, session::Session, slot::Queue};
use crate::{
    Inbound,
    wire::{self, gateway_server::Gateway, supervisor_frame::Body},
};

/// How far the listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Sessions are served.
    Serve,
    /// Sessions end in order.
    Drain,
    /// Sessions end at once.
    Kill,
}

/// What every session works with.
pub(super) struct Service {
    pub(super) registry: Arc<Registry>,
    pub(super) admission: Arc<dyn Admission>,
    pub(super) inbound: mpsc::Sender<Inbound>,
    pub(super) stage: watch::Receiver<Stage>,
    /// One permit per session that may be open.
    pub(super) seats: Arc<Semaphore>,
    pub(super) queue: usize,
    pub(super) heartbeat_interval: Duration,
    pub(super) heartbeat_timeout: Duration,
}

/// The generated trait's home: a newtype, because sessions outlive the call that began them.
pub(super) struct Door(pub(super) Arc<Service>);

#[tonic::async_trait]
impl Gateway for Door {
    type SessionStream = ReceiverStream<Result<wire::SupervisorFrame, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<wire::GatewayFrame>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let service = Arc::clone(&self.0);
        let (queue, outgoing) = mpsc::channel(service.queue);
        let Ok(seat) = Arc::clone(&service.seats).try_acquire_owned() else {
            say_goodbye(&queue, wire::GoodbyeReason::Busy, "as many gateways are connected as may be");
            return Ok(Response::new(ReceiverStream::new(outgoing)));
        };
        let peer = request.remote_addr();
        let frames = request.into_inner();
        tokio::spawn(async move {
            let mut stage = service.stage.clone();
            let session = Session::new(service, peer, queue);
            tokio::select! {
                () = session.run(frames) => {}
                _ = stage.wait_for(|stage| *stage == Stage::Kill) => {}
            }
            drop(seat);
        });
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}

/// Gives a sign of life every `interval` until the session's queue is gone; a full queue is a sign of life itself.
pub(super) async fn beat(queue: Queue, interval: Duration) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let heartbeat = wire::Heartbeat { sent_at_ms: Timestamp::from(SystemTime::now()).as_millis() };
        match queue.try_send(Ok(frame(Body::Heartbeat(heartbeat)))) {
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return,
        }
    }
}

/// Says goodbye where the queue has room; the end of the stream says it anyway.
pub(super) fn say_goodbye(queue: &Queue, reason: wire::GoodbyeReason, detail: &str) {
    let goodbye = wire::Goodbye { reason: reason.into(), detail: detail.to_owned() };
    let _ = queue.try_send(Ok(frame(Body::Goodbye(goodbye))));
}

/// A frame about the session as a whole.
pub(super) fn frame(body: Body) -> wire::SupervisorFrame {
    wire::SupervisorFrame { instance: String::new(), sequence: 0, body: Some(body) }
}
