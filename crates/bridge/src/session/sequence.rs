/// The numbers of one instance's frames in one direction, as their receiver sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inflow {
    last: u64,
    missing: bool,
}

/// What a frame's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is the expected one.
    Next,
    /// It was there before.
    Duplicate,
    /// It is ahead: frames are missing, and nobody asked for them yet.
    Gap,
    /// Frames are missing, they were asked for, and this is not yet the answer.
    Waiting,
    /// It is 0, which no numbered frame has.
    Unnumbered,
}

impl Inflow {
    /// Expects the number that follows `last`.
    pub(crate) fn after(last: u64) -> Self {
        Self { last, missing: false }
    }

    /// Decides on a frame with this number; only [`Arrival::Next`] consumes it.
    pub(crate) fn arrive(&mut self, sequence: u64) -> Arrival {
        if sequence == 0 {
            Arrival::Unnumbered
        } else if sequence <= self.last {
            Arrival::Duplicate
        } else if self.missing {
            Arrival::Waiting
        } else if sequence - 1 == self.last {
            self.last = sequence;
            Arrival::Next
        } else {
            self.missing = true;
            Arrival::Gap
        }
    }

    /// The other side resumes with this number; `false` when nobody asked or the number was there before.
    #[must_use]
    pub(crate) fn resumed(&mut self, next: u64) -> bool {
        if !self.missing || next <= self.last {
            return false;
        }
        *self = Self::after(next - 1);
        true
    }

    /// The last number that was taken.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Frames are missing and the answer to the question for them has not come yet.
    pub(crate) fn is_missing(&self) -> bool {
        self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_judged_one_by_one() {
        let cases: [(&[u64], Arrival); 8] = [
            (&[1], Arrival::Next),
            (&[1, 2], Arrival::Next),
            (&[0], Arrival::Unnumbered),
            (&[1, 1], Arrival::Duplicate),
            (&[1, 2, 1], Arrival::Duplicate),
            (&[2], Arrival::Gap),
            (&[1, 3, 4], Arrival::Waiting),
            (&[1, 3, 2], Arrival::Waiting),
        ];
        for (numbers, last) in cases {
            let mut inflow = Inflow::after(0);
            let verdicts: Vec<_> = numbers.iter().map(|n| inflow.arrive(*n)).collect();
            assert_eq!(verdicts.last(), Some(&last), "{numbers:?}");
        }
    }

    #[test]
    fn a_gap_is_asked_for_once_and_ends_with_the_answer() {
        let mut inflow = Inflow::after(5);
        assert!(!inflow.resumed(6), "nobody asked");
        assert_eq!(inflow.arrive(8), Arrival::Gap);
        assert!(inflow.is_missing());
        assert_eq!(inflow.last(), 5);
        assert!(!inflow.resumed(5), "that number was there before");
        assert!(inflow.resumed(9));
        assert_eq!(inflow.arrive(8), Arrival::Duplicate);
        assert_eq!(inflow.arrive(9), Arrival::Next);
        assert!(!inflow.is_missing());
    }

    #[test]
    fn the_ends_of_the_range_do_not_panic() {
        let mut inflow = Inflow::after(u64::MAX);
        assert_eq!(inflow.arrive(u64::MAX), Arrival::Duplicate);
        let mut inflow = Inflow::after(0);
        assert_eq!(inflow.arrive(u64::MAX), Arrival::Gap);
        assert!(inflow.resumed(u64::MAX));
        assert_eq!(inflow.arrive(u64::MAX), Arrival::Next);
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_taken_at_most_once_and_in_order(numbers in proptest::collection::vec(0_u64..12, 0..64)) {
            let mut inflow = Inflow::after(0);
            let taken: Vec<_> = numbers.into_iter().filter(|n| inflow.arrive(*n) == Arrival::Next).collect();
            let expected: Vec<_> = (1..=taken.len() as u64).collect();
            proptest::prop_assert_eq!(taken, expected);
        }
    }
}
