use warden_domain::Span;

/// What a run draws from the generator of the simulated brokers: its seed tells everything.
#[derive(Clone, Debug)]
pub(crate) struct Rng(warden_bridge_sim::Rng);

impl Rng {
    /// A generator of its own for each purpose: what one part draws changes nothing for the others.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        Self(warden_bridge_sim::Rng::new(seed, purpose))
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.bits()
    }

    /// A number from 0 to `below - 1`; 0 when there is none.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.bits().checked_rem(below).unwrap_or(0)
    }

    /// A place in a list of so many; 0 when it is empty.
    pub(crate) fn place(&mut self, of: usize) -> usize {
        usize::try_from(self.below(of as u64)).unwrap_or(0)
    }

    /// Whether something that happens so often in a thousand times happens now.
    pub(crate) fn per_mille(&mut self, often: u64) -> bool {
        often > 0 && self.below(1_000) < often
    }

    /// A span of milliseconds, both ends included.
    pub(crate) fn millis(&mut self, least: u64, most: u64) -> Span {
        Span::from_millis(least + self.below(most.saturating_sub(least) + 1))
    }

    /// One of them.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.place(from.len())]
    }

    /// One of them, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, from: &[(u32, T)]) -> T {
        let total: u64 = from.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut drawn = self.below(total);
        for (weight, what) in from {
            match drawn.checked_sub(u64::from(*weight)) {
                None => return *what,
                Some(rest) => drawn = rest,
            }
        }
        from[from.len() - 1].1
    }
}
