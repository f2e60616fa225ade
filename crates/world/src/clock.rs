use std::time::Duration;

use tokio::time::Instant;
use warden_domain::Timestamp;
use warden_supervisor::Clock;

/// The clock of one supervisor process over the runtime's paused time: like the system's, it reads the wall clock when
/// it starts and is monotonic from there, whatever the wall clock does (REC-5).
#[derive(Debug)]
pub(crate) struct SimClock {
    origin: Timestamp,
    started: Instant,
}

impl SimClock {
    /// A clock of a process that starts now, when the wall clock shows `wall`.
    pub(crate) fn started_at(wall: Timestamp) -> Self {
        Self { origin: wall, started: Instant::now() }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        shifted(self.origin, self.started.elapsed())
    }

    fn until(&self, at: Timestamp) -> Duration {
        Duration::from_millis(at.since(self.origin).as_millis()).saturating_sub(self.started.elapsed())
    }
}

/// So much later; saturates.
pub(crate) fn shifted(from: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(from.as_millis().saturating_add(millis))
}
