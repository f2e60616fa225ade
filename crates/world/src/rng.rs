use warden_domain::Span;

/// A small seeded generator (SplitMix64): the only source of chance in a run, so that its seed tells everything.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A generator of its own for each purpose: what one part draws changes nothing for the others.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let mut state = seed;
        for byte in purpose.bytes() {
            state = mix(state ^ u64::from(byte)).wrapping_add(0x9E37_79B9_7F4A_7C15);
        }
        Self(state)
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
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

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}
