use warden_domain::{Epoch, InstanceId, Login, OpId, Timestamp, TradeServer, Version};
use warden_policy::Instance;
use warden_store::Projection;

/// One instance in a shard.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: InstanceId,
    pub(crate) login: Login,
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
        if self.state.hot_state_removed() {
            return false;
        }
        match self.stored {
            StoredAs::Version(version, _) => version != self.version,
            StoredAs::ToRestore => true,
            StoredAs::Unsettled | StoredAs::Fenced => false,
        }
    }

    pub(crate) const fn is_ours(&self) -> bool {
        !matches!(self.stored, StoredAs::Fenced)
    }
}
