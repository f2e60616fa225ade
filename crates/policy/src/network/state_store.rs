use warden_domain::Timestamp;

use crate::Params;

/// NET-3: the hot-state store as one supervisor sees it.
///
/// Lost: tried again after 10 s (`network.state_store.reconnect_after`), at most 5 times. A store that was given up is
/// still tried, so that a person who brings it back need not restart the supervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateStore {
    /// It answers.
    #[default]
    Up,
    /// It does not answer.
    Lost {
        /// Failed attempts since it was lost.
        attempts: u8,
        /// When to try again.
        next_at: Timestamp,
    },
}

/// What the instances are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateStoreEffect {
    /// Nothing new.
    Nothing,
    /// [`StateStoreEvent::Lost`](crate::StateStoreEvent::Lost) with this many attempts.
    Lost(u8),
    /// [`StateStoreEvent::Exhausted`](crate::StateStoreEvent::Exhausted).
    Exhausted,
    /// [`StateStoreEvent::Back`](crate::StateStoreEvent::Back), after the backlog was flushed.
    Back,
}

impl StateStore {
    /// Goes on where an older supervisor was (REC-4): this many attempts had failed.
    #[must_use]
    pub const fn resumed(attempts: u8, now: Timestamp) -> Self {
        Self::Lost { attempts, next_at: now }
    }

    /// When to try again; `None` while it answers.
    #[must_use]
    pub const fn next_deadline(self) -> Option<Timestamp> {
        match self {
            Self::Up => None,
            Self::Lost { next_at, .. } => Some(next_at),
        }
    }

    /// The store did not answer: a write, or an attempt at `next_at`. A write that fails while the store is known to
    /// be lost is no attempt.
    pub fn failed(&mut self, now: Timestamp, params: &Params) -> StateStoreEffect {
        let (attempts, told) = match *self {
            Self::Up => (0, StateStoreEffect::Lost(0)),
            Self::Lost { next_at, .. } if now < next_at => return StateStoreEffect::Nothing,
            Self::Lost { attempts, .. } => {
                let attempts = attempts.saturating_add(1);
                let most = params.state_store.attempts;
                match attempts {
                    _ if attempts < most => (attempts, StateStoreEffect::Lost(attempts)),
                    _ if attempts == most => (attempts, StateStoreEffect::Exhausted),
                    _ => (attempts, StateStoreEffect::Nothing),
                }
            }
        };
        *self = Self::Lost { attempts, next_at: now.after(params.state_store.reconnect_after) };
        told
    }

    /// The store answered and took the backlog.
    pub fn answered(&mut self) -> StateStoreEffect {
        match std::mem::take(self) {
            Self::Up => StateStoreEffect::Nothing,
            Self::Lost { .. } => StateStoreEffect::Back,
        }
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::Span;

    use super::*;

    #[test]
    fn net_3_tries_five_times_every_ten_seconds_then_gives_up() {
        let params = Params::default();
        let mut now = Timestamp::from_millis(1_000_000);
        let mut store = StateStore::default();
        assert_eq!(store.failed(now, &params), StateStoreEffect::Lost(0));
        for attempt in 1..=4 {
            assert_eq!(store.failed(now, &params), StateStoreEffect::Nothing, "a write is no attempt");
            now = now.after(Span::from_secs(10));
            assert_eq!(store.next_deadline(), Some(now));
            assert_eq!(store.failed(now, &params), StateStoreEffect::Lost(attempt));
        }
        now = now.after(Span::from_secs(10));
        assert_eq!(store.failed(now, &params), StateStoreEffect::Exhausted);
        now = now.after(Span::from_secs(10));
        assert_eq!(store.failed(now, &params), StateStoreEffect::Nothing);
        assert_eq!(store.answered(), StateStoreEffect::Back);
        assert_eq!(store.answered(), StateStoreEffect::Nothing);
    }
}
