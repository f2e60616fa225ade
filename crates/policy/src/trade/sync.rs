use warden_domain::Timestamp;

use super::SnapshotId;
use crate::Params;

/// Decides when a terminal is synchronised: connected, with the expected login, and two equal readings of its orders and
/// positions at least `trade.unknown.synchronised_after` apart.
///
/// Right after a login the terminal shows what it remembers; a failed query is never "flat".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synchroniser {
    /// Digest and beginning of the first of the equal readings so far.
    first: Option<(u64, Timestamp)>,
}

impl Synchroniser {
    /// Takes in a reading that was begun at this moment; `digest` is that of everything it holds.
    ///
    /// Answers the snapshot when this reading makes the terminal synchronised.
    pub fn read(&mut self, digest: u64, begun_at: Timestamp, params: &Params) -> Option<SnapshotId> {
        match self.first {
            Some((known, since)) if known == digest => {
                let apart = begun_at.since(since) >= params.unknown.synchronised_after;
                apart.then_some(SnapshotId(begun_at))
            }
            Some(_) | None => {
                self.first = Some((digest, begun_at));
                None
            }
        }
    }

    /// The connection or the login was lost, or a query failed: what was read says nothing any more.
    pub fn lost(&mut self) {
        self.first = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_synchronised_by_two_equal_readings_a_second_apart() {
        let (params, mut sync) = (Params::default(), Synchroniser::default());
        let at = Timestamp::from_millis;
        assert_eq!(sync.read(7, at(0), &params), None, "one reading proves nothing");
        assert_eq!(sync.read(7, at(999), &params), None, "too soon");
        assert_eq!(sync.read(7, at(1_000), &params), Some(SnapshotId(at(1_000))));
        assert_eq!(sync.read(8, at(2_000), &params), None, "it changed");
        assert_eq!(sync.read(8, at(3_500), &params), Some(SnapshotId(at(3_500))));
        sync.lost();
        assert_eq!(sync.read(8, at(9_000), &params), None, "what was read before the loss does not count");
    }
}
