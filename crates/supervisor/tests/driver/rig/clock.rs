use std::time::Duration;

use tokio::time::Instant;
use warden_domain::Timestamp;
use warden_supervisor::Clock;

/// Follows the runtime's paused time.
#[derive(Debug)]
pub(crate) struct PausedClock {
    started: Instant,
}

const ORIGIN: i64 = 1_700_000_000_000;

impl PausedClock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(ORIGIN + i64::try_from(self.started.elapsed().as_millis()).unwrap())
    }

    fn until(&self, at: Timestamp) -> Duration {
        Duration::from_millis(at.since(self.now()).as_millis())
    }
}
