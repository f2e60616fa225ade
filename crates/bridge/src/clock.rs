use std::time::SystemTime;

use warden_domain::Timestamp;

/// Now, in UTC; before 1970 the epoch itself.
pub(crate) fn utc() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
