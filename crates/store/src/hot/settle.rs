use super::{Cas, HotUpdate};

/// Finds the retries among the answers of one call.
///
/// A store remembers the last operation only. When several steps of an instance are given again together, all but the
/// last find a newer version than they expect, and the store answers [`Cas::Ahead`]. If a later update of the same call
/// made exactly that version, our journal knows it, and the earlier ones are [`Cas::AlreadyApplied`].
pub fn settle(updates: &[HotUpdate], answers: &mut [Cas]) {
    for i in 0..answers.len() {
        let Cas::Ahead { stored } = answers[i] else { continue };
        let update = &updates[i];
        let ours = updates.iter().zip(answers.iter()).skip(i + 1).any(|(later, answer)| {
            *answer == Cas::AlreadyApplied
                && later.version == stored
                && later.epoch == update.epoch
                && later.instance == update.instance
        });
        if ours && update.version < stored {
            answers[i] = Cas::AlreadyApplied;
        }
    }
}
