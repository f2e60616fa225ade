use std::time::{Duration, Instant, SystemTime};

use warden_domain::Timestamp;

/// The clock that deadlines run on (REC-5).
///
/// Moments are UTC milliseconds, so that they mean something after a restart; they advance with a monotonic clock, so
/// that a jump of the wall clock neither fires a deadline nor loses one.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// How long to sleep, in real time, until the moment; zero when it has passed.
    fn until(&self, at: Timestamp) -> Duration;
}

/// Starts at the wall clock and advances with the monotonic one, `speed` times as fast.
#[derive(Clone, Debug)]
pub struct SystemClock {
    origin: Timestamp,
    started: Instant,
    speed: u32,
}

impl SystemClock {
    /// A clock that starts now; `speed` is 1 everywhere but in demonstrations, and at least 1.
    #[must_use]
    pub fn new(speed: u32) -> Self {
        Self { origin: SystemTime::now().into(), started: Instant::now(), speed: speed.max(1) }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let millis = self.started.elapsed().as_micros() * u128::from(self.speed) / 1_000;
        Timestamp::from_millis(
            self.origin.as_millis().saturating_add(i64::try_from(millis).unwrap_or(i64::MAX)),
        )
    }

    fn until(&self, at: Timestamp) -> Duration {
        let real = at.since(self.origin).as_millis().saturating_mul(1_000) / u64::from(self.speed);
        Duration::from_micros(real).saturating_sub(self.started.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::Span;

    use super::*;

    #[test]
    fn rec_5_a_faster_clock_sleeps_shorter() {
        let clock = SystemClock::new(30);
        let wait = clock.until(clock.now().after(Span::from_secs(30)));
        assert!(wait <= Duration::from_secs(1) && wait > Duration::from_millis(900), "{wait:?}");
        assert_eq!(clock.until(Timestamp::from_millis(0)), Duration::ZERO);
    }
}
