//! What the accounts store knows of an instance's end, against what journal and hot state say at the start.
//!
//! The accounts store is right about states that only a person ends. A reset is what a person does, and it is journalled
//! before the accounts store hears of it; so a stop gives way to what is newer, and to nothing else:
//!
//! | accounts store | journal or hot state        | the instance starts                                              |
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
//! Between journal and hot state the newer one counts, as for everything else.

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
    /// When its newest journalled step was decided; `None` when it is in no journal.
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
