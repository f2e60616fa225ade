use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tonic::{Code, Status, Streaming};
use warden_domain::{Epoch, InstanceId};

use super::{
    registry::View,
    service::{self, Service, Stage},
    slot::{Queue, SessionId, Slot},
};
use crate::{
    CommandId, Inbound, Market, RefusalReason,
    convert::{
        FrameFault, cut,
        refusal::{self, Refusal},
        report, result,
    },
    session::{Pulse, Verdict},
    wire::{self, gateway_frame::Body, supervisor_frame},
};

mod hello;
mod market;

/// One gateway's session.
pub(super) struct Session {
    service: Arc<Service>,
    view: Arc<View>,
    queue: Queue,
    served: HashMap<String, Arc<Slot>>,
    /// Instances of which frames are missing.
    missing: HashSet<String>,
    /// The newest markets that could not be handed over yet.
    markets: BTreeMap<String, Market>,
    greeted: bool,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The gateway said goodbye or ended the stream.
    Left,
    /// The stream broke.
    Broken,
    /// Nothing was heard in time.
    HeartbeatMissed,
    /// The gateway broke the contract.
    Protocol,
    /// This side shuts down.
    Shutdown,
}

type Flow = ControlFlow<End>;

impl Session {
    pub(super) fn new(service: Arc<Service>, peer: Option<SocketAddr>, queue: Queue) -> Self {
        let view = service.registry.enter(peer);
        Self {
            service,
            view,
            queue,
            served: HashMap::new(),
            missing: HashSet::new(),
            markets: BTreeMap::new(),
            greeted: false,
        }
    }

    /// Serves the gateway until the session ends, and tells that its instances are down.
    pub(super) async fn run(mut self, frames: Streaming<wire::GatewayFrame>) {
        tracing::info!(session = self.id().0, peer = ?self.view.peer, "a gateway connected");
        let mut beats = JoinSet::new();
        beats.spawn(service::beat(self.queue.clone(), self.service.heartbeat_interval));
        let end = self.serve(frames).await;
        beats.abort_all();
        self.part(end);
        self.leave().await;
        tracing::info!(
            session = self.id().0,
            ?end,
            instances = self.served.len(),
            "a gateway's session ended"
        );
    }

    async fn serve(&mut self, mut frames: Streaming<wire::GatewayFrame>) -> End {
        let mut stage = self.service.stage.clone();
        let inbound = self.service.inbound.clone();
        let mut pulse = Pulse::new(self.service.heartbeat_timeout, Instant::now());
        loop {
            let frame = tokio::select! {
                biased;
                _ = stage.wait_for(|stage| *stage != Stage::Serve) => return End::Shutdown,
                room = inbound.reserve(), if !self.markets.is_empty() => match room {
                    Ok(room) => { self.hand_over_market(room); continue; }
                    Err(_) => return End::Shutdown,
                },
                frame = frames.message() => frame,
                () = sleep_until(pulse.gone_at()) => return End::HeartbeatMissed,
            };
            let flow = match frame {
                Ok(Some(frame)) => self.take(frame).await,
                Ok(None) => return End::Left,
                Err(status) => self.broken(&status),
            };
            if let ControlFlow::Break(end) = flow {
                return end;
            }
            pulse.hear(Instant::now());
        }
    }

    async fn take(&mut self, frame: wire::GatewayFrame) -> Flow {
        let wire::GatewayFrame { instance, sequence, body } = frame;
        match body {
            Some(Body::Hello(hello)) => return self.hello(hello).await,
            _ if !self.greeted => {
                self.refuse(&instance, &Refusal::new(RefusalReason::OutOfPlace).saying("say hello first"));
                return Flow::Break(End::Protocol);
            }
            Some(Body::Heartbeat(_)) => self.ask_again().await,
            Some(Body::Report(it)) => {
                let read = |id| Ok(Inbound::Report { instance: id, report: report::decode(&it)? });
                return self.numbered(&instance, sequence, None, read).await;
            }
            Some(Body::Result(it)) => {
                let command = Some((Epoch(it.epoch), CommandId(it.id)));
                let read = |id| Ok(Inbound::Finished(result::decode(id, it)?.1));
                return self.numbered(&instance, sequence, command, read).await;
            }
            Some(Body::Market(it)) => return self.market(&instance, sequence, it).await,
            Some(Body::Resync(it)) => match self.served.get(&instance) {
                Some(slot) => slot.resend(self.id(), it.after),
                None => self.refuse(&instance, &Refusal::new(RefusalReason::UnknownInstance)),
            },
            Some(Body::Resumed(it)) => self.resumed(&instance, it.next_sequence).await,
            Some(Body::Refusal(it)) => {
                let reason = refusal::read_reason(it.reason);
                self.service.registry.refused_by_gateway(&self.view, reason);
                tracing::warn!(session = self.id().0, instance = cut(&instance, 64), %reason, "the gateway refused a frame");
            }
            Some(Body::Goodbye(_)) => return Flow::Break(End::Left),
            None => self.refuse(&instance, &Refusal::new(RefusalReason::UnknownType).of(sequence, 0)),
        }
        Flow::Continue(())
    }

