//! BRK-5: many instances of one trade server failing together are one broker incident.
//!
//! At least 3 instances (`broker.incident.members`) and half of the trade server's (`broker.incident.share`) cut off
//! within 60 s (`broker.incident.window`): one alert, one notification; one canary probes on its own budget, the others
//! wait without using theirs, and are released with jitter, those with open positions first. A canary that is given up
//! is replaced.
//!
//! [`BrokerState`] is the machine of one trade server; [`hold`] and [`release`] are its two events in an instance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use warden_domain::{Rule, Span, Timestamp};

use crate::{Effects, Instance, Params, Phase, Timer, jitter::mix};

/// An instance of the trade server, by a number its owner chose and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member(pub u32);

/// What is known of one trade server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerState {
    /// Members that are cut off: since when, and whether they have open positions.
    cut_off: BTreeMap<Member, (Timestamp, bool)>,
    incident: Option<Open>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    since: Timestamp,
    canary: Option<Member>,
}

/// What the machine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerEffect {
    /// One alert and one notification: the broker cannot be reached.
    Opened,
    /// The incident is over.
    Closed,
    /// Give the member [`Event::Hold`](crate::Event::Hold).
    Hold(Member),
    /// Give the member [`Event::Release`](crate::Event::Release) with this delay.
    Release(Member, Span),
}

impl BrokerState {
    /// Goes on where an older supervisor was (REC-4), from what the members' own states say: since when each is cut
    /// off, whether it has open positions, and whether it is held.
    #[must_use]
    pub fn resumed(members: impl Iterator<Item = (Member, Timestamp, bool, bool)>) -> Self {
        let (mut state, mut held_since, mut canary) = (Self::default(), None, None);
        for (member, since, positions, held) in members {
            state.cut_off.insert(member, (since, positions));
            if held {
                held_since = Some(held_since.map_or(since, |known: Timestamp| known.min(since)));
            } else {
                canary = canary.or(Some(member));
            }
        }
        state.incident = held_since.map(|since| Open { since, canary });
        state
    }

    /// Since when the incident is open.
    #[must_use]
    pub fn open_since(&self) -> Option<Timestamp> {
        self.incident.map(|open| open.since)
    }

    /// The member that probes.
    #[must_use]
    pub fn canary(&self) -> Option<Member> {
        self.incident.and_then(|open| open.canary)
    }

    /// A member was cut off from the broker, or still is.
    ///
    /// `fleet` is the number of the trade server's instances that are meant to run.
    pub fn cut_off(
        &mut self,
        member: Member,
        positions: bool,
        fleet: u32,
        now: Timestamp,
        params: &Params,
        effects: &mut Vec<BrokerEffect>,
    ) {
        if let Some((_, known)) = self.cut_off.get_mut(&member) {
            *known = positions;
            return;
        }
        self.cut_off.insert(member, (now, positions));
        match &mut self.incident {
            Some(open) if open.canary.is_none() => {
                open.canary = Some(member);
                effects.push(BrokerEffect::Release(member, Span::ZERO));
            }
            Some(_) => effects.push(BrokerEffect::Hold(member)),
            None => {
                if self.is_together(fleet, now, params) {
                    self.open(now, effects);
                }
            }
        }
    }

    fn is_together(&self, fleet: u32, now: Timestamp, params: &Params) -> bool {
        let recent =
            self.cut_off.values().filter(|(since, _)| now.since(*since) <= params.incident.window).count()
                as u64;
        recent >= u64::from(params.incident.members)
            && recent * 100 >= u64::from(fleet) * u64::from(params.incident.share.0)
    }

    fn open(&mut self, now: Timestamp, effects: &mut Vec<BrokerEffect>) {
        let canary = self.next_canary();
        self.incident = Some(Open { since: now, canary });
        effects.push(BrokerEffect::Opened);
        effects.extend(
            self.cut_off
                .keys()
                .filter(|member| Some(**member) != canary)
                .map(|member| BrokerEffect::Hold(*member)),
        );
    }

    /// The first member without open positions, so that a canary that is given up costs least; else the first.
    fn next_canary(&self) -> Option<Member> {
        let flat = self.cut_off.iter().find(|(_, (_, positions))| !positions);
        flat.or_else(|| self.cut_off.iter().next()).map(|(member, _)| *member)
    }

