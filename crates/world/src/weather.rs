use warden_domain::Span;

use crate::rng::Rng;

/// A store behind its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Port {
    /// The journal.
    Journal,
    /// The hot state.
    Hot,
    /// The accounts.
    Accounts,
    /// The history.
    History,
}

impl Port {
    pub(crate) const ALL: [Self; 4] = [Self::Journal, Self::Hot, Self::Accounts, Self::History];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Hot => "hot",
            Self::Accounts => "accounts",
            Self::History => "history",
        }
    }

    /// The fault of one call, as it is counted.
    pub(crate) const fn failure(self) -> &'static str {
        match self {
            Self::Journal => "journal_failure",
            Self::Hot => "hot_failure",
            Self::Accounts => "accounts_failure",
            Self::History => "history_failure",
        }
    }

    pub(crate) const fn outage(self) -> &'static str {
        match self {
            Self::Journal => "journal_outage",
            Self::Hot => "hot_outage",
            Self::Accounts => "accounts_outage",
            Self::History => "history_outage",
        }
    }
}

/// How likely things go wrong now; all of it in calls per thousand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    /// Calls of a store that take long.
    pub(crate) slow: u64,
    /// Calls of a store that fail.
    pub(crate) failing: u64,
    /// Messages and commands that are lost.
    pub(crate) lost: u64,
    /// Messages and commands that come twice.
    pub(crate) twice: u64,
    /// Messages and commands that come late, past others.
    pub(crate) late: u64,
    /// Stores that do not answer, until this millisecond of the run.
    pub(crate) down_until: [u64; Port::ALL.len()],
}

/// What becomes of one call of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// How long it takes until it happens.
    pub(crate) before: Span,
    pub(crate) end: End,
    /// How long its answer takes.
    pub(crate) after: Span,
}

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is answered.
    Answered,
    /// Nothing happened, and the caller hears so.
    Failed,
    /// It happened, and the caller hears that it did not.
    Unheard,
}

impl Weather {
    /// What a call meets; the journal never says "no" to what it did.
    pub(crate) fn fate(&self, port: Port, now: u64, rng: &mut Rng) -> Fate {
        let unheard = port != Port::Journal && rng.per_mille(500);
        let failed = if unheard { End::Unheard } else { End::Failed };
        if self.down_until[port as usize] > now {
            let before = rng.millis(0, 50);
            return Fate { before, end: End::Failed, after: Span::ZERO };
        }
        let end = if rng.per_mille(self.failing) { failed } else { End::Answered };
        if rng.per_mille(self.slow) {
            return Fate { before: rng.millis(0, 800), end, after: rng.millis(0, 400) };
        }
        Fate { before: Span::ZERO, end, after: Span::ZERO }
    }
}
