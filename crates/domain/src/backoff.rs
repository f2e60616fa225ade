use std::time::Duration;

use crate::Span;

/// Growing waits between attempts that fail: each twice the one before, up to the longest, and up to half of itself
/// longer, so that many who failed together do not come back together.
///
/// ```
/// use std::time::Duration;
/// use warden_domain::{Backoff, Span};
///
/// let mut waits = Backoff::new(Span::from_secs(1), Span::from_secs(60), 7);
/// assert!(waits.wait() >= Duration::from_secs(1));
/// assert!(waits.wait() >= Duration::from_secs(2));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    jitter: u64,
}

impl Backoff {
    /// From the first wait to the longest, which is never less than the first; `seed` tells the jitter: give each a seed
    /// of its own.
    #[must_use]
    pub fn new(first: Span, longest: Span, seed: u64) -> Self {
        let first = Duration::from(first);
        Self { first, longest: Duration::from(longest).max(first), next: first, jitter: seed }
    }

    /// The wait after another failure.
    pub fn wait(&mut self) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(self.longest);
        self.lengthened(due)
    }

    /// The longest wait at once, for what only a person mends.
    pub fn longest_wait(&mut self) -> Duration {
        self.next = self.longest;
        self.wait()
    }

    /// It worked: begins anew.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    fn lengthened(&mut self, due: Duration) -> Duration {
        // SplitMix64: two seeds have nothing in common, and neither have their jitters.
        self.jitter = self.jitter.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.jitter;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let share = u32::try_from((bits ^ (bits >> 31)) >> 32).unwrap_or(0);
        due + due.mul_f64(f64::from(share) / f64::from(u32::MAX) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_jitter_only_lengthens() {
        for seed in 0..200 {
            let mut waits = Backoff::new(Span::from_secs(1), Span::from_secs(60), seed);
            for due in [1, 2, 4, 8, 16, 32, 60, 60].map(Duration::from_secs) {
                let wait = waits.wait();
                assert!(wait >= due && wait <= due * 3 / 2, "{wait:?} for {due:?}");
            }
            waits.reset();
            assert!(waits.wait() <= Duration::from_millis(1_500));
            assert!(waits.longest_wait() >= Duration::from_secs(60));
            assert!(waits.wait() >= Duration::from_secs(60), "what follows is no quicker");
        }
    }

    #[test]
    fn two_that_fail_together_do_not_come_back_together() {
        let wait = |seed| Backoff::new(Span::from_secs(1), Span::from_secs(60), seed).wait();
        let mut waits: Vec<_> = (0..100).map(wait).collect();
        waits.sort_unstable();
        waits.dedup();
        assert_eq!(waits.len(), 100);
    }
}