    /// A member reached the broker: the incident is over, and the others come back one after the other.
    pub fn reached(&mut self, member: Member, params: &Params, effects: &mut Vec<BrokerEffect>) {
        self.cut_off.remove(&member);
        if self.incident.take().is_none() {
            return;
        }
        effects.push(BrokerEffect::Closed);
        let mut held: Vec<(Member, bool)> =
            self.cut_off.iter().map(|(member, (_, positions))| (*member, *positions)).collect();
        held.sort_by_key(|(member, positions)| (!positions, mix(u64::from(member.0))));
        let spread = params.incident.release_spread.as_millis();
        let count = held.len().max(1) as u64;
        for (place, (member, _)) in held.into_iter().enumerate() {
            let after = Span::from_millis(spread * place as u64 / count);
            effects.push(BrokerEffect::Release(member, after));
        }
        self.cut_off.clear();
    }

    /// A member stopped, or was given up: it no longer counts, and if it was the canary another one probes.
    pub fn gone(&mut self, member: Member, effects: &mut Vec<BrokerEffect>) {
        if self.cut_off.remove(&member).is_none() {
            return;
        }
        let Some(open) = self.incident else { return };
        if self.cut_off.is_empty() {
            self.incident = None;
            effects.push(BrokerEffect::Closed);
        } else if open.canary == Some(member) {
            let canary = self.next_canary();
            self.incident = Some(Open { canary, ..open });
            effects.extend(canary.map(|member| BrokerEffect::Release(member, Span::ZERO)));
        }
    }
}

/// The broker incident holds the instance back: no attempt is made and none is counted.
pub(crate) fn hold(s: &mut Instance, fx: &mut Effects) {
    if !s.flags.held && !matches!(s.phase, Phase::Stopped { .. } | Phase::Up | Phase::Closing(_)) {
        fx.decided(Rule::Brk5);
        s.flags.held = true;
    }
}

/// The broker incident lets the instance go on.
pub(crate) fn release(s: &mut Instance, after: Span, now: Timestamp, fx: &mut Effects) {
    if !s.flags.held {
        return;
    }
    fx.decided(Rule::Brk5);
    s.flags.held = false;
    for timer in [Timer::Login, Timer::Reconnect] {
        if s.timers.due_at(timer).is_some() {
            s.timers.arm(timer, now.after(after));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + secs * 1_000)
    }

    fn cut(
        state: &mut BrokerState,
        member: u32,
        positions: bool,
        fleet: u32,
        secs: i64,
    ) -> Vec<BrokerEffect> {
        let mut effects = Vec::new();
        state.cut_off(Member(member), positions, fleet, at(secs), &Params::default(), &mut effects);
        effects
    }

    #[test]
    fn brk_5_opens_at_three_members_and_half_of_the_fleet_within_a_minute() {
        let mut state = BrokerState::default();
        assert_eq!(cut(&mut state, 1, false, 6, 0), []);
        assert_eq!(cut(&mut state, 2, true, 6, 30), []);
        let effects = cut(&mut state, 3, false, 6, 60);
        assert_eq!(
            effects,
            [BrokerEffect::Opened, BrokerEffect::Hold(Member(2)), BrokerEffect::Hold(Member(3))]
        );
        assert_eq!(state.canary(), Some(Member(1)));
        assert_eq!(cut(&mut state, 4, false, 6, 61), [BrokerEffect::Hold(Member(4))]);
    }

    #[test]
    fn brk_5_a_small_share_or_slow_failures_are_no_broker_incident() {
        let mut state = BrokerState::default();
        for member in 0..4 {
            assert_eq!(cut(&mut state, member, false, 9, 0), []);
        }
        let mut state = BrokerState::default();
        for member in 0..6 {
            assert_eq!(cut(&mut state, member, false, 6, i64::from(member) * 31), []);
        }
    }

    #[test]
    fn brk_5_releases_those_with_positions_first() {
        let mut state = BrokerState::default();
        for member in 1..=4 {
            cut(&mut state, member, member == 3, 4, 0);
        }
        let mut effects = Vec::new();
        state.reached(Member(1), &Params::default(), &mut effects);
        assert_eq!(effects[0], BrokerEffect::Closed);
        assert_eq!(effects[1], BrokerEffect::Release(Member(3), Span::ZERO));
        assert_eq!(effects.len(), 4);
        assert_eq!(state, BrokerState::default());
    }

    #[test]
    fn brk_5_a_canary_that_is_given_up_is_replaced() {
        let mut state = BrokerState::default();
        for member in 1..=3 {
            cut(&mut state, member, false, 3, 0);
        }
        let mut effects = Vec::new();
        state.gone(Member(1), &mut effects);
        assert_eq!(effects, [BrokerEffect::Release(Member(2), Span::ZERO)]);
        effects.clear();
        state.gone(Member(2), &mut effects);
        state.gone(Member(3), &mut effects);
        assert_eq!(effects.last(), Some(&BrokerEffect::Closed));
        assert_eq!(state, BrokerState::default());
    }
}
