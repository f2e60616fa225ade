//! What the broker really did, against what the journal wanted.

use warden_bridge_sim::{EntryKind, LedgerEntry, Reason};
use warden_domain::{AccountMode, Side, Span};

use crate::judge::{Account, Member, Verdict, units};

/// TRD-7: no order at the broker without a send that was durable and left.
pub(crate) fn intended(member: &Member, entry: &LedgerEntry) -> Verdict {
    let Some(send) = entry.send else { return Ok(()) };
    let Some(life) = member.lives.get(&send.magic) else {
        return Err(format!("{} {:?} of {}: no such intent is durable", entry.order, entry.kind, send.magic));
    };
    if life.sends.contains_key(&send.attempt) && life.left.contains_key(&send.attempt) {
        return Ok(());
    }
    Err(format!(
        "order {} of {}: send {} is not durable, or never left",
        entry.order, send.magic, send.attempt
    ))
}

/// At most one execution per intent: each send makes one order, and all together open no more than was asked for. What was
/// executed in part without the tag nothing can tell from another's, unless an answer names it: it is not counted.
pub(crate) fn executed_once(account: &Account, entry: &LedgerEntry) -> Verdict {
    let Some(send) = entry.send else { return Ok(()) };
    let Some(made) = account.made.get(&send.magic) else { return Ok(()) };
    if let Some((attempt, orders)) = made.orders.iter().find(|(_, orders)| orders.len() > 1) {
        return Err(format!("send {attempt} of {} made the orders {orders:?}", send.magic));
    }
    if made.opened - made.nameless_parts > made.asked {
        return Err(format!("{} opened {} of {} that it asked for", send.magic, made.opened, made.asked));
    }
    Ok(())
}

/// How long after the gateway began with it a request may still execute: the call, and what the broker makes wait.
const UNDER_WAY: Span = Span::from_secs(15);

/// TRD-7: a request is not begun after the deadline that its send had. What a terminal took before, and hung with, it
/// executes when it hangs no more.
pub(crate) fn begun_in_time(member: &Member, entry: &LedgerEntry) -> Verdict {
    let Some(send) = entry.send.filter(|_| entry.reason == Reason::Client) else { return Ok(()) };
    let life = member.lives.get(&send.magic);
    let Some(until) = life.and_then(|life| life.left.get(&send.attempt)).copied() else { return Ok(()) };
    let hung = member.hung.iter().filter(|(from, _)| *from <= until).map(|(_, to)| *to).max();
    if entry.time <= until.max(hung.unwrap_or(until)).after(UNDER_WAY) {
        return Ok(());
    }
    Err(format!("send {} of {} was to begin by {until} and ran at {}", send.attempt, send.magic, entry.time))
}

/// TRD-8: a request of ours changes nothing that is not ours.
pub(crate) fn externals_are_untouched(account: &Account, entry: &LedgerEntry, mode: AccountMode) -> Verdict {
    if entry.reason != Reason::Client {
        return Ok(());
    }
    let touched = match (entry.kind, mode) {
        (EntryKind::Modified | EntryKind::Cancelled, _) => {
            account.placed_by() == Some(0) && entry.position == 0
        }
        (EntryKind::Protected, AccountMode::Hedging) => is_of_others(account, entry),
        (EntryKind::Protected, AccountMode::Netting) => is_shared_for_long(account, entry),
        (EntryKind::Deal, AccountMode::Hedging) => entry.asked == 0.0 && is_of_others(account, entry),
        (EntryKind::Deal, AccountMode::Netting) => entry.asked == 0.0 && closes_too_much(account, entry),
        (EntryKind::Placed, _) => false,
    };
    if !touched {
        return Ok(());
    }
    Err(format!(
        "order {} position {} of others was touched ({:?} {} of {:?}) by {:?}",
        entry.order,
        entry.position,
        entry.kind,
        entry.volume,
        account.before(entry.position),
        entry.send
    ))
}

fn is_of_others(account: &Account, entry: &LedgerEntry) -> bool {
    account.before(entry.position).is_some_and(|position| position.intent == 0)
}

/// How old what a decision rests on may be: a look, and the way to the broker.
const UNSEEN: Span = Span::from_secs(60);

/// On a netting account a position is everybody's; its protection is ours only where nobody else has a part in it, as far
/// as a look can have seen.
fn is_shared_for_long(account: &Account, entry: &LedgerEntry) -> bool {
    let known = account.before(entry.position).filter(|position| position.since.is_some());
    let since = known.and_then(|position| position.shared_since);
    since.is_some_and(|since| entry.time > since.after(UNSEEN))
}

/// On a netting account we close what we opened in the position, and no more; what has just gone, and was opened anew by
/// others, no look can have seen.
fn closes_too_much(account: &Account, entry: &LedgerEntry) -> bool {
    let Some(position) = account.before(entry.position) else { return false };
    let ours = match entry.side {
        Side::Buy => position.sold,
        Side::Sell => position.bought,
    };
    let seen = position.since.is_none_or(|since| entry.time > since.after(UNSEEN));
    units(entry.volume) > ours && (seen || position.has_ours)
}
