use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeSeq};
use warden_domain::Timestamp;

/// The deadlines of an instance; each says when to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Timer {
    /// When to start the next login (LOG-2, LOG-8).
    Login,
    /// When to start the next reconnect (BRK-1, NET-1, NET-5, ACC-5), or to confirm the session again (SES-1).
    Reconnect,
    /// When to start the next terminal restart (NET-2).
    Restart,
    /// When to give up waiting for the outcome of the command in flight.
    Command,
    /// When the cool-down after the last failed login ends (LOG-4).
    LoginCooldown,
    /// When a disconnection has lasted so long that people are told (NET-4).
    ConnectionLost,
    /// When a rate-limit pause ends (BRK-2).
    RateLimitPause,
    /// When rate limits have been absent for so long that their count starts anew (BRK-2).
    RateLimitQuiet,
    /// When to try again after maintenance (BRK-4).
    Maintenance,
    /// When a rebuild of the stored state has taken too long (ACC-6).
    Rebuild,
    /// When to write again after a state conflict (REC-2).
    Conflict,
    /// When a recovery has lasted so long that it counts as one (REC-1).
    Healthy,
    /// When closing trades before a stop has taken too long (ACC-7).
    Close,
    /// When to try a step of the staged destruction again (ACC-3).
    Destruction,
    /// When a trading pause that a trade rule asked for ends (TRD-2, TRD-3).
    TradePause,
}

impl Timer {
    /// Every timer, in the order of the stored form. Due ones fire in this order, those that start attempts last.
    pub const ALL: [Self; 15] = [
        Self::Login,
        Self::Reconnect,
        Self::Restart,
        Self::Command,
        Self::LoginCooldown,
        Self::ConnectionLost,
        Self::RateLimitPause,
        Self::RateLimitQuiet,
        Self::Maintenance,
        Self::Rebuild,
        Self::Conflict,
        Self::Healthy,
        Self::Close,
        Self::Destruction,
        Self::TradePause,
    ];

    /// Whether it starts an attempt at the terminal, which needs a gateway and the driver's admission (LOG-5, LOG-10).
    #[must_use]
    pub const fn starts_attempt(self) -> bool {
        matches!(self, Self::Login | Self::Reconnect | Self::Restart)
    }
}

/// The armed deadlines of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timers {
    armed: u16,
    at: [Timestamp; Timer::ALL.len()],
}

impl Default for Timers {
    fn default() -> Self {
        Self { armed: 0, at: [Timestamp::MAX; Timer::ALL.len()] }
    }
}

impl Timers {
    /// When the timer is due, if it is armed.
    #[must_use]
    pub fn due_at(&self, timer: Timer) -> Option<Timestamp> {
        self.is_armed(timer).then(|| self.at[timer as usize])
    }

    pub(crate) const fn is_armed(&self, timer: Timer) -> bool {
        self.armed & bit(timer) != 0
    }

    pub(crate) fn arm(&mut self, timer: Timer, at: Timestamp) {
        self.armed |= bit(timer);
        self.at[timer as usize] = at;
    }

    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.armed &= !bit(timer);
        self.at[timer as usize] = Timestamp::MAX;
    }

    pub(crate) fn keep_only(&mut self, kept: &[Timer]) {
        for timer in Timer::ALL {
            if !kept.contains(&timer) {
                self.disarm(timer);
            }
        }
    }

    /// The earliest armed deadline, those of `held_back` left out.
    pub(crate) fn earliest(&self, held_back: TimerSet) -> Option<Timestamp> {
        let mut rest = self.armed & !held_back.0;
        let mut earliest = None;
        while rest != 0 {
            let at = self.at[rest.trailing_zeros() as usize];
            earliest = Some(earliest.map_or(at, |known: Timestamp| known.min(at)));
            rest &= rest - 1;
        }
        earliest
    }

    /// Disarms and answers the first due timer that is not in `held_back`; attempts come last, so that none is started
    /// in a step that stops the instance.
    pub(crate) fn pop_due(&mut self, now: Timestamp, held_back: TimerSet) -> Option<Timer> {
        let armed = self.armed & !held_back.0;
        self.pop_first(now, armed & !TimerSet::ATTEMPTS.0)
            .or_else(|| self.pop_first(now, armed & TimerSet::ATTEMPTS.0))
    }

    fn pop_first(&mut self, now: Timestamp, mut rest: u16) -> Option<Timer> {
        while rest != 0 {
            let timer = Timer::ALL[rest.trailing_zeros() as usize];
            if self.at[timer as usize] <= now {
                self.disarm(timer);
                return Some(timer);
            }
            rest &= rest - 1;
        }
        None
    }
}

/// A set of timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerSet(u16);

impl TimerSet {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const RESTART: Self = Self(bit(Timer::Restart));
    pub(crate) const REACHING_THE_BROKER: Self = Self(bit(Timer::Login) | bit(Timer::Reconnect));
    pub(crate) const ATTEMPTS: Self = Self(Self::REACHING_THE_BROKER.0 | Self::RESTART.0);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn contains(self, timer: Timer) -> bool {
        self.0 & bit(timer) != 0
    }
}

const fn bit(timer: Timer) -> u16 {
    1 << timer as u8
}

impl Serialize for Timers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut armed = serializer.serialize_seq(Some(self.armed.count_ones() as usize))?;
        for timer in Timer::ALL {
            if let Some(at) = self.due_at(timer) {
                armed.serialize_element(&(timer as u8, at))?;
            }
        }
        armed.end()
    }
}

impl<'de> Deserialize<'de> for Timers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut timers = Self::default();
        for (index, at) in Vec::<(u8, Timestamp)>::deserialize(deserializer)? {
            let timer = Timer::ALL.get(usize::from(index)).ok_or_else(|| {
                serde::de::Error::custom(format_args!("timer {index} is not known to this version"))
            })?;
            timers.arm(*timer, at);
        }
        Ok(timers)
    }
}
