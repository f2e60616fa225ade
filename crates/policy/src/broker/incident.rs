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
use warden_domain::{IncidentKind, Rule, Span, Timestamp};

use crate::{Effects, Instance, Params, Phase, Timer, jitter::mix, state::Sharing};

/// An instance of the trade server, by a number its owner chose and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member(pub u32);

/// What is known of one trade server.
///
/// # Expected flow
/// The driver tells it of every member that is cut off ([`Instance::is_cut_off`]), that reached the broker, and that is
/// no longer recovering or whose gateway is gone, and delivers what it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerState {
    cut_off: BTreeMap<Member, CutOff>,
    incident: Option<Open>,
}

/// A member that is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CutOff {
    since: Timestamp,
    positions: bool,
    standing: CutOffStanding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum CutOffStanding {
    /// It counts.
    Counted,
    /// An incident is over and the member on its way back.
    Released,
    /// The same; it was first seen so at this moment, and counts again when it is not back after the window.
    Returning(Timestamp),
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
    ///
    /// The first member that is found cut off again becomes the canary: nobody knows which gateways come back.
    #[must_use]
    pub fn resumed(members: impl Iterator<Item = (Member, Timestamp, bool, bool)>) -> Self {
        let (mut state, mut held_since) = (Self::default(), None);
        for (member, since, positions, held) in members {
            state.cut_off.insert(member, CutOff { since, positions, standing: CutOffStanding::Counted });
            if held {
                held_since = Some(held_since.map_or(since, |known: Timestamp| known.min(since)));
            }
        }
        state.incident = held_since.map(|since| Open { since, canary: None });
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
        let known = self.is_known(member, positions, now, params);
        match &mut self.incident {
            Some(open) if open.canary.is_none() => {
                open.canary = Some(member);
                effects.push(BrokerEffect::Release(member, Span::ZERO));
            }
            Some(_) if known => {}
            Some(_) => effects.push(BrokerEffect::Hold(member)),
            None if known => {}
            None => {
                if self.is_together(fleet, now, params) {
                    self.open(now, effects);
                }
            }
        }
    }

    /// Whether the member counts already, or is on its way back; takes it in otherwise.
    fn is_known(&mut self, member: Member, positions: bool, now: Timestamp, params: &Params) -> bool {
        let new = CutOff { since: now, positions, standing: CutOffStanding::Counted };
        let Some(known) = self.cut_off.get_mut(&member) else {
            self.cut_off.insert(member, new);
            return false;
        };
        known.positions = positions;
        match known.standing {
            CutOffStanding::Counted => true,
            CutOffStanding::Released => {
                known.standing = CutOffStanding::Returning(now);
                true
            }
            CutOffStanding::Returning(at) if now.since(at) <= params.incident.window => true,
            CutOffStanding::Returning(_) => {
                *known = new;
                false
            }
        }
    }

    /// The members that count: those that are not on their way back.
    fn counted(&self) -> impl Iterator<Item = (Member, CutOff)> + '_ {
        self.cut_off
            .iter()
            .map(|(member, cut)| (*member, *cut))
            .filter(|(_, cut)| cut.standing == CutOffStanding::Counted)
    }

    fn is_together(&self, fleet: u32, now: Timestamp, params: &Params) -> bool {
        let enough = |count: usize| {
            let count = count as u64;
            count >= u64::from(params.incident.members)
                && count * 100 >= u64::from(fleet) * u64::from(params.incident.share.0)
        };
        // The length first: in a large fleet most members come before there are enough of them.
        let recent = |cut: &CutOff| now.since(cut.since) <= params.incident.window;
        enough(self.cut_off.len()) && enough(self.counted().filter(|(_, cut)| recent(cut)).count())
    }

    fn open(&mut self, now: Timestamp, effects: &mut Vec<BrokerEffect>) {
        let canary = self.next_canary();
        self.incident = Some(Open { since: now, canary });
        effects.push(BrokerEffect::Opened);
        let others = self.counted().map(|(member, _)| member).filter(|member| Some(*member) != canary);
        effects.extend(others.map(BrokerEffect::Hold));
    }

    /// The first member without open positions, so that a canary that is given up costs least; else the first.
    fn next_canary(&self) -> Option<Member> {
        let flat = self.counted().find(|(_, cut)| !cut.positions);
        flat.or_else(|| self.counted().next()).map(|(member, _)| member)
    }

    /// A member reached the broker: the incident is over, and the others come back one after the other.
    pub fn reached(&mut self, member: Member, params: &Params, effects: &mut Vec<BrokerEffect>) {
        self.cut_off.remove(&member);
        if self.incident.take().is_none() {
            return;
        }
        effects.push(BrokerEffect::Closed);
        let mut held: Vec<(Member, CutOff)> = self.counted().collect();
        held.sort_by_key(|(member, cut)| (!cut.positions, mix(u64::from(member.0))));
        let spread = params.incident.release_spread.as_millis();
        let count = held.len().max(1) as u64;
        for (place, (member, _)) in held.into_iter().enumerate() {
            let after = Span::from_millis(spread.saturating_mul(place as u64) / count);
            effects.push(BrokerEffect::Release(member, after));
        }
        for cut in self.cut_off.values_mut() {
            cut.standing = CutOffStanding::Released;
        }
    }

    /// A member stopped, was given up, or lost its gateway: it no longer counts and is not held, and if it was the
    /// canary another one probes.
    pub fn gone(&mut self, member: Member, effects: &mut Vec<BrokerEffect>) {
        if self.cut_off.remove(&member).is_none() {
            return;
        }
        let Some(open) = self.incident else { return };
        if self.counted().next().is_none() {
            self.incident = None;
            effects.push(BrokerEffect::Release(member, Span::ZERO));
            effects.push(BrokerEffect::Closed);
        } else if open.canary == Some(member) {
            let canary = self.next_canary();
            self.incident = Some(Open { canary, ..open });
            effects.extend(canary.map(|member| BrokerEffect::Release(member, Span::ZERO)));
        } else {
            effects.push(BrokerEffect::Release(member, Span::ZERO));
        }
    }
}

