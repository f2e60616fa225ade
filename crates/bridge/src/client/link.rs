use std::{net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};
use warden_domain::{Epoch, InstanceId};

use super::{
    book,
    config::ClientConfig,
    epochs::{EpochStore, EpochStoreError},
    handle::{ClientEvent, Shared},
};
use crate::{
    RefusalReason,
    convert::refusal::Refusal,
    convert::{LONGEST_FRAME, refusal},
    session::Pulse,
    transport::connection_window,
    wire::{self, gateway_client::GatewayClient, gateway_frame, supervisor_frame::Body},
};

/// How many frames stand between the book and the socket.
const OUTGOING: usize = 64;

/// The longest that a supervisor may let either side be silent, in milliseconds: a day.
const LONGEST_SILENCE_MS: u64 = 86_400_000;

/// One session with one supervisor.
pub(super) struct Link<'a> {
    config: &'a ClientConfig,
    shared: &'a Shared,
    epochs: &'a Arc<dyn EpochStore>,
    events: &'a mpsc::Sender<ClientEvent>,
    address: SocketAddr,
    /// How often to give a sign of life; `None` until the supervisor said.
    beat: watch::Sender<Option<Duration>>,
}

/// Why a session ended.
#[derive(Debug, Error)]
pub(super) enum LinkEnd {
    #[error("the supervisor does not answer")]
    Dial(#[source] tonic::transport::Error),
    #[error("the supervisor does not answer in time")]
    DialTimeout,
    #[error("the stream broke")]
    Broken(#[source] tonic::Status),
    #[error("the supervisor ended the stream")]
    Ended,
    #[error("the supervisor said goodbye: {0}")]
    Goodbye(String),
    #[error("nothing was heard from the supervisor in time")]
    HeartbeatMissed,
    #[error("an epoch could not be kept, so nothing is taken under it")]
    Epochs(#[source] EpochStoreError),
    #[error("this gateway said goodbye")]
    Closed,
    #[error("nobody takes the events")]
    Dropped,
}

impl<'a> Link<'a> {
    pub(super) fn new(
        config: &'a ClientConfig,
        shared: &'a Shared,
        epochs: &'a Arc<dyn EpochStore>,
        events: &'a mpsc::Sender<ClientEvent>,
        address: SocketAddr,
    ) -> Self {
        Self { config, shared, epochs, events, address, beat: watch::Sender::new(None) }
    }

    /// Whether the supervisor answered the announcement.
    pub(super) fn was_welcomed(&self) -> bool {
        self.beat.borrow().is_some()
    }

    /// Dials, and keeps the session until it ends.
    pub(super) async fn run(&mut self) -> LinkEnd {
        let mut stop = self.shared.stop.subscribe();
        let (out, outgoing) = mpsc::channel(OUTGOING);
        let opened = tokio::select! {
            opened = timeout(self.config.dial_timeout.into(), self.open(outgoing)) => opened,
            _ = stop.wait_for(|stop| *stop) => return LinkEnd::Closed,
        };
        let mut frames = match opened {
            Ok(Ok(frames)) => frames,
            Ok(Err(end)) => return end,
            Err(_) => return LinkEnd::DialTimeout,
        };
        let this = &*self;
        tokio::select! {
            end = this.read(&mut frames) => return end,
            end = this.write(&out) => return end,
            _ = stop.wait_for(|stop| *stop) => {}
        }
        self.say_goodbye(out, &mut frames).await
    }

    async fn open(
        &self,
        outgoing: mpsc::Receiver<wire::GatewayFrame>,
    ) -> Result<Streaming<wire::SupervisorFrame>, LinkEnd> {
        let channel = self.dial().await.map_err(LinkEnd::Dial)?;
        let mut client = GatewayClient::new(channel)
            .max_decoding_message_size(LONGEST_FRAME)
            .max_encoding_message_size(LONGEST_FRAME);
        let opened = client.session(ReceiverStream::new(outgoing)).await;
        Ok(opened.map_err(LinkEnd::Broken)?.into_inner())
    }

    async fn dial(&self) -> Result<Channel, tonic::transport::Error> {
        let patience = Duration::from(self.config.dial_timeout);
        Endpoint::from_shared(format!("http://{}", self.address))?
            .connect_timeout(patience)
            .tcp_nodelay(true)
            .initial_stream_window_size(self.config.window)
            .initial_connection_window_size(connection_window(self.config.window))
            .http2_keep_alive_interval(patience)
            .keep_alive_timeout(patience)
            .connect()
            .await
    }

    /// Sends what the book holds, and signs of life.
    async fn write(&self, out: &mpsc::Sender<wire::GatewayFrame>) -> LinkEnd {
        if self.announce(out).await.is_err() {
            return LinkEnd::Ended;
        }
        let mut beat = self.beat.subscribe();
        let mut announce_at = Instant::now() + Duration::from(self.config.announce_again);
        let mut beat_at = None;
        loop {
            let sent = tokio::select! {
                () = self.shared.wake.notified() => self.drain(out).await,
                _ = beat.changed() => {
                    beat_at = beat.borrow_and_update().map(|interval| Instant::now() + interval);
                    Ok(())
                }
                () = at(beat_at) => {
                    beat_at = beat.borrow().map(|interval| Instant::now() + interval);
                    self.beat(out).await
                }
                () = sleep_until(announce_at) => {
                    announce_at = Instant::now() + Duration::from(self.config.announce_again);
                    self.announce_again(out).await
                }
            };
            if sent.is_err() {
                return LinkEnd::Ended;
            }
        }
    }

    async fn announce(&self, out: &mpsc::Sender<wire::GatewayFrame>) -> Sent {
        let hellos = self.shared.book().hellos(&self.config.version);
        for hello in hellos {
            out.send(hello).await?;
        }
        Ok(())
    }

    /// Announces what was refused again; before the supervisor has answered at all, that would be twice.
    async fn announce_again(&self, out: &mpsc::Sender<wire::GatewayFrame>) -> Sent {
        let refused = self.was_welcomed() && self.shared.book().has_unserved();
        if refused { self.announce(out).await } else { Ok(()) }
    }

    async fn beat(&self, out: &mpsc::Sender<wire::GatewayFrame>) -> Sent {
        let heartbeat = wire::Heartbeat { sent_at_ms: (self.config.clock)().as_millis() };
        out.send(book::frame(gateway_frame::Body::Heartbeat(heartbeat))).await?;
        self.shared.book().repeat();
        self.drain(out).await
    }

    async fn drain(&self, out: &mpsc::Sender<wire::GatewayFrame>) -> Sent {
        loop {
            let room = out.reserve().await?;
            let Some(frame) = self.shared.book().next_frame() else { return Ok(()) };
            room.send(frame);
            self.shared.sent.notify_one();
        }
    }

    /// Sends what the book holds, and what it will hold when the ends of sends are written.
    async fn drain_all(&self, out: &mpsc::Sender<wire::GatewayFrame>) -> Sent {
        self.drain(out).await?;
        while self.shared.book().is_writing() {
            self.shared.wake.notified().await;
            self.drain(out).await?;
        }
        self.drain(out).await
    }

    /// Takes what the supervisor sends; while nobody takes events, nothing is read.
    async fn read(&self, frames: &mut Streaming<wire::SupervisorFrame>) -> LinkEnd {
        let mut pulse = Pulse::new(self.config.dial_timeout.into(), Instant::now());
        loop {
            let frame = tokio::select! {
                biased;
                frame = frames.message() => frame,
                () = sleep_until(pulse.gone_at()) => return LinkEnd::HeartbeatMissed,
            };
            let taken = match frame {
                Ok(Some(frame)) => self.take(frame, &mut pulse).await,
                Ok(None) => return LinkEnd::Ended,
                Err(status) => return LinkEnd::Broken(status),
            };
            if let Err(end) = taken {
                return end;
            }
            pulse.hear(Instant::now());
            self.shared.wake.notify_one();
        }
    }

    async fn take(&self, frame: wire::SupervisorFrame, pulse: &mut Pulse) -> Result<(), LinkEnd> {
        let wire::SupervisorFrame { instance, sequence, body } = frame;
        match body {
            Some(Body::Welcome(welcome)) => self.welcome(welcome, pulse).await?,
            Some(Body::Heartbeat(_)) => self.shared.book().ask_again(),
            Some(Body::Command(command)) => self.command(&instance, sequence, command).await?,
            Some(Body::Resync(resync)) => self.shared.book().resync(&instance, resync.after),
            Some(Body::Resumed(resumed)) => self.shared.book().resumed(&instance, resumed.next_sequence),
            Some(Body::Refusal(it)) => {
                let reason = refusal::read_reason(it.reason);
                tracing::warn!(instance, %reason, detail = it.detail, "the supervisor refused a frame");
                if reason == RefusalReason::UnknownInstance {
                    self.shared.book().unserve(&instance);
                }
            }
            Some(Body::Goodbye(goodbye)) => return Err(LinkEnd::Goodbye(goodbye.detail)),
            None => {
                let refusal = Refusal::new(RefusalReason::UnknownType).of(sequence, 0);
                self.shared.book().refuse(&instance, &refusal);
            }
        }
        Ok(())
    }

    async fn welcome(&self, welcome: wire::Welcome, pulse: &mut Pulse) -> Result<(), LinkEnd> {
        let interval = Duration::from_millis(welcome.heartbeat_interval_ms.clamp(1, LONGEST_SILENCE_MS));
        let silence = Duration::from_millis(welcome.heartbeat_timeout_ms.min(LONGEST_SILENCE_MS));
        pulse.expect_within(silence.max(interval));
        let risen = self.shared.book().risen(&welcome.accepted);
        self.keep(risen).await?;
        if !self.was_welcomed() {
            self.tell(ClientEvent::Connected { address: self.address }).await?;
        }
        self.shared.book().accept(&welcome.accepted);
        self.beat.send_if_modified(|beat| beat.replace(interval) != Some(interval));
        let turned = self.shared.book().turned(&welcome.refused);
        for (instance, reason) in turned {
            self.tell(ClientEvent::Refused { instance, reason }).await?;
        }
        Ok(())
    }

    async fn command(&self, instance: &str, sequence: u64, command: wire::Command) -> Result<(), LinkEnd> {
        let risen = self.shared.book().risen_by(instance, Epoch(command.epoch));
        self.keep(risen.into_iter().collect()).await?;
        while self.shared.book().is_behind(instance) {
            self.shared.sent.notified().await;
        }
        let room = self.events.reserve().await.map_err(|_| LinkEnd::Dropped)?;
        let now = (self.config.clock)();
        let taken = self.shared.book().command(instance, sequence, command, now);
        if let Some(record) = taken.write {
            self.shared.write(record);
        }
        if let Some(envelope) = taken.start {
            room.send(ClientEvent::Command(envelope));
        }
        Ok(())
    }

    /// Brings epochs to disk before anything is taken under them.
    async fn keep(&self, epochs: Vec<(InstanceId, Epoch)>) -> Result<(), LinkEnd> {
        if epochs.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(self.epochs);
        let kept = tokio::task::spawn_blocking(move || store.raise(&epochs).map(|()| epochs)).await;
        let epochs = kept.map_err(|_| LinkEnd::Dropped)?.map_err(LinkEnd::Epochs)?;
        self.shared.book().raised(&epochs);
        Ok(())
    }

    async fn tell(&self, event: ClientEvent) -> Result<(), LinkEnd> {
        self.events.send(event).await.map_err(|_| LinkEnd::Dropped)
    }

    /// Ends the session in order: what waits is sent, then the goodbye, and the supervisor closes.
    async fn say_goodbye(
        &self,
        out: mpsc::Sender<wire::GatewayFrame>,
        frames: &mut Streaming<wire::SupervisorFrame>,
    ) -> LinkEnd {
        let goodbye = wire::Goodbye {
            reason: wire::GoodbyeReason::Shutdown.into(),
            detail: "the gateway shuts down".to_owned(),
        };
        let end = async move {
            if self.drain_all(&out).await.is_ok() {
                // when the other side is gone already, there is nobody to tell
                let _ = out.send(book::frame(gateway_frame::Body::Goodbye(goodbye))).await;
            }
            drop(out);
            while let Ok(Some(_)) = frames.message().await {}
        };
        tokio::select! {
            () = end => {}
            () = sleep(self.config.dial_timeout.into()) => {}
        }
        LinkEnd::Closed
    }
}

type Sent = Result<(), SendFault>;

/// The stream to the supervisor is gone.
struct SendFault;

impl<T> From<mpsc::error::SendError<T>> for SendFault {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self
    }
}

/// Waits until then; for ever when there is no such moment.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
