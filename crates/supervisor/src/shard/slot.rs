use warden_domain::{Epoch, InstanceId, Login, OpId, Timestamp, TradeServer, Version};
use warden_policy::{AlertSet, CommandId, Instance, Timer};
use warden_store::Projection;

use super::{Ending, trading::Trading};

/// One instance in a shard.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: InstanceId,
    /// The account that must be logged in; `None` when it was destroyed (ACC-3).
    pub(crate) login: Option<Login>,
    pub(crate) server: TradeServer,
    /// Which of the shard's trade servers.
    pub(crate) server_index: u32,
    pub(crate) state: Instance,
    pub(crate) epoch: Epoch,
    /// Of `state`.
    pub(crate) version: Version,
    /// Names the step that made `state`.
    pub(crate) op: OpId,
    /// What the hot-state store holds of it.
    pub(crate) stored: StoredAs,
    /// The earliest deadline in the wheel; a later one that comes up first means nothing.
    pub(crate) armed_at: Timestamp,
    /// Stepped in this batch and not yet projected.
    pub(crate) dirty: bool,
    /// The login lock is ours (LOG-10).
    pub(crate) locked: bool,
    /// The attempt that is due and waits for its admission until this moment (LOG-5, LOG-10, NET-3).
    pub(crate) put_off: Option<(Timer, Timestamp)>,
    /// The trade server's bucket gave a token for the login that waits (LOG-5).
    pub(crate) token: bool,
    /// The login whose credentials are being fetched.
    pub(crate) login_asked: Option<CommandId>,
    /// The state is not in our journal yet: it was taken over from the hot-state store.
    pub(crate) taken_over: bool,
    /// Counted as lacking in the hot-state store.
    pub(crate) backlogged: bool,
    /// The alerts of the newest step.
    pub(crate) alerts: AlertSet,
    /// The state that only a person ends.
    pub(crate) ending: Ending,
    /// Another owner, or a journal that is lost, may have taken signals that were made before this: they are not taken
    /// again. `None` where our journal knows them all.
    pub(crate) knows_since: Option<Timestamp>,
    /// Its trades.
    pub(crate) trading: Trading,
    /// Something of its trades is to be looked after at the end of the turn.
    pub(crate) touched: bool,
}

/// What the hot-state store holds of an instance, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredAs {
    /// This version, with these documented keys where they are known.
    Version(Version, Option<Projection>),
    /// Older, missing or corrupt: the whole state is to be written over it.
    ToRestore,
    /// It moved under us or is unreadable: nothing is written before that is settled (REC-2, ACC-6).
    Unsettled,
    /// Another supervisor owns the instance: it is let go of.
    Fenced,
}

impl Slot {
    /// The documented keys of the present state.
    pub(crate) fn projection(&self) -> Projection {
        Projection {
            status: self.state.status(),
            connection_state: self.state.connection_state(),
            login_attempt_count: u32::from(self.state.login_attempt_count()),
            last_login_attempt: self.state.last_login_attempt(),
            login_failure_reason: self.state.login_failure_reason(),
            last_failure_reason: self.state.last_failure_reason(),
        }
    }

    /// Whether the hot-state store still lacks the present state.
    pub(crate) fn lags(&self) -> bool {
        if self.state.hot_state_removed() || self.version == Version(0) {
            return false;
        }
        match self.stored {
            StoredAs::Version(version, _) => version != self.version,
            StoredAs::ToRestore => true,
            StoredAs::Unsettled | StoredAs::Fenced => false,
        }
    }

    /// When the instance is to be looked at next: its next deadline, but for an attempt that waits for admission.
    pub(crate) fn next_wake(&self) -> Option<Timestamp> {
        let next = self.state.next_deadline()?;
        let Some((_, until)) = self.put_off else { return Some(next) };
        let timers = self.state.timers();
        // Another attempt may be due as well: it waits with the one that was put off, or would wake this up for ever.
        let mut attempts = Timer::ALL.into_iter().filter(|timer| timer.starts_attempt());
        if until <= next || !attempts.any(|timer| timers.due_at(timer) == Some(next)) {
            return Some(next);
        }
        let others = Timer::ALL.into_iter().filter(|timer| !timer.starts_attempt());
        Some(others.filter_map(|timer| timers.due_at(timer)).fold(until, Timestamp::min))
    }

    /// Whether the attempt was put off to a later moment.
    pub(crate) fn waits(&self, attempt: Timer, now: Timestamp) -> bool {
        self.put_off.is_some_and(|(put_off, until)| put_off == attempt && until > now)
    }

    pub(crate) const fn is_ours(&self) -> bool {
        !matches!(self.stored, StoredAs::Fenced)
    }

    /// Whether a signal of this moment may be taken: it is ours, and nobody else can have taken it.
    pub(crate) fn takes_signals_of(&self, created_at: Timestamp) -> bool {
        self.is_ours() && self.knows_since.is_none_or(|since| created_at >= since)
    }

    /// Whether it is ours and has hot state, and so a lease to keep.
    pub(crate) const fn has_lease(&self) -> bool {
        self.is_ours() && !self.state.hot_state_removed()
    }
}
