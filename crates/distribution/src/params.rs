use warden_domain::Span;

use crate::{fault::Fault, settings::settings};

settings! {
    /// The numbers of distribution that are the same for every account.
    Params {
        /// TRD-7: how long a signal is valid from its making, where it does not say.
        valid_for: Span = Span::from_secs(60),
        /// How far the clock of a source may be ahead of ours.
        ahead: Span = Span::from_secs(5),
        /// How long the key of a signal is known after it was accepted.
        keep_keys: Span = Span::from_secs(86_400),
        /// How many keys are known at the same time; signals are refused beyond it.
        most_keys: u32 = 200_000,
        /// How many planned accounts and intents are kept to be given again; the oldest plans beyond it keep their key only.
        most_plans: u32 = 200_000,
        /// The largest signal that is read, in bytes.
        most_bytes: u32 = 262_144,
        /// How much of what cannot be read is kept, in bytes.
        dead_letter_bytes: u32 = 4_096,
    }
}

impl Params {
    /// What does not fit together: the key and what to do about it. Empty when all is well.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.keep_keys < self.valid_for {
            let what =
                format!("is shorter than valid_for, {}; a signal could be carried out twice", self.valid_for);
            faults.push(Fault { field: "keep_keys".to_owned(), what });
        }
        faults
    }
}
