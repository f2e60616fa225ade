//! TRD-4: duplicate orders.
//!
//! More opening orders carry the tag than were sent and not proven to be unexecuted, or a new signal repeats the client's
//! id: the duplicate is stored as `FAILED`, people are told, the incident opens; an order too many is cancelled, a volume
//! too much is closed. Each duplicate is counted once; the third (`trade.duplicate.stop_after`) stops the instance. The
//! alert ends with the next order that is executed once.

use warden_domain::Rule;

use super::{
    Findings, Trade, TradeEffect, TradeNotice, TroubleKind,
    step::Scene,
    tally::{normal, troubled},
};

/// How many orders carry the tag, and how many should.
pub(crate) fn noticed(t: &mut Trade, f: &Findings, x: &mut Scene<'_>) {
    let expected = t.entries.max(1);
    if f.orders <= expected || broken!(DuplicateIgnored) {
        t.entries = t.entries.max(f.orders);
        return;
    }
    t.entries = f.orders;
    let ticket = f.extra_order.or(f.extra_position.map(|position| position.ticket));
    x.fx.add(Rule::Trd4, TradeEffect::StoreDuplicate(ticket.or(f.order.map(|order| order.ticket))));
    troubled(TroubleKind::DuplicateOrders, Rule::Trd4, f.orders - expected, x);
    x.fx.notify(Rule::Trd4, TradeNotice::DuplicateOrder);
}

/// A new signal repeats the client's id.
pub(crate) fn repeated(x: &mut Scene<'_>) {
    if broken!(DuplicateIgnored) {
        return;
    }
    x.fx.add(Rule::Trd4, TradeEffect::StoreDuplicate(None));
    troubled(TroubleKind::DuplicateOrders, Rule::Trd4, 1, x);
    x.fx.notify(Rule::Trd4, TradeNotice::DuplicateOrder);
}

/// An order was executed; where nothing is too much, the last duplicate is over.
pub(crate) fn executed(t: &Trade, x: &mut Scene<'_>) {
    let too_much = t.held.extra_order.is_some()
        || t.held.extra_position.is_some()
        || t.held.open() > t.volume
        || x.fx.tally(x.ctx.tally).duplicates > x.ctx.tally.duplicates;
    if !too_much {
        normal(TroubleKind::DuplicateOrders, Rule::Trd4, x);
    }
}