    /// Decides on a frame with a number, and hands it over.
    async fn numbered(
        &mut self,
        instance: &str,
        sequence: u64,
        command: Option<(Epoch, CommandId)>,
        read: impl FnOnce(InstanceId) -> Result<Inbound, FrameFault>,
    ) -> Flow {
        let id = command.map_or(0, |(_, id)| id.0);
        let refusal = |reason| Refusal::new(reason).of(sequence, id);
        let Some(slot) = self.served.get(instance).cloned() else {
            self.refuse(instance, &refusal(RefusalReason::UnknownInstance));
            return Flow::Continue(());
        };
        let mut seat = slot.seat.lock().await;
        if seat.owner != Some(self.id()) {
            drop(seat);
            self.forget(instance);
            self.refuse(instance, &refusal(RefusalReason::UnknownInstance));
            return Flow::Continue(());
        }
        seat.lane.raise(slot.commanded());
        match seat.lane.judge(sequence, command.map(|(epoch, _)| epoch)) {
            Verdict::Take => match read(slot.instance.clone()) {
                Ok(event) => {
                    if let Some((epoch, id)) = command {
                        slot.answered(epoch, id);
                    }
                    return self.deliver(event).await;
                }
                Err(fault) => {
                    self.refuse(instance, &refusal(RefusalReason::BadField).saying(fault.to_string()));
                }
            },
            Verdict::Refuse(reason) => self.refuse(instance, &refusal(reason)),
            Verdict::AskFor { after } => {
                self.missing.insert(instance.to_owned());
                self.refuse(instance, &refusal(RefusalReason::Gap));
                self.ask(&slot, after);
            }
            Verdict::Drop => {}
        }
        Flow::Continue(())
    }

    async fn resumed(&mut self, instance: &str, next: u64) {
        let resumed = match self.served.get(instance) {
            Some(slot) => {
                let mut seat = slot.seat.lock().await;
                seat.owner == Some(self.id()) && seat.lane.inflow().resumed(next)
            }
            None => false,
        };
        if resumed {
            self.missing.remove(instance);
        } else {
            self.refuse(instance, &Refusal::new(RefusalReason::OutOfPlace));
        }
    }

    /// Asks again for what is still missing.
    async fn ask_again(&mut self) {
        for instance in &self.missing {
            if let Some(slot) = self.served.get(instance) {
                let after = slot.seat.lock().await.lane.inflow().last();
                self.ask(slot, after);
            }
        }
    }

    fn ask(&self, slot: &Slot, after: u64) {
        let resync = wire::Resync { after };
        // without room the question comes with the gateway's next heartbeat
        let _ = self.queue.try_send(Ok(slot.frame(0, supervisor_frame::Body::Resync(resync))));
    }

    /// Hands an event over, however long it takes while this side does not shut down.
    async fn deliver(&self, event: Inbound) -> Flow {
        let mut stage = self.service.stage.clone();
        tokio::select! {
            biased;
            handed = self.service.inbound.send(event) => match handed {
                Ok(()) => Flow::Continue(()),
                Err(_) => Flow::Break(End::Shutdown),
            },
            _ = stage.wait_for(|stage| *stage != Stage::Serve) => Flow::Break(End::Shutdown),
        }
    }

    /// The stream cannot be read any further.
    fn broken(&mut self, status: &Status) -> Flow {
        let reason = match status.code() {
            Code::OutOfRange => RefusalReason::Oversized,
            // a fault of the transport has a source; bytes that are no frame have none
            Code::Internal if std::error::Error::source(status).is_none() => RefusalReason::BadField,
            Code::Internal
            | Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::InvalidArgument
            | Code::DeadlineExceeded
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::Unimplemented
            | Code::Unavailable
            | Code::DataLoss
            | Code::Unauthenticated => return Flow::Break(End::Broken),
        };
        self.refuse("", &Refusal::new(reason));
        Flow::Break(End::Protocol)
    }

    /// Counts a frame as refused, and tells the gateway where its queue has room.
    fn refuse(&self, instance: &str, refusal: &Refusal) {
        let instance = cut(instance, 64);
        self.service.registry.refused(&self.view, refusal.reason);
        tracing::debug!(session = self.id().0, instance, reason = %refusal.reason, "a gateway's frame was refused");
        let body = supervisor_frame::Body::Refusal(refusal::encode(refusal));
        let frame = wire::SupervisorFrame { instance: instance.to_owned(), sequence: 0, body: Some(body) };
        let _ = self.queue.try_send(Ok(frame));
    }

    /// Another session serves the instance.
    fn forget(&mut self, instance: &str) {
        self.served.remove(instance);
        self.missing.remove(instance);
        self.markets.remove(instance);
        self.view.instances.store(self.served.len(), Ordering::Relaxed);
    }

    /// Says why the session ends.
    fn part(&self, end: End) {
        let (reason, detail) = match end {
            End::Left | End::Broken => return,
            End::HeartbeatMissed => (wire::GoodbyeReason::HeartbeatMissed, "nothing was heard in time"),
            End::Protocol => (wire::GoodbyeReason::Protocol, "the contract was broken; see the refusal"),
            End::Shutdown => (wire::GoodbyeReason::Shutdown, "the supervisor shuts down"),
        };
        service::say_goodbye(&self.queue, reason, detail);
    }

    /// Closes the ways to the instances at once, then tells that they are down.
    async fn leave(&self) {
        self.service.registry.leave(self.id());
        self.served.values().for_each(|slot| slot.close_of(self.id()));
        for slot in self.served.values() {
            let mut seat = slot.seat.lock().await;
            if seat.owner != Some(self.id()) {
                continue;
            }
            seat.owner = None;
            if std::mem::take(&mut seat.up) {
                // without a taker of events there is nobody to tell
                let _ = self.service.inbound.send(Inbound::Down { instance: slot.instance.clone() }).await;
            }
        }
    }

    fn id(&self) -> SessionId {
        self.view.id
    }
}
