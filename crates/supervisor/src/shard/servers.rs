//! The trade servers of a shard: their login buckets (LOG-5) and broker incidents (BRK-5).

use warden_domain::{Desired, IncidentKind, Span, Timestamp, TradeServer};
use warden_policy::{
    Instance, Params, Phase,
    broker::{BrokerEffect, BrokerState, Member},
    login::TokenBucket,
};

/// One trade server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: TradeServer,
    bucket: TokenBucket,
    /// The token that was promised last; who comes later gets a later one.
    promised: Timestamp,
    pub(crate) broker: BrokerState,
    /// Instances that are meant to run and are not stopped.
    pub(crate) running: u32,
}

impl Server {
    pub(crate) fn new(name: TradeServer) -> Self {
        Self {
            name,
            bucket: TokenBucket::default(),
            promised: Timestamp::from_millis(i64::MIN),
            broker: BrokerState::default(),
            running: 0,
        }
    }

    /// LOG-5: takes a token of the trade server's bucket.
    ///
    /// Who gets none is promised one of its own: were all told the moment of the next, all but one would come in vain.
    pub(crate) fn admit_login(&mut self, now: Timestamp, params: &Params) -> Result<(), Timestamp> {
        let login = &params.login;
        self.bucket.take(now, login.server_rate, login.server_burst).map_err(|next| {
            let spacing = Span::from_millis(1_000_u64.div_ceil(u64::from(login.server_rate.max(1))));
            self.promised = next.max(self.promised.after(spacing));
            self.promised
        })
    }

    /// Tells the trade server's machine what a step did to a member; answers what it wants done.
    ///
    /// While a supervisor `starts`, no gateway is connected yet: that says nothing about the members.
    pub(crate) fn follow(
        &mut self,
        index: u32,
        before: Standing,
        state: &Instance,
        starts: bool,
        now: Timestamp,
        params: &Params,
    ) -> Vec<BrokerEffect> {
        let (after, member, mut effects) = (Standing::of(state), Member(index), Vec::new());
        if before != after {
            self.running = self.running + u32::from(after.running) - u32::from(before.running);
            let failed_again = after.waiting && !before.waiting;
            if after.cut_off && (!before.cut_off || failed_again) {
                self.broker.cut_off(member, state.positions() > 0, self.running, now, params, &mut effects);
            } else if after.up && !before.up {
                self.broker.reached(member, params, &mut effects);
            } else if before.running && !after.running || before.cut_off && !after.cut_off && !starts {
                self.broker.gone(member, &mut effects);
            }
        }
        if state.is_held() && self.broker.open_since().is_none() && effects.is_empty() {
            effects.push(BrokerEffect::Release(member, Span::ZERO));
        }
        effects
    }

    /// A member is looked after by another supervisor from now on.
    pub(crate) fn lose(&mut self, index: u32, last: Standing) -> Vec<BrokerEffect> {
        let mut effects = Vec::new();
        self.running -= u32::from(last.running);
        self.broker.gone(Member(index), &mut effects);
        effects
    }
}

/// What of an instance its trade server's machine looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    cut_off: bool,
    running: bool,
    up: bool,
    waiting: bool,
}

impl Standing {
    pub(crate) fn of(state: &Instance) -> Self {
        Self {
            cut_off: state.is_cut_off(),
            running: state.desired() == Desired::Running && !matches!(state.phase(), Phase::Stopped { .. }),
            up: state.phase() == Phase::Up,
            waiting: matches!(
                state.phase(),
                Phase::Waiting(IncidentKind::BrokerDown | IncidentKind::NetworkLost)
            ),
        }
    }

    pub(crate) const fn is_running(self) -> bool {
        self.running
    }
}

/// Since when a member is cut off, for a machine that goes on after a restart.
pub(crate) fn cut_off_since(state: &Instance) -> Option<Timestamp> {
    let open = |kind| state.incident(kind).map(|incident| incident.opened_at);
    (state.is_held() || state.is_cut_off())
        .then(|| open(IncidentKind::BrokerDown).or_else(|| open(IncidentKind::NetworkLost)))
        .flatten()
}
