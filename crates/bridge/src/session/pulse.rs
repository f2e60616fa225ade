use std::time::Duration;

use tokio::time::Instant;

/// Listens for signs of life of the other side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    timeout: Duration,
    heard: Instant,
}

impl Pulse {
    /// Starts to listen.
    pub(crate) fn new(timeout: Duration, now: Instant) -> Self {
        Self { timeout, heard: now }
    }

    /// Something was heard, or could not have been heard until now.
    pub(crate) fn hear(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
    }

    /// From now on the other side says how long it may be silent.
    pub(crate) fn expect_within(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// When to take the other side for gone.
    pub(crate) fn gone_at(&self) -> Instant {
        self.heard + self.timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_is_gone_a_timeout_after_its_last_sign() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut pulse = Pulse::new(3 * second, start);
        assert_eq!(pulse.gone_at(), start + 3 * second);
        pulse.hear(start + 2 * second);
        pulse.hear(start + second);
        assert_eq!(pulse.gone_at(), start + 5 * second);
        pulse.expect_within(second);
        assert_eq!(pulse.gone_at(), start + 3 * second);
    }
}
