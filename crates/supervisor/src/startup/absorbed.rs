//! What the accounts store knows of an instance's end, against what journal, hot state and history say at the start.
//!
//! The accounts store is right about states that only a person ends. A reset is what a person does, and it is journalled
//! before the accounts store hears of it; so a stop gives way to what is newer, and to nothing else:
//!
//! | accounts store | journal, hot state, history | the instance starts                                              |
//! |----------------|-----------------------------|------------------------------------------------------------------|
//! | nothing        | whatever                    | as they say; the accounts store is told                          |
//! | stopped        | nothing                     | stopped                                                          |
//! | stopped        | older than the stop         | stopped: the journal lost its tail, or is another one            |
//! | stopped        | newer than the stop         | as they say: a person started it again; the accounts store is told |
//! | stopped        | destruction begun           | as they say: destruction goes on; the accounts store is told     |
//! | closed         | destruction begun or done   | as they say: destruction goes on where it was                    |
//! | closed         | anything else               | closed: destruction is made again, every step of it is harmless  |
//! | closed         | nothing, but credentials or keys are left | closed: the same                                   |
//! | closed         | nothing, and nothing is left | closed, and nothing is done                                     |
//!
//! An account without a login was destroyed, whatever else is recorded of it (ACC-3): it counts as closed.
//!
//! Between journal and hot state the newer one counts, as for everything else; the history is what there is when both
//! are gone, and dated by its step.

use warden_domain::{FailureReason, Timestamp};
use warden_policy::{Absorbing, Event, Instance, account::Closure};
use warden_store::Absorbed;

use crate::{InstanceSpec, shard::Ending};

/// What the accounts store knows of an instance's end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// What is recorded.
    pub(super) recorded: Option<Absorbing>,
    /// What holds, and since when.
    holds: Option<(Absorbing, Timestamp)>,
    /// Credentials and login are deleted.
    deleted: bool,
}

/// What was recovered of an instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recovered<'a> {
    pub(super) state: &'a Instance,
    /// When its newest journalled step was decided; `None` when neither journal nor history has it.
    pub(super) at: Option<Timestamp>,
}

impl Known {
    pub(super) fn of(spec: &InstanceSpec, recorded: Option<Absorbed>, now: Timestamp) -> Self {
        let deleted = spec.login.is_none();
        let recorded = recorded.map(parts);
        let holds = match recorded {
            Some((Absorbing::Stopped { .. }, since)) if deleted => Some((CLOSED, since)),
            None if deleted => Some((CLOSED, now)),
            Some(_) | None => recorded,
        };
        Self { recorded: recorded.map(|(state, _)| state), holds, deleted }
    }

    /// The end of an instance that starts as it was recovered.
    pub(super) fn ending(&self, found: Option<Recovered<'_>>) -> Ending {
        let ending = found.and_then(Recovered::ending);
        let over = found.is_some_and(|found| found.state.closure() == Closure::Done);
        // Credentials after the end of a destruction are new ones, and not to be closed by it (ACC-1).
        let renewed = over && !self.deleted && self.recorded.is_none();
        Ending::new(ending, if renewed { ending.map(|(state, _)| state) } else { self.recorded })
    }

    /// The event that the instance begins with when the accounts store is right; `bare` says that the hot-state store
    /// was asked and holds nothing.
    pub(super) fn overrules(&self, found: Option<Recovered<'_>>, bare: bool) -> Option<Event> {
        let (state, since) = self.holds?;
        let Some(found) = found else {
            return Some(Event::Absorbed { state, since, destroyed: self.deleted && bare });
        };
        let right = match state {
            _ if found.state.closure().is_final() => false,
            Absorbing::Stopped { .. } => {
                found.state.absorbing() != Some(state) && !found.is_newer_than(since)
            }
            Absorbing::Closed { .. } => true,
        };
        right.then_some(Event::Absorbed { state, since, destroyed: false })
    }
}

impl Recovered<'_> {
    fn is_newer_than(self, since: Timestamp) -> bool {
        self.at.is_some_and(|at| at > since) || self.state.newest_moment() > since
    }

    /// The state that only a person ends, and since when it is known.
    fn ending(self) -> Option<(Absorbing, Timestamp)> {
        let since = self.at.unwrap_or_else(|| self.state.newest_moment());
        self.state.absorbing().map(|state| (state, since))
    }
}

const CLOSED: Absorbing = Absorbing::Closed { reason: FailureReason::AccountClosed };

