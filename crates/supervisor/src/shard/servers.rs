//! The trade servers of a shard: their login buckets (LOG-5) and broker incidents (BRK-5).

use std::sync::atomic::Ordering;

use tracing::warn;
use warden_domain::{Desired, IncidentKind, Timestamp, TradeServer};
use warden_policy::{
    Event, Instance, Params, Phase,
    broker::{BrokerEffect, BrokerState, Member},
    login::TokenBucket,
};

use crate::Stats;

/// One trade server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: TradeServer,
    pub(crate) bucket: TokenBucket,
    pub(crate) broker: BrokerState,
    /// Instances that are meant to run and are not stopped.
    pub(crate) running: u32,
}

impl Server {
    pub(crate) fn new(name: TradeServer) -> Self {
        Self { name, bucket: TokenBucket::default(), broker: BrokerState::default(), running: 0 }
    }
}

/// What of an instance its trade server's machine looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    cut_off: bool,
    running: bool,
    up: bool,
}

impl Standing {
    pub(crate) fn of(state: &Instance) -> Self {
        Self {
            cut_off: state.is_cut_off(),
            running: state.desired() == Desired::Running && !matches!(state.phase(), Phase::Stopped { .. }),
            up: state.phase() == Phase::Up,
        }
    }

    pub(crate) const fn is_running(self) -> bool {
        self.running
    }
}

/// Tells the trade server's machine what a step did to a member; answers the events that follow for others.
pub(crate) fn follow(
    server: &mut Server,
    index: u32,
    before: Standing,
    state: &Instance,
    now: Timestamp,
    params: &Params,
    stats: &Stats,
    events: &mut Vec<(u32, Event)>,
) {
    let after = Standing::of(state);
    if before == after {
        return;
    }
    server.running = server.running + u32::from(after.running) - u32::from(before.running);
    let mut effects = Vec::new();
    let member = Member(index);
    if after.cut_off && !before.cut_off {
        server.broker.cut_off(member, state.positions() > 0, server.running, now, params, &mut effects);
    } else if after.up && !before.up {
        server.broker.reached(member, params, &mut effects);
    } else if before.running && !after.running {
        server.broker.gone(member, &mut effects);
    }
    for effect in effects {
        match effect {
            BrokerEffect::Opened => {
                stats.broker_incidents.fetch_add(1, Ordering::Relaxed);
                stats.notifications.fetch_add(1, Ordering::Relaxed);
                warn!(server = %server.name, rule = "BRK-5", "many instances of the trade server fail together");
            }
            BrokerEffect::Closed => {
                warn!(server = %server.name, rule = "BRK-5", "the broker incident is over")
            }
            BrokerEffect::Hold(Member(member)) => events.push((member, Event::Hold)),
            BrokerEffect::Release(Member(member), after) => events.push((member, Event::Release { after })),
        }
    }
}

/// Since when a member is cut off, for a machine that goes on after a restart.
pub(crate) fn cut_off_since(state: &Instance) -> Option<Timestamp> {
    let open = |kind| state.incident(kind).map(|incident| incident.opened_at);
    (state.is_held() || state.is_cut_off())
        .then(|| open(IncidentKind::BrokerDown).or_else(|| open(IncidentKind::NetworkLost)))
        .flatten()
}
