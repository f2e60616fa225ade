use std::{fmt, sync::Arc, time::Duration};

use warden_domain::Timestamp;

/// A clock that may run faster than the wall's, and a way to sleep until one of its moments.
#[derive(Clone)]
pub struct WorldClock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    speed: f64,
}

impl WorldClock {
    /// From a function that tells the present moment of the world, and how many of its seconds pass in one of the
    /// wall's; a speed that is not above 0 counts as 1.
    #[must_use]
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self { now: Arc::new(now), speed }
    }

    /// A clock that is at `start` now and runs `speed` times as fast as the runtime's.
    #[must_use]
    pub fn from(start: Timestamp, speed: f64) -> Self {
        let began = tokio::time::Instant::now();
        let clock = Self::new(|| Timestamp::MAX, speed);
        let speed = clock.speed;
        let now = move || {
            let millis = began.elapsed().as_secs_f64() * 1_000.0 * speed;
            Timestamp::from_millis(start.as_millis().saturating_add(millis as i64))
        };
        Self { now: Arc::new(now), speed }
    }

    /// The present moment of the world.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// How many seconds of the world pass in one of the wall's; above 0.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Sleeps until a moment of the world; not at all when it is past.
    pub async fn sleep_until(&self, moment: Timestamp) {
        let millis = moment.since(self.now()).as_millis();
        if millis > 0 {
            // At least a millisecond of the wall's, so that a fast clock does not spin.
            let real = (millis as f64 / self.speed / 1_000.0).max(0.001);
            tokio::time::sleep(Duration::from_secs_f64(real)).await;
        }
    }
}

impl fmt::Debug for WorldClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} times the speed", self.now(), self.speed)
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::Span;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_sleeps_a_part_of_its_own_time() {
        let clock = WorldClock::from(START, 60.0);
        let began = tokio::time::Instant::now();
        clock.sleep_until(START.after(Span::from_secs(120))).await;
        assert_eq!(began.elapsed(), Duration::from_secs(2));
        assert_eq!(clock.now(), START.after(Span::from_secs(120)));
        clock.sleep_until(START).await;
        assert_eq!(began.elapsed(), Duration::from_secs(2), "what is past is not waited for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_speed_that_is_none_counts_as_one() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(WorldClock::from(START, speed).speed(), 1.0);
        }
    }
}
