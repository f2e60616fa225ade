use warden_domain::Span;

use crate::{fault::Fault, settings::settings};

settings! {
    /// The numbers of distribution that are the same for every account.
    Params {
        /// TRD-7: how far the clock of a source may be ahead of ours.
        ahead: Span = Span::from_secs(5),
        /// TRD-4: how long the key of a signal is known after it was accepted; no signal may be valid for longer.
        keep_keys: Span = Span::from_secs(86_400),
        /// TRD-4: how many keys a shard knows at the same time; signals are refused beyond it.
        most_keys: u32 = 1_000_000,
        /// How many planned accounts and intents a shard keeps to be given again; the oldest plans beyond it keep their key only.
        most_plans: u32 = 200_000,
        /// The largest signal that is read, in bytes.
        most_bytes: u32 = 262_144,
        /// How much of what cannot be read is kept, in bytes.
        dead_letter_bytes: u32 = 4_096,
    }
}

impl Params {
    /// What does not fit together with how long a signal is valid that does not say (`trade.signal.valid_for`): the key
    /// and what to do about it. Empty when all is well.
    #[must_use]
    pub fn faults(&self, valid_for: Span) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.keep_keys < valid_for {
            let what = format!(
                "is shorter than trade.signal.valid_for, {valid_for}; a signal could be carried out twice"
            );
            faults.push(Fault { field: "keep_keys".to_owned(), what });
        }
        faults
    }
}