/// The broker incident holds the instance back: no attempt is made and none is counted.
pub(crate) fn hold(s: &mut Instance, fx: &mut Effects) {
    if !s.is_held() && !matches!(s.phase, Phase::Stopped { .. } | Phase::Up | Phase::Closing(_)) {
        fx.decided(Rule::Brk5);
        s.flags.sharing = Sharing::Held;
    }
}

/// The broker incident lets the instance go on: the reconnect starts after this, a login no earlier than it would have
/// (LOG-2, LOG-4). How long it was cut off meanwhile is no news of its own.
pub(crate) fn release(s: &mut Instance, after: Span, now: Timestamp, params: &Params, fx: &mut Effects) {
    if !s.is_held() {
        return;
    }
    fx.decided(Rule::Brk5);
    s.flags.sharing = Sharing::Released;
    let at = now.after(after);
    let pause = s.timers.due_at(Timer::RateLimitPause).unwrap_or(at);
    let sooner = matches!(s.phase, Phase::Waiting(IncidentKind::NetworkLost | IncidentKind::BrokerDown));
    for timer in [Timer::Login, Timer::Reconnect] {
        if let Some(planned) = s.timers.due_at(timer) {
            let earliest = if sooner && timer == Timer::Reconnect { pause } else { planned };
            s.timers.arm(timer, earliest.max(at));
        }
    }
    if s.timers.is_armed(Timer::ConnectionLost) || s.flags.lost_for_long {
        s.flags.lost_for_long = false;
        s.timers.arm(Timer::ConnectionLost, at.after(params.drop.alert_after));
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
        assert_eq!(state.open_since(), None);
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

    #[test]
    fn brk_5_a_held_member_that_goes_is_not_held_for_ever() {
        let mut state = BrokerState::default();
        for member in 1..=4 {
            cut(&mut state, member, false, 4, 0);
        }
        let mut effects = Vec::new();
        state.gone(Member(3), &mut effects);
        assert_eq!(effects, [BrokerEffect::Release(Member(3), Span::ZERO)]);
        assert_eq!(state.canary(), Some(Member(1)));
    }

    #[test]
    fn brk_5_members_on_their_way_back_open_no_second_incident_at_once() {
        let mut state = BrokerState::default();
        for member in 1..=4 {
            cut(&mut state, member, false, 4, 0);
        }
        state.reached(Member(1), &Params::default(), &mut Vec::new());
        for member in 2..=4 {
            assert_eq!(cut(&mut state, member, false, 4, 1), [], "it is cut off still");
        }
        assert_eq!(cut(&mut state, 2, false, 4, 62), []);
        assert_eq!(cut(&mut state, 3, false, 4, 62), []);
        let again = cut(&mut state, 4, false, 4, 62);
        assert_eq!(again.first(), Some(&BrokerEffect::Opened), "the broker is away again");
    }

    #[test]
    fn brk_5_goes_on_after_a_restart_with_the_first_member_that_is_found_cut_off() {
        let held = |member| (Member(member), at(0), false, true);
        let mut state = BrokerState::resumed([held(1), held(2), held(3)].into_iter());
        assert_eq!(state.open_since(), Some(at(0)));
        assert_eq!(cut(&mut state, 2, false, 3, 90), [BrokerEffect::Release(Member(2), Span::ZERO)]);
        assert_eq!(cut(&mut state, 3, false, 3, 91), []);
        assert_eq!(state.canary(), Some(Member(2)));
    }
}
