use warden_domain::Epoch;

use super::{Arrival, Inflow, RefusalReason};

/// One instance's numbered frames in one direction, together with the epoch they must have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    /// Nothing of a lower epoch is taken.
    epoch: Epoch,
    inflow: Inflow,
}

/// What to do with a numbered frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Take it.
    Take,
    /// Refuse it, and go on.
    Refuse(RefusalReason),
    /// Refuse it as a gap, and ask for what came after this number.
    AskFor {
        /// The last number that was taken.
        after: u64,
    },
    /// Drop it: what is missing was asked for, and it will come again.
    Drop,
}

impl Lane {
    pub(crate) fn new(epoch: Epoch, last: u64) -> Self {
        Self { epoch, inflow: Inflow::after(last) }
    }

    /// Decides on a frame; `epoch` is that of its command, or `None` for a frame that has none.
    pub(crate) fn judge(&mut self, sequence: u64, epoch: Option<Epoch>) -> Verdict {
        match self.inflow.arrive(sequence) {
            Arrival::Next if epoch.is_some_and(|it| it < self.epoch) => {
                Verdict::Refuse(RefusalReason::StaleEpoch)
            }
            Arrival::Next => Verdict::Take,
            Arrival::Duplicate => Verdict::Refuse(RefusalReason::Duplicate),
            Arrival::Gap => Verdict::AskFor { after: self.inflow.last() },
            Arrival::Waiting => Verdict::Drop,
            Arrival::Unnumbered => Verdict::Refuse(RefusalReason::BadField),
        }
    }

    /// The epoch rose; a lower one changes nothing.
    pub(crate) fn raise(&mut self, epoch: Epoch) {
        self.epoch = self.epoch.max(epoch);
    }

    /// The lowest epoch that is taken.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The numbers of the lane.
    pub(crate) fn inflow(&mut self) -> &mut Inflow {
        &mut self.inflow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_judged_by_number_first_and_epoch_second() {
        let (old, own, new) = (Some(Epoch(1)), Some(Epoch(2)), Some(Epoch(3)));
        let cases = [
            (1, None, Verdict::Take),
            (1, own, Verdict::Take),
            (1, new, Verdict::Take),
            (1, old, Verdict::Refuse(RefusalReason::StaleEpoch)),
            (0, own, Verdict::Refuse(RefusalReason::BadField)),
            (2, own, Verdict::AskFor { after: 0 }),
            (2, old, Verdict::AskFor { after: 0 }),
        ];
        for (sequence, epoch, verdict) in cases {
            assert_eq!(Lane::new(Epoch(2), 0).judge(sequence, epoch), verdict, "{sequence} {epoch:?}");
        }
    }

    #[test]
    fn a_stale_frame_consumes_its_number() {
        let mut lane = Lane::new(Epoch(2), 0);
        assert_eq!(lane.judge(1, Some(Epoch(1))), Verdict::Refuse(RefusalReason::StaleEpoch));
        assert_eq!(lane.judge(2, None), Verdict::Take);
        assert_eq!(lane.judge(2, None), Verdict::Refuse(RefusalReason::Duplicate));
    }

    #[test]
    fn a_raised_epoch_makes_what_is_under_way_stale() {
        let mut lane = Lane::new(Epoch(2), 0);
        lane.raise(Epoch(4));
        lane.raise(Epoch(3));
        assert_eq!(lane.epoch(), Epoch(4));
        assert_eq!(lane.judge(1, Some(Epoch(3))), Verdict::Refuse(RefusalReason::StaleEpoch));
    }

    #[test]
    fn after_a_gap_everything_is_dropped_until_the_answer() {
        let mut lane = Lane::new(Epoch(1), 0);
        assert_eq!(lane.judge(3, None), Verdict::AskFor { after: 0 });
        assert_eq!(lane.judge(4, None), Verdict::Drop);
        assert!(lane.inflow().resumed(5));
        assert_eq!(lane.judge(5, None), Verdict::Take);
    }
}
