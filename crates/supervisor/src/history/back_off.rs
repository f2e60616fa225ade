use std::time::Duration;

use warden_domain::Span;

/// Growing waits between attempts that fail.
#[derive(Clone, Debug)]
pub(super) struct BackOff {
    longest: Duration,
    next: Duration,
}

impl BackOff {
    pub(super) fn new(first: Span, longest: Span) -> Self {
        let first = Duration::from(first);
        Self { longest: Duration::from(longest).max(first), next: first }
    }

    /// The next wait: it doubles, and is up to half of it longer, as `random` says (of its whole range).
    pub(super) fn wait(&mut self, random: u32) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(self.longest);
        lengthened(due, random)
    }

    /// The longest wait, for what only a person mends.
    pub(super) fn long_wait(&mut self, random: u32) -> Duration {
        self.next = self.longest;
        lengthened(self.longest, random)
    }
}

fn lengthened(due: Duration, random: u32) -> Duration {
    due + due.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}

/// A number for jitter; where the system has no randomness left, none is added.
pub(super) fn random() -> u32 {
    getrandom::u32().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_jitter_only_lengthens() {
        let mut waits = BackOff::new(Span::from_secs(1), Span::from_secs(60));
        let seconds: Vec<_> = (0..8).map(|_| waits.wait(0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits.wait(u32::MAX), Duration::from_secs(90));
        let mut slow = BackOff::new(Span::from_secs(1), Span::from_secs(60));
        assert_eq!(slow.long_wait(0), Duration::from_secs(60));
        assert_eq!(slow.wait(0), Duration::from_secs(60), "what follows is no quicker");
    }
}
