use std::time::Duration;

use warden_domain::Span;

/// Growing waits between rounds of dialling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    first: Span,
    longest: Span,
    next: Span,
}

impl Backoff {
    pub(super) fn new(first: Span, longest: Span) -> Self {
        Self { first, longest, next: first }
    }

    /// The next wait: the span that is due, and up to half of it more, as `random` says (of its whole range).
    pub(super) fn wait(&mut self, random: u32) -> Duration {
        let due = Duration::from(self.next.min(self.longest));
        self.next = self.next.times(2).min(self.longest);
        due + due.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
    }

    /// It worked: begin anew.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
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
        let mut backoff = Backoff::new(Span::from_millis(500), Span::from_secs(3));
        let waits: Vec<_> = (0..5).map(|_| backoff.wait(0).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 3_000, 3_000]);
        assert_eq!(backoff.wait(u32::MAX).as_millis(), 4_500);
        backoff.reset();
        assert_eq!(backoff.wait(u32::MAX).as_millis(), 750);
    }
}
