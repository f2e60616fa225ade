use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

use tokio::time::timeout;
use warden_domain::Epoch;

use super::{End, Flow, Session};
use crate::{
    Inbound, PROTOCOL_VERSION, RefusalReason, Refused,
    convert::{
        cut,
        hello::{self, Announced, pages},
        refusal::{self, Refusal},
    },
    server::{
        service::{self, Stage},
        slot::Slot,
    },
    session::Lane,
    wire::{self, supervisor_frame::Body},
};

/// The longest gateway version, in characters; the rest is cut.
const LONGEST_VERSION: usize = 64;
/// One more than the longest instance id, in characters: of what is no id, so much is repeated.
const LONGEST_ID: usize = 65;

/// An instance that was admitted.
struct Guest {
    slot: Arc<Slot>,
    epoch: Epoch,
    announced: Announced,
}

impl Session {
    /// Answers an announcement: who is admitted, who is not; then tells who is up.
    pub(super) async fn hello(&mut self, hello: wire::Hello) -> Flow {
        if hello.protocol_version != PROTOCOL_VERSION {
            let words = format!("this supervisor speaks version {PROTOCOL_VERSION}");
            self.refuse("", &Refusal::new(RefusalReason::UnsupportedVersion).saying(words));
            return Flow::Break(End::Protocol);
        }
        self.greeted = true;
        let version = cut(&hello.gateway_version, LONGEST_VERSION).to_owned();
        // a later announcement of the session repeats it
        let _ = self.view.gateway_version.set(version);
        let mut stage = self.service.stage.clone();
        let (guests, turned) = tokio::select! {
            sorted = self.sort(hello.instances) => sorted,
            _ = stage.wait_for(|stage| *stage != Stage::Serve) => return Flow::Break(End::Shutdown),
        };
        let mut accepted = Vec::with_capacity(guests.len());
        for guest in &guests {
            match self.seat(guest).await {
                Ok(it) => accepted.push(it),
                Err(end) => return Flow::Break(end),
            }
        }
        self.welcome(accepted, turned).await?;
        for guest in guests {
            self.bring_up(guest).await?;
        }
        Flow::Continue(())
    }

    /// Asks for each instance whether it is owned here.
    async fn sort(&self, instances: Vec<wire::Served>) -> (Vec<Guest>, Vec<wire::Turned>) {
        let (mut guests, mut turned) = (Vec::new(), Vec::new());
        let mut names = HashSet::new();
        for served in instances {
            let name = cut(&served.instance, LONGEST_ID).to_owned();
            match self.admit(&served, names.insert(name.clone())).await {
                Ok(guest) => guests.push(guest),
                Err((refused, detail)) => turned.push(wire::Turned {
                    instance: name,
                    reason: refusal::turn(refused).into(),
                    detail,
                }),
            }
        }
        (guests, turned)
    }

    async fn admit(&self, served: &wire::Served, first: bool) -> Result<Guest, (Refused, String)> {
        let bad = |detail: String| {
            self.service.registry.refused(&self.view, RefusalReason::BadField);
            (Refused::BadField, detail)
        };
        let announced = hello::decode(served).map_err(|fault| bad(fault.to_string()))?;
        if !first {
            return Err(bad("the instance is announced twice; name it once".to_owned()));
        }
        let words = |refused: Refused| (refused, refused.to_string());
        let epoch = self.service.admission.admit(&announced.instance, announced.seen).await.map_err(words)?;
        if epoch < announced.seen {
            self.service.registry.refused(&self.view, RefusalReason::StaleEpoch);
            return Err(words(Refused::StaleEpoch));
        }
        Ok(Guest { slot: self.service.registry.slot(&announced.instance), epoch, announced })
    }

    /// Takes the instance's seat, and tells that it is down when another session had it.
    async fn seat(&mut self, guest: &Guest) -> Result<wire::Accepted, End> {
        let Guest { slot, epoch, announced } = guest;
        let mut seat = slot.seat.lock().await;
        slot.close();
        if seat.up {
            if let Flow::Break(end) = self.deliver(Inbound::Down { instance: slot.instance.clone() }).await {
                return Err(end);
            }
            seat.up = false;
        }
        // results of a lower epoch would be refused, so they are not asked for
        let last_received = match seat.lane.epoch() == *epoch {
            true => seat.lane.inflow().last().min(announced.last_sequence),
            false => announced.last_sequence,
        };
        seat.owner = Some(self.id());
        seat.lane = Lane::new(*epoch, announced.last_sequence);
        let name = slot.instance.as_str().to_owned();
        self.missing.remove(&name);
        self.markets.remove(&name);
        self.served.insert(name.clone(), Arc::clone(slot));
        self.view.instances.store(self.served.len(), Ordering::Relaxed);
        Ok(wire::Accepted { instance: name, epoch: epoch.0, last_received, last_sequence: 0 })
    }

    async fn welcome(&self, accepted: Vec<wire::Accepted>, turned: Vec<wire::Turned>) -> Flow {
        let blank = wire::Welcome {
            protocol_version: PROTOCOL_VERSION,
            heartbeat_interval_ms: millis(self.service.heartbeat_interval),
            heartbeat_timeout_ms: millis(self.service.heartbeat_timeout),
            accepted: Vec::new(),
            refused: Vec::new(),
        };
        let mut welcomes: Vec<_> =
            pages(accepted).into_iter().map(|accepted| wire::Welcome { accepted, ..blank.clone() }).collect();
        welcomes.extend(pages(turned).into_iter().map(|refused| wire::Welcome { refused, ..blank.clone() }));
        if welcomes.is_empty() {
            welcomes.push(blank);
        }
        for welcome in welcomes {
            let sent = self.queue.send(Ok(service::frame(Body::Welcome(welcome))));
            match timeout(self.service.heartbeat_timeout, sent).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Flow::Break(End::Broken),
                Err(_) => return Flow::Break(End::HeartbeatMissed),
            }
        }
        Flow::Continue(())
    }

    /// Opens the way to the instance and tells that it is up, unless another session took its seat meanwhile.
    async fn bring_up(&self, guest: Guest) -> Flow {
        let Guest { slot, epoch: _, announced } = guest;
        let mut seat = slot.seat.lock().await;
        if seat.owner != Some(self.id()) {
            return Flow::Continue(());
        }
        slot.open(self.id(), self.queue.clone());
        seat.up = true;
        let Announced { instance, seen: epoch, report, last_sequence: _ } = announced;
        self.deliver(Inbound::Up { instance, epoch, report }).await
    }
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
