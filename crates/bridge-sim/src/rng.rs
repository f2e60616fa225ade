use warden_domain::Span;

/// A small seeded generator (SplitMix64): the only source of chance in the world, so that a seed tells everything.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator of its own for each purpose: the same seed and purpose give the same numbers, whatever else draws.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut state = seed;
        for byte in purpose.bytes() {
            state = mix(state ^ u64::from(byte)).wrapping_add(0x9E37_79B9_7F4A_7C15);
        }
        Self(state)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number from `0` to `below - 1`; 0 when there is none.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        let below = u64::try_from(below).unwrap_or(u64::MAX);
        usize::try_from(self.bits().checked_rem(below).unwrap_or(0)).unwrap_or(0)
    }

    /// A span from `least` to `most`, both included.
    pub(crate) fn span(&mut self, (least, most): (Span, Span)) -> Span {
        let width = most.as_millis().saturating_sub(least.as_millis()).saturating_add(1);
        Span::from_millis(least.as_millis() + self.bits() % width)
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        // 53 bits fit a double exactly.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The wait until the next of events that come on average every `mean`.
    pub(crate) fn wait(&mut self, mean: Span) -> Span {
        let wait = -(1.0 - self.unit()).ln() * mean.as_millis() as f64;
        Span::from_millis((wait as u64).max(1))
    }

    /// `count` different numbers below `below`, in drawn order; all of them when there are no more.
    pub(crate) fn choose(&mut self, count: usize, below: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..below).collect();
        let count = count.min(below);
        for at in 0..count {
            let other = at + self.below(below - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all
    }
}

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_purpose_tell_every_number() {
        let draw = |seed, purpose| Rng::new(seed, purpose).bits();
        assert_eq!(draw(1, "latency"), draw(1, "latency"));
        assert_ne!(draw(1, "latency"), draw(2, "latency"));
        assert_ne!(draw(1, "latency"), draw(1, "faults"));
    }

    #[test]
    fn a_choice_is_of_different_numbers() {
        let mut chosen = Rng::new(7, "test").choose(5, 6);
        chosen.sort_unstable();
        chosen.dedup();
        assert_eq!(chosen.len(), 5);
        assert_eq!(Rng::new(7, "test").choose(9, 2).len(), 2);
    }

    #[test]
    fn spans_stay_in_their_range() {
        let mut rng = Rng::new(3, "test");
        let (least, most) = (Span::from_millis(10), Span::from_millis(12));
        assert!((0..100).map(|_| rng.span((least, most))).all(|span| span >= least && span <= most));
    }
}
