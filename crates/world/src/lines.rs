use std::collections::BTreeMap;

use warden_bridge::{Envelope, Finished, Inbound};
use warden_domain::InstanceId;

use crate::{rng::Rng, weather::Weather};

/// The lines between the supervisor and the gateways: what is on its way, and which sessions stand.
///
/// A gateway's reports keep their order, as one stream does; answers of commands overtake each other freely, as those of
/// an old and a new session may.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    down: BTreeMap<(u64, u64), (u32, Envelope)>,
    up: BTreeMap<(u64, u64), (u32, Inbound)>,
    count: u64,
    sessions: BTreeMap<InstanceId, Session>,
}

/// How a gateway's session for an instance stands.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    stands: bool,
    /// No report comes before what was reported before it.
    told_until: u64,
    /// The newest command, and the newest message, that arrived.
    arrived: [u64; 2],
}

impl Session {
    /// Something arrives: whether what left after it did before it.
    fn arrives(&mut self, direction: usize, count: u64) -> bool {
        let newest = self.arrived[direction].max(count);
        std::mem::replace(&mut self.arrived[direction], newest) > count
    }
}

/// What becomes of something on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Comes,
    Late,
    Twice,
    Lost,
}

impl Way {
    pub(crate) fn drawn(weather: &Weather, rng: &mut Rng) -> Self {
        match rng.below(1_000) {
            drawn if drawn < weather.lost => Self::Lost,
            drawn if drawn < weather.lost + weather.twice => Self::Twice,
            drawn if drawn < weather.lost + weather.twice + weather.late => Self::Late,
            _ => Self::Comes,
        }
    }

    pub(crate) const fn fault(self) -> Option<&'static str> {
        match self {
            Self::Comes => None,
            Self::Late => Some("late"),
            Self::Twice => Some("twice"),
            Self::Lost => Some("lost"),
        }
    }

    /// After how many milliseconds it arrives, each time that it does.
    fn arrivals(self, rng: &mut Rng) -> [Option<u64>; 2] {
        match self {
            Self::Comes => [Some(rng.below(4)), None],
            Self::Late => [Some(20 + rng.below(2_500)), None],
            Self::Twice => [Some(rng.below(4)), Some(rng.below(3_000))],
            Self::Lost => [None, None],
        }
    }
}

impl Lines {
    pub(crate) fn new(instances: &[InstanceId]) -> Self {
        let sessions = instances.iter().map(|id| (id.clone(), Session::default())).collect();
        Self { sessions, ..Self::default() }
    }

    pub(crate) fn stands(&self, instance: &InstanceId) -> bool {
        self.sessions.get(instance).is_some_and(|session| session.stands)
    }

    pub(crate) fn set(&mut self, instance: &InstanceId, stands: bool) {
        if let Some(session) = self.sessions.get_mut(instance) {
            session.stands = stands;
        }
    }

    /// The supervisor is gone: every session ends, and what is on the way to it or from it arrives nowhere.
    pub(crate) fn cut_all(&mut self) {
        for session in self.sessions.values_mut() {
            *session = Session::default();
        }
        self.up.clear();
    }

    /// A command leaves the supervisor.
    pub(crate) fn send(&mut self, process: u32, envelope: &Envelope, way: Way, now: u64, rng: &mut Rng) {
        for wait in way.arrivals(rng).into_iter().flatten() {
            self.count += 1;
            self.down.insert((now + wait, self.count), (process, envelope.clone()));
        }
    }

    /// A message leaves a gateway.
    pub(crate) fn tell(&mut self, process: u32, inbound: &Inbound, way: Way, now: u64, rng: &mut Rng) {
        for wait in way.arrivals(rng).into_iter().flatten() {
            let due = self.in_order(inbound, now + wait);
            self.count += 1;
            self.up.insert((due, self.count), (process, inbound.clone()));
        }
    }

    fn in_order(&mut self, inbound: &Inbound, due: u64) -> u64 {
        if matches!(inbound, Inbound::Finished(_) | Inbound::Market { .. }) {
            return due;
        }
        let Some(session) = self.sessions.get_mut(instance_of(inbound)) else { return due };
        session.told_until = session.told_until.max(due);
        session.told_until
    }

    /// When something arrives next, in milliseconds of the run.
    pub(crate) fn next(&self) -> Option<u64> {
        let down = self.down.keys().next().map(|(at, _)| *at);
        let up = self.up.keys().next().map(|(at, _)| *at);
        [down, up].into_iter().flatten().min()
    }

    /// The next command that is there by now, and whether it was overtaken.
    pub(crate) fn command_due(&mut self, now: u64) -> Option<(u32, Envelope, bool)> {
        let entry = self.down.first_entry().filter(|entry| entry.key().0 <= now)?;
        let count = entry.key().1;
        let (process, envelope) = entry.remove();
        let session = self.sessions.get_mut(&envelope.instance);
        let overtaken = session.is_some_and(|session| session.arrives(0, count));
        Some((process, envelope, overtaken))
    }

    /// The next message that is there by now, and whether it was overtaken.
    pub(crate) fn message_due(&mut self, now: u64) -> Option<(u32, Inbound, bool)> {
        let entry = self.up.first_entry().filter(|entry| entry.key().0 <= now)?;
        let count = entry.key().1;
        let (process, inbound) = entry.remove();
        let session = self.sessions.get_mut(instance_of(&inbound));
        let overtaken = session.is_some_and(|session| session.arrives(1, count));
        Some((process, inbound, overtaken))
    }

    /// It could not be taken in now.
    pub(crate) fn again(&mut self, process: u32, inbound: Inbound, at: u64) {
        self.count += 1;
        self.up.insert((at, self.count), (process, inbound));
    }
}

fn instance_of(inbound: &Inbound) -> &InstanceId {
    match inbound {
        Inbound::Up { instance, .. }
        | Inbound::Down { instance }
        | Inbound::Report { instance, .. }
        | Inbound::Market { instance, .. }
        | Inbound::Finished(Finished { instance, .. }) => instance,
    }
}
