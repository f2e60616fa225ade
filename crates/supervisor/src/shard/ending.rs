//! States that only a person ends, as the accounts store is told of them.

use warden_domain::Timestamp;
use warden_policy::Absorbing;
use warden_store::Absorbed;

use super::{
    Shard,
    work::{Done, Work, Worked},
};

/// The waits between attempts to record double this often at most.
const DOUBLINGS: u32 = 3;

/// The state that only a person ends: as it is, and as the accounts store knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// As it is, and since when.
    is: Option<(Absorbing, Timestamp)>,
    /// What the accounts store holds.
    recorded: Option<Absorbing>,
    /// Recording it is under way, waits for its turn or for its next attempt.
    recording: bool,
    /// Attempts in a row that failed.
    failed: u32,
}

impl Ending {
    pub(crate) fn new(is: Option<(Absorbing, Timestamp)>, recorded: Option<Absorbing>) -> Self {
        Self { is, recorded, recording: false, failed: 0 }
    }

    /// Of an instance that first takes over what the accounts store holds: there is nothing to record.
    pub(crate) fn known(recorded: Option<Absorbing>) -> Self {
        let is = recorded.map(|kind| (kind, Timestamp::from_millis(0)));
        Self::new(is, recorded)
    }

    /// Takes in what a step made of it; answers whether recording is to begin.
    pub(super) fn follow(&mut self, absorbing: Option<Absorbing>, now: Timestamp) -> bool {
        if absorbing != self.kind() {
            self.is = absorbing.map(|kind| (kind, now));
        }
        self.begins()
    }

    /// Whether the accounts store holds something else, and nobody is about to tell it.
    fn begins(&mut self) -> bool {
        let begins = self.kind() != self.recorded && !self.recording;
        self.recording |= begins;
        begins
    }

    fn kind(&self) -> Option<Absorbing> {
        self.is.map(|(kind, _)| kind)
    }

    /// As the accounts store is told.
    pub(super) fn told(&self) -> Option<Absorbed> {
        self.is.map(|(kind, since)| match kind {
            Absorbing::Stopped { reason, permanently } => Absorbed::Stopped { reason, permanently, since },
            Absorbing::Closed { reason } => Absorbed::Closed { reason, since },
        })
    }
}

impl Shard {
    /// Records what the accounts store does not know yet of the instances that were recovered.
    pub(super) fn record_endings(&mut self) {
        for index in 0..u32::try_from(self.slots.len()).expect("a shard holds fewer than 2^32 instances") {
            let slot = &mut self.slots[index as usize];
            if slot.is_ours() && slot.ending.begins() {
                self.begin_work(index, Work::Absorb);
            }
        }
    }

    /// An attempt to record ended.
    pub(super) fn recorded(&mut self, index: u32, told: Option<Absorbed>, done: Done) {
        let ending = &mut self.slots[index as usize].ending;
        match done {
            Done::Yes => {
                ending.recorded = told.map(kind_of);
                (ending.recording, ending.failed) = (false, 0);
                if ending.begins() {
                    self.begin_work(index, Work::Absorb);
                }
            }
            Done::Fenced => self.let_go(index),
            Done::No(why) => {
                let doublings = ending.failed.min(DOUBLINGS);
                ending.failed = ending.failed.saturating_add(1);
                let wait = self.shared.params.closure.retry_after.times(1 << doublings);
                let instance = &self.slots[index as usize].id;
                tracing::warn!(%instance, why, %wait, "the accounts store did not record the instance's end; it is tried again");
                // What is left when a fleet ends is recorded by the next start.
                if self.ending_at.is_none() {
                    let (clock, at) = (self.shared.clock.clone(), self.now().after(wait));
                    self.tasks.spawn(async move {
                        tokio::time::sleep(clock.until(at)).await;
                        vec![(index, Worked::AbsorbAgain)]
                    });
                }
            }
        }
    }
}

const fn kind_of(absorbed: Absorbed) -> Absorbing {
    match absorbed {
        Absorbed::Stopped { reason, permanently, .. } => Absorbing::Stopped { reason, permanently },
        Absorbed::Closed { reason, .. } => Absorbing::Closed { reason },
    }
}
