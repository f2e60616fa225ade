use serde::{Deserialize, Serialize, ser::SerializeSeq};
use warden_domain::{Facts, IncidentKind, JournalLine, Timestamp};

use crate::Timer;

/// One open incident of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Incident {
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What it was opened on.
    pub evidence: Evidence,
    /// Attempts to recover that were started.
    pub attempt: u8,
}

/// The observation that decided, in its smallest form; the whole facts stand in the event that brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Evidence {
    /// A trade server retcode.
    Retcode(u32),
    /// A `last_error()` code.
    LastError(i32),
    /// A line of the terminal's journal.
    Journal(JournalLine),
    /// Flags of terminal or account.
    Flags,
    /// The terminal process is gone.
    ProcessGone,
    /// The gateway is gone.
    GatewayGone,
    /// No answer came in time.
    Silence,
    /// A store said so.
    Store,
    /// Another part of the system said so.
    Internal,
}

impl Evidence {
    /// Whether the broker's side said so, in whatever form.
    pub(crate) const fn is_refusal(self) -> bool {
        match self {
            Self::Retcode(_) | Self::LastError(_) | Self::Journal(_) => true,
            Self::Flags
            | Self::ProcessGone
            | Self::GatewayGone
            | Self::Silence
            | Self::Store
            | Self::Internal => false,
        }
    }

    /// The strongest observation among facts: a journal line, then a retcode, then an error code, then flags.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        if let Some(line) = facts.journal {
            Self::Journal(line)
        } else if let Some(code) = facts.retcode {
            Self::Retcode(code)
        } else if let Some(code) = facts.last_error {
            Self::LastError(code)
        } else if facts.terminal.is_some() || facts.account.is_some() {
            Self::Flags
        } else {
            Self::Silence
        }
    }
}

/// The timer that starts the next attempt of an incident, if its kind has attempts.
pub(crate) const fn timer_of(kind: IncidentKind) -> Option<Timer> {
    match kind {
        IncidentKind::LoginFailed | IncidentKind::AccountDisabled | IncidentKind::AccountClosed => {
            Some(Timer::Login)
        }
        IncidentKind::BrokerDown | IncidentKind::NetworkLost | IncidentKind::PermissionsChanged => {
            Some(Timer::Reconnect)
        }
        IncidentKind::TerminalCrashed => Some(Timer::Restart),
        IncidentKind::RateLimited => Some(Timer::RateLimitPause),
        IncidentKind::Maintenance => Some(Timer::Maintenance),
        IncidentKind::StateCorrupted => Some(Timer::Rebuild),
        IncidentKind::StateConflict => Some(Timer::Conflict),
        IncidentKind::Slippage | IncidentKind::ExecutionTimeout => Some(Timer::TradePause),
        IncidentKind::StateStoreLost | IncidentKind::DuplicateOrders | IncidentKind::ProtectionMisfire => {
            None
        }
    }
}

/// The open incidents of an instance, one of each kind at most; in columns, which take a third less room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Incidents {
    open: u16,
    attempts: [u8; IncidentKind::COUNT],
    opened: [(Timestamp, Evidence); IncidentKind::COUNT],
}

/// What stands in the place of one that is not open.
const NOTHING: (Timestamp, Evidence) = (Timestamp::from_millis(0), Evidence::Internal);

impl Default for Incidents {
    fn default() -> Self {
        Self { open: 0, attempts: [0; IncidentKind::COUNT], opened: [NOTHING; IncidentKind::COUNT] }
    }
}

impl Incidents {
    pub(crate) fn get(&self, kind: IncidentKind) -> Option<Incident> {
        let (opened_at, evidence) = self.opened[kind as usize];
        self.is_open(kind).then(|| Incident { opened_at, evidence, attempt: self.attempts(kind) })
    }

    /// The open kinds, bit `kind as u8` for each.
    pub(crate) const fn kinds(&self) -> u16 {
        self.open
    }

    pub(crate) const fn is_open(&self, kind: IncidentKind) -> bool {
        self.open & (1 << kind as u8) != 0
    }

    /// Attempts started of the open incident of this kind; 0 when none is open.
    pub(crate) const fn attempts(&self, kind: IncidentKind) -> u8 {
        self.attempts[kind as usize]
    }

    /// Opens an incident; an open one of the kind stays as it is.
    pub(crate) fn open(&mut self, kind: IncidentKind, opened_at: Timestamp, evidence: Evidence) {
        if !self.is_open(kind) {
            self.open |= 1 << kind as u8;
            self.opened[kind as usize] = (opened_at, evidence);
        }
    }

    pub(crate) fn count_attempt(&mut self, kind: IncidentKind) {
        self.set_attempts(kind, self.attempts(kind).saturating_add(1));
    }

    /// The attempt that was counted last does not count after all.
    pub(crate) fn uncount_attempt(&mut self, kind: IncidentKind) {
        self.set_attempts(kind, self.attempts(kind).saturating_sub(1));
    }

    pub(crate) fn set_attempts(&mut self, kind: IncidentKind, attempts: u8) {
        if self.is_open(kind) {
            self.attempts[kind as usize] = attempts;
        }
    }

    /// Closes an incident; answers whether one was open.
    pub(crate) fn close(&mut self, kind: IncidentKind) -> bool {
        let was_open = self.is_open(kind);
        self.open &= !(1 << kind as u8);
        self.attempts[kind as usize] = 0;
        self.opened[kind as usize] = NOTHING;
        was_open
    }

    pub(crate) const fn any(&self) -> bool {
        self.open != 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (IncidentKind, Incident)> {
        IncidentKind::ALL.iter().filter_map(|kind| Some((*kind, self.get(*kind)?)))
    }
}

impl Serialize for Incidents {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut open = serializer.serialize_seq(Some(self.open.count_ones() as usize))?;
        for (kind, incident) in self.iter() {
            open.serialize_element(&(kind as u8, incident))?;
        }
        open.end()
    }
}

impl<'de> Deserialize<'de> for Incidents {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut incidents = Self::default();
        for (index, incident) in Vec::<(u8, Incident)>::deserialize(deserializer)? {
            if usize::from(index) >= IncidentKind::COUNT {
                return Err(serde::de::Error::custom(format_args!(
                    "incident kind {index} is not known to this version"
                )));
            }
            incidents.open |= 1 << index;
            incidents.attempts[usize::from(index)] = incident.attempt;
            incidents.opened[usize::from(index)] = (incident.opened_at, incident.evidence);
        }
        Ok(incidents)
    }
}
