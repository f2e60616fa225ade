//! What the journal says of signals that the shards do not remember.

use std::collections::BTreeSet;

use tracing::warn;
use warden_distribution::{Line, Outcome, Report, Symbol};
use warden_domain::{ClientTradeId, Gate, InstanceId, Timestamp};
use warden_policy::trade::{End, Goal, Trade, decode_trade_row};
use warden_store::{JournalError, KnownKey};

use crate::shard::Shared;

/// Completes a report with the trades of accounts that have no line in it.
pub(super) async fn completed(
    known: Option<Report>,
    key: &ClientTradeId,
    shared: &Shared,
) -> Result<Option<Report>, JournalError> {
    let kept = shared.options.distribution.params.keep_keys;
    let now = shared.clock.now();
    let since = Timestamp::from_millis(now.as_millis().saturating_sub_unsigned(kept.as_millis()));
    let covered: BTreeSet<InstanceId> = known.iter().flat_map(instances).collect();
    let mut report = known;
    for accepted in shared.journal.keys(since).await? {
        if accepted.key.id == *key && !covered.contains(&accepted.instance) {
            let report = report.get_or_insert_with(|| Report::resumed(key.clone(), accepted.at));
            if let Some(line) = line_of(&accepted, shared).await? {
                report.add(line);
            }
        }
    }
    Ok(report)
}

fn instances(report: &Report) -> impl Iterator<Item = InstanceId> {
    report.lines.iter().map(|line| line.instance.clone())
}

/// The line of a trade, as its newest row has it.
async fn line_of(accepted: &KnownKey, shared: &Shared) -> Result<Option<Line>, JournalError> {
    let rows = shared.journal.trade_history(&accepted.instance, accepted.trade, 1).await?;
    let Some(newest) = rows.last() else { return Ok(None) };
    match decode_trade_row(&newest.payload) {
        // Another signal with this key (TRD-4): no part of this one.
        Ok(row) if row.step.trade.end() == Some(End::Duplicate) => Ok(None),
        Ok(row) => Ok(resumed(&accepted.instance, row.part, &row.symbol, &row.step.trade)),
        Err(fault) => {
            warn!(instance = %accepted.instance, seq = newest.seq, %fault, "a trade's row cannot be read");
            Ok(None)
        }
    }
}

/// The line of a trade whose plan is gone.
pub(crate) fn resumed(instance: &InstanceId, part: u32, symbol: &str, trade: &Trade) -> Option<Line> {
    let wanted = match trade.intent().goal {
        Goal::Open(opening) => Some(opening.volume),
        Goal::Close { volume, .. } => volume,
        Goal::Protect { .. } | Goal::Move { .. } | Goal::Cancel { .. } => None,
    };
    let outcome = Outcome::of(trade, Gate::Open);
    Some(Line::resumed(instance.clone(), part, Symbol::new(symbol).ok()?, wanted, outcome))
}
