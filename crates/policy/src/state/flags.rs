use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Facts that are either so or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub(crate) struct Flags {
    /// The present credentials logged in before: a refusal now says something about the account (ACC-2).
    pub(crate) proven: bool,
    /// Logins of the account are throttled (LOG-5).
    pub(crate) throttled: bool,
    /// A login succeeded after failures, not long ago (LOG-6).
    pub(crate) login_recovered: bool,
    /// The connection has been lost for long (NET-4).
    pub(crate) lost_for_long: bool,
    /// How a broker incident concerns the instance (BRK-5).
    pub(crate) sharing: Sharing,
    /// The hot-state store was given up and the instance is watched on with its gate shut (NET-3).
    pub(crate) degraded: bool,
    /// It stopped while no gateway could be told to close the terminal session; the next one is.
    pub(crate) session_left: bool,
    /// A person halted its trading (TRD-7).
    pub(crate) halted: bool,
    /// A person's reset came after whatever trade rules were troubled: what they counted is over (TRD-2 to TRD-5).
    pub(crate) calm: bool,
}

/// How a broker incident concerns an instance (BRK-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Sharing {
    /// Its failures are its own.
    #[default]
    Alone,
    /// It waits for the end of the incident; the incident's alert and notification stand for its own.
    Held,
    /// The incident is over and it may try; until it fails by itself it tells nobody.
    Released,
}

/// The stored form: as schema 2 wrote it, but for the last byte, where a boolean has become a set of bits. So the older
/// rows say what they said.
#[derive(Serialize, Deserialize)]
struct Stored(bool, bool, bool, bool, Sharing, bool, u8);

const SESSION_LEFT: u8 = 1;
const HALTED: u8 = 1 << 1;
const CALM: u8 = 1 << 2;

#[derive(Debug, Error)]
#[error("flags {0:#b} are not known to this version")]
struct UnknownFlags(u8);

impl From<Flags> for Stored {
    fn from(flags: Flags) -> Self {
        let left = if flags.session_left { SESSION_LEFT } else { 0 };
        let halted = if flags.halted { HALTED } else { 0 };
        let calm = if flags.calm { CALM } else { 0 };
        Self(
            flags.proven,
            flags.throttled,
            flags.login_recovered,
            flags.lost_for_long,
            flags.sharing,
            flags.degraded,
            left | halted | calm,
        )
    }
}

impl TryFrom<Stored> for Flags {
    type Error = UnknownFlags;

    fn try_from(stored: Stored) -> Result<Self, UnknownFlags> {
        let Stored(proven, throttled, login_recovered, lost_for_long, sharing, degraded, bits) = stored;
        if bits & !(SESSION_LEFT | HALTED | CALM) != 0 {
            return Err(UnknownFlags(bits));
        }
        Ok(Self {
            proven,
            throttled,
            login_recovered,
            lost_for_long,
            sharing,
            degraded,
            session_left: bits & SESSION_LEFT != 0,
            halted: bits & HALTED != 0,
            calm: bits & CALM != 0,
        })
    }
}
