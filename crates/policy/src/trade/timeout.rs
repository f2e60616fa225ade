//! TRD-3: orders that are not executed in time.
//!
//! No answer within 5 s (`trade.timeout.execute_within`): the order is verified. Found open although it should have been
//! executed: cancelled. Proven not executed: trading pauses and the order is tried again after 10 s
//! (`trade.timeout.recover_after`), if its signal is still valid; else it ends `FAILED`. The third in a row on an instance
//! (`trade.timeout.stop_after`): notify, stop. A silence alone is counted by nobody: only what was proven.

use warden_domain::Rule;

use super::{
    Escalation, Op, Purpose, Trade, TradeNotice, TroubleKind, resolver, retcode,
    step::Scene,
    tally::{normal, troubled},
};

/// No answer came in time.
pub(crate) fn late(t: &mut Trade, op: Op, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Trd3);
    if broken!(TimeoutIsRefusal) {
        return retcode::refused(t, op, 10_012, x);
    }
    t.flight.late = true;
    resolver::begin(t, op, Purpose::Lost, x);
}

/// It is proven that an order was not executed in time.
pub(crate) fn counted(t: &mut Trade, x: &mut Scene<'_>) {
    t.flight.late = false;
    if troubled(TroubleKind::ExecutionTimeout, Rule::Trd3, 1, x) == Escalation::Stop {
        x.fx.notify(Rule::Trd3, TradeNotice::NotExecuted);
    }
}

/// An order was executed.
pub(crate) fn executed(t: &mut Trade, x: &mut Scene<'_>) {
    let waits_at_the_market = !t.intent.opening().is_some_and(|opening| opening.kind.rests())
        && t.held.filled == warden_domain::Lots::ZERO;
    if !waits_at_the_market {
        t.flight.late = false;
        t.tries.timeouts = 0;
        normal(TroubleKind::ExecutionTimeout, Rule::Trd3, x);
    }
}