const fn parts(absorbed: Absorbed) -> (Absorbing, Timestamp) {
    match absorbed {
        Absorbed::Stopped { reason, permanently, since } => {
            (Absorbing::Stopped { reason, permanently }, since)
        }
        Absorbed::Closed { reason, since } => (Absorbing::Closed { reason }, since),
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::{Desired, InstanceId, Login, TradeServer};
    use warden_policy::{Effects, Params, step};

    use super::*;

    const STOPPED_AT: Timestamp = Timestamp::from_millis(1_000_000);
    const EARLIER: Timestamp = Timestamp::from_millis(999_999);
    const LATER: Timestamp = Timestamp::from_millis(1_000_001);
    const NOW: Timestamp = Timestamp::from_millis(2_000_000);

    fn spec(login: bool) -> InstanceSpec {
        InstanceSpec {
            id: InstanceId::new("a").unwrap(),
            login: login.then(|| Login::new(5_000).unwrap()),
            server: TradeServer::new("Broker-Live").unwrap(),
            desired: Desired::Running,
            group: String::new(),
            rules: std::sync::Arc::default(),
        }
    }

    fn stopped(permanently: bool) -> Absorbed {
        Absorbed::Stopped { reason: FailureReason::BrokerDown, permanently, since: STOPPED_AT }
    }

    const CLOSED_THEN: Absorbed =
        Absorbed::Closed { reason: FailureReason::AccountDisabled, since: STOPPED_AT };

    fn after(events: &[Event], at: Timestamp) -> Instance {
        let (mut state, mut fx) = (Instance::new(1), Effects::default());
        for event in events {
            let _ = step(&mut state, event, at, &Params::default(), &mut fx);
        }
        state
    }

    fn running(at: Timestamp) -> Instance {
        after(&[Event::Start], at)
    }

    /// What `known` makes of a state that was journalled then.
    fn verdict(known: Absorbed, state: &Instance, at: Option<Timestamp>) -> Option<Event> {
        Known::of(&spec(true), Some(known), NOW).overrules(Some(Recovered { state, at }), false)
    }

    #[test]
    fn rec_3_a_stop_holds_over_what_is_older_and_over_nothing_else() {
        let (state, since) = parts(stopped(true));
        let holds = Some(Event::Absorbed { state, since, destroyed: false });
        let known = Known::of(&spec(true), Some(stopped(true)), NOW);
        assert_eq!(known.overrules(None, true), holds, "nothing is known");
        assert_eq!(known.overrules(None, false), holds);
        for (at, expected) in [(EARLIER, holds), (STOPPED_AT, holds), (LATER, None)] {
            assert_eq!(verdict(stopped(true), &running(EARLIER), Some(at)), expected, "journalled at {at}");
        }
        let hot = after(&[Event::GatewayUp(warden_policy::Report::default())], EARLIER);
        assert_eq!(verdict(stopped(true), &hot, None), holds, "a hot state from before");
        let hot = after(&[Event::GatewayUp(warden_policy::Report::default())], LATER);
        assert_eq!(verdict(stopped(true), &hot, None), None, "a hot state that saw a gateway come later");
    }

    #[test]
    fn rec_3_the_same_stop_says_nothing_and_another_one_holds() {
        let event = |permanently| {
            let (state, since) = parts(stopped(permanently));
            Event::Absorbed { state, since, destroyed: false }
        };
        let state = after(&[event(true)], EARLIER);
        assert_eq!(verdict(stopped(true), &state, Some(EARLIER)), None);
        assert_eq!(verdict(stopped(false), &state, Some(EARLIER)), Some(event(false)));
        assert_eq!(verdict(stopped(false), &state, Some(LATER)), None, "the journal knows of a later one");
    }

    #[test]
    fn acc_2_a_closed_account_holds_over_everything_but_its_own_destruction() {
        let (state, since) = parts(CLOSED_THEN);
        let holds = Some(Event::Absorbed { state, since, destroyed: false });
        for at in [EARLIER, LATER] {
            assert_eq!(verdict(CLOSED_THEN, &running(at), Some(at)), holds, "running since {at}");
            assert_eq!(verdict(CLOSED_THEN, &Instance::new(1), Some(at)), holds, "at rest since {at}");
            let begun = after(&[Event::ConfirmClosure], at);
            assert_eq!(verdict(CLOSED_THEN, &begun, Some(at)), None, "destruction goes on");
            assert_eq!(verdict(stopped(true), &begun, Some(EARLIER)), None, "and no stop undoes it");
        }
        for (login, bare, destroyed) in
            [(true, true, false), (true, false, false), (false, false, false), (false, true, true)]
        {
            let known = Known::of(&spec(login), Some(CLOSED_THEN), NOW);
            let event = Event::Absorbed { state, since, destroyed };
            assert_eq!(known.overrules(None, bare), Some(event), "login {login}, bare {bare}");
            let found = Recovered { state: &running(EARLIER), at: Some(EARLIER) };
            assert_eq!(known.overrules(Some(found), bare), holds, "there is something to destroy");
        }
    }

    #[test]
    fn acc_3_an_account_without_login_counts_as_closed() {
        for recorded in [None, Some(stopped(true)), Some(CLOSED_THEN)] {
            let known = Known::of(&spec(false), recorded, NOW);
            let found = Recovered { state: &running(LATER), at: Some(LATER) };
            let event = known.overrules(Some(found), false);
            let Some(Event::Absorbed { state: Absorbing::Closed { .. }, .. }) = event else {
                panic!("{recorded:?} makes {event:?}")
            };
            assert_eq!(known.recorded, recorded.map(parts).map(|(state, _)| state), "as the store holds it");
        }
        assert_eq!(
            Known::of(&spec(true), None, NOW).overrules(None, true),
            None,
            "nothing is known of an end"
        );
    }
}
