use std::borrow::Cow;

use warden_domain::{ConnectionState, FailureReason, Status, Timestamp};

use super::Projection;

/// One of the documented keys of an instance that other services read (behaviour.md §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HotKey {
    /// `instance_state:<id>:status`
    Status,
    /// `instance_state:<id>:connection_state`
    ConnectionState,
    /// `instance_state:<id>:login_attempt_count`
    LoginAttemptCount,
    /// `instance_state:<id>:last_login_attempt`, RFC 3339 UTC; the only one that may be absent.
    LastLoginAttempt,
    /// `instance_state:<id>:login_failure_reason`
    LoginFailureReason,
    /// `instance_state:<id>:last_failure_reason`
    LastFailureReason,
}

impl HotKey {
    /// Every documented key, in the order in which adapters store and read them.
    pub const ALL: [Self; 6] = [
        Self::Status,
        Self::ConnectionState,
        Self::LoginAttemptCount,
        Self::LastLoginAttempt,
        Self::LoginFailureReason,
        Self::LastFailureReason,
    ];

    /// The last part of the key's name, after `instance_state:<id>:`.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::ConnectionState => "connection_state",
            Self::LoginAttemptCount => "login_attempt_count",
            Self::LastLoginAttempt => "last_login_attempt",
            Self::LoginFailureReason => "login_failure_reason",
            Self::LastFailureReason => "last_failure_reason",
        }
    }
}

impl Projection {
    /// The text that stands under a key; `None` when the key is absent.
    #[must_use]
    pub fn text(&self, key: HotKey) -> Option<Cow<'static, str>> {
        match key {
            HotKey::Status => Some(self.status.as_str().into()),
            HotKey::ConnectionState => Some(self.connection_state.as_str().into()),
            HotKey::LoginAttemptCount => Some(self.login_attempt_count.to_string().into()),
            HotKey::LastLoginAttempt => self.last_login_attempt.map(|at| at.to_string().into()),
            HotKey::LoginFailureReason => Some(self.login_failure_reason.as_str().into()),
            HotKey::LastFailureReason => Some(self.last_failure_reason.as_str().into()),
        }
    }

    /// Whether a key has another text here than in `previous`; without a `previous` every key has.
    #[must_use]
    pub fn differs(&self, key: HotKey, previous: Option<&Self>) -> bool {
        let Some(old) = previous else { return true };
        match key {
            HotKey::Status => self.status != old.status,
            HotKey::ConnectionState => self.connection_state != old.connection_state,
            HotKey::LoginAttemptCount => self.login_attempt_count != old.login_attempt_count,
            HotKey::LastLoginAttempt => self.last_login_attempt != old.last_login_attempt,
            HotKey::LoginFailureReason => self.login_failure_reason != old.login_failure_reason,
            HotKey::LastFailureReason => self.last_failure_reason != old.last_failure_reason,
        }
    }

    /// Reads the texts that stand under the keys back.
    ///
    /// # Errors
    /// Which key is missing or holds a text that it cannot hold, in words.
    pub fn read<'a>(text: impl Fn(HotKey) -> Option<&'a str>) -> Result<Self, String> {
        let present =
            |key: HotKey| text(key).ok_or_else(|| format!("key {} is missing or not a string", key.suffix()));
        let reason = |key| named(key, present(key)?, FailureReason::from_text);
        Ok(Self {
            status: named(HotKey::Status, present(HotKey::Status)?, Status::from_text)?,
            connection_state: named(
                HotKey::ConnectionState,
                present(HotKey::ConnectionState)?,
                ConnectionState::from_text,
            )?,
            login_attempt_count: named(
                HotKey::LoginAttemptCount,
                present(HotKey::LoginAttemptCount)?,
                |text| text.parse().ok(),
            )?,
            last_login_attempt: match text(HotKey::LastLoginAttempt) {
                None => None,
                Some(at) => Some(named(HotKey::LastLoginAttempt, at, |at| Timestamp::parse(at).ok())?),
            },
            login_failure_reason: reason(HotKey::LoginFailureReason)?,
            last_failure_reason: reason(HotKey::LastFailureReason)?,
        })
    }
}

fn named<T>(key: HotKey, text: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    read(text).ok_or_else(|| format!("key {} holds {:?}", key.suffix(), shortened(text)))
}

/// At most 40 characters: the text comes from outside and ends up in a log line.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projection() -> Projection {
        Projection {
            status: Status::Failed,
            connection_state: ConnectionState::Disconnected,
            login_attempt_count: 4_000_000_000,
            last_login_attempt: Some(Timestamp::from_millis(1_700_000_000_123)),
            login_failure_reason: FailureReason::LoginFailed,
            last_failure_reason: FailureReason::BrokerDown,
        }
    }

    #[test]
    fn a_projection_reads_what_it_shows() {
        for last_login_attempt in [None, Some(Timestamp::from_millis(0))] {
            let shown = Projection { last_login_attempt, ..projection() };
            let texts = HotKey::ALL.map(|key| shown.text(key));
            let read = Projection::read(|key| texts[key as usize].as_deref());
            assert_eq!(read, Ok(shown));
        }
    }

    #[test]
    fn a_projection_says_which_key_is_wrong() {
        let texts = HotKey::ALL.map(|key| projection().text(key));
        for (key, wrong) in [(HotKey::Status, Some("BROKEN")), (HotKey::LastLoginAttempt, Some("soon"))] {
            let read = Projection::read(|k| if k == key { wrong } else { texts[k as usize].as_deref() });
            assert!(read.unwrap_err().contains(key.suffix()));
        }
        let long = "9".repeat(5_000);
        let read = Projection::read(|_| Some(long.as_str()));
        assert!(read.unwrap_err().len() < 200);
        assert!(Projection::read(|_| None).unwrap_err().contains("status is missing"));
    }

    #[test]
    fn only_a_changed_key_differs() {
        let old = projection();
        let new = Projection { status: Status::Connected, login_attempt_count: 0, ..old };
        let changed: Vec<_> = HotKey::ALL.into_iter().filter(|key| new.differs(*key, Some(&old))).collect();
        assert_eq!(changed, [HotKey::Status, HotKey::LoginAttemptCount]);
        assert!(HotKey::ALL.into_iter().all(|key| new.differs(key, None)));
    }
}
