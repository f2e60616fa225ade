use std::collections::HashSet;

use super::{Cas, HotUpdate, TradeUpdate, TradeWrite};

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

/// Finds the versions of a trade that were overtaken within one call: the store answers [`TradeWrite::Ahead`] for them
/// when the call is given again, and the newer version that it names is our own.
pub fn settle_trades(updates: &[TradeUpdate], answers: &mut [TradeWrite]) {
    if !answers.iter().any(|answer| matches!(answer, TradeWrite::Ahead { .. })) {
        return;
    }
    let written: HashSet<_> = updates
        .iter()
        .zip(answers.iter())
        .filter(|(_, answer)| **answer == TradeWrite::Written)
        .map(|(update, _)| (&update.instance, update.trade.tag, update.epoch, update.version))
        .collect();
    for (update, answer) in updates.iter().zip(answers) {
        if let TradeWrite::Ahead { stored } = *answer
            && written.contains(&(&update.instance, update.trade.tag, update.epoch, stored))
        {
            *answer = TradeWrite::Written;
        }
    }
}
