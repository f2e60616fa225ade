use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use warden_domain::{Span, Timestamp};
use warden_supervisor::{Clock, SystemClock};

/// A clock that can stand still, so that everything can be looked at in one moment.
#[derive(Debug)]
pub(crate) struct StoppableClock {
    running: SystemClock,
    hands: Mutex<Hands>,
}

#[derive(Debug, Default)]
struct Hands {
    stopped_at: Option<Timestamp>,
    /// How long it stood still before.
    stood: Span,
}

/// How soon whoever sleeps looks again while the clock stands still.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl StoppableClock {
    /// A clock that starts now and runs `speed` times as fast as the wall's.
    pub(crate) fn new(speed: u32) -> Self {
        Self { running: SystemClock::new(speed), hands: Mutex::default() }
    }

    /// Stands still from now on.
    pub(crate) fn stop(&self) {
        let mut hands = self.hands();
        hands.stopped_at = Some(hands.at(self.running.now()));
    }

    /// Goes on from where it stopped.
    pub(crate) fn go_on(&self) {
        let mut hands = self.hands();
        if let Some(stopped_at) = hands.stopped_at.take() {
            hands.stood = self.running.now().since(stopped_at);
        }
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hands {
    fn at(&self, running: Timestamp) -> Timestamp {
        let behind = running.as_millis().saturating_sub_unsigned(self.stood.as_millis());
        self.stopped_at.unwrap_or(Timestamp::from_millis(behind))
    }
}

impl Clock for StoppableClock {
    fn now(&self) -> Timestamp {
        self.hands().at(self.running.now())
    }

    fn until(&self, at: Timestamp) -> Duration {
        let hands = self.hands();
        match hands.stopped_at {
            Some(stopped_at) if at <= stopped_at => Duration::ZERO,
            Some(_) => LOOK_AGAIN,
            None => self.running.until(at.after(hands.stood)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_clock_stands_still_and_goes_on_from_there() {
        let clock = StoppableClock::new(1_000);
        clock.stop();
        let stopped = clock.now();
        let past = stopped.after(Span::from_secs(5));
        while clock.running.now() < past.after(clock.hands().stood) {
            assert_eq!(clock.now(), stopped);
        }
        assert_eq!((clock.until(stopped), clock.until(past)), (Duration::ZERO, LOOK_AGAIN));
        clock.go_on();
        assert!(clock.now().since(stopped) < Span::from_secs(4), "it goes on from where it stopped");
        assert!(clock.now() >= stopped);
    }
}
