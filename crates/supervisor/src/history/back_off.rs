use std::time::Duration;

use warden_domain::Span;

/// Growing waits between attempts that fail.
#[derive(Clone, Debug)]
pub(super) struct BackOff {
    longest: Duration,
    next: Duration,
    jitter: u64,
}

impl BackOff {
    /// `salt` tells the jitter: another one for each export that may fail at the same moment.
    pub(super) fn new(first: Span, longest: Span, salt: u64) -> Self {
        let first = Duration::from(first);
        Self { longest: Duration::from(longest).max(first), next: first, jitter: salt }
    }

    /// The next wait: it doubles, and is up to half of it longer.
    pub(super) fn wait(&mut self) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(self.longest);
        self.lengthened(due)
    }

    /// The longest wait, for what only a person mends.
    pub(super) fn long_wait(&mut self) -> Duration {
        self.next = self.longest;
        self.lengthened(self.longest)
    }

    fn lengthened(&mut self, due: Duration) -> Duration {
        // SplitMix64: the salts of two journals have nothing in common, and neither have their jitters.
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
        for salt in 0..200 {
            let mut waits = BackOff::new(Span::from_secs(1), Span::from_secs(60), salt);
            for due in [1, 2, 4, 8, 16, 32, 60, 60].map(Duration::from_secs) {
                let wait = waits.wait();
                assert!(wait >= due && wait <= due * 3 / 2, "{wait:?} for {due:?}");
            }
            let mut slow = BackOff::new(Span::from_secs(1), Span::from_secs(60), salt);
            assert!(slow.long_wait() >= Duration::from_secs(60));
            assert!(slow.wait() >= Duration::from_secs(60), "what follows is no quicker");
        }
    }

    #[test]
    fn two_exports_do_not_come_back_together() {
        let wait = |salt| BackOff::new(Span::from_secs(1), Span::from_secs(60), salt).wait();
        let mut waits: Vec<_> = (0..100).map(wait).collect();
        waits.sort_unstable();
        waits.dedup();
        assert_eq!(waits.len(), 100);
    }
}
