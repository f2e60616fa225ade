//! What the broker really did, against what the journal wanted.

use warden_bridge_sim::{EntryKind, LedgerEntry, Reason};
use warden_domain::Span;

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

/// At most one execution per intent: each send makes one order, and all together open no more than was asked for.
pub(crate) fn executed_once(account: &Account, entry: &LedgerEntry) -> Verdict {
    let Some(send) = entry.send else { return Ok(()) };
    let Some(made) = account.made.get(&send.magic) else { return Ok(()) };
    if let Some((attempt, orders)) = made.orders.iter().find(|(_, orders)| orders.len() > 1) {
        return Err(format!("send {attempt} of {} made the orders {orders:?}", send.magic));
    }
    if made.opened > made.asked {
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
pub(crate) fn externals_are_untouched(account: &Account, entry: &LedgerEntry, hedging: bool) -> Verdict {
    if entry.reason != Reason::Client || !hedging {
        return Ok(());
    }
    let touches = match entry.kind {
        EntryKind::Deal => entry.asked == 0.0,
        EntryKind::Protected => true,
        EntryKind::Placed | EntryKind::Modified | EntryKind::Cancelled => false,
    };
    let Some(position) = account.before(entry.position).filter(|_| touches) else { return Ok(()) };
    if position.intent != 0 {
        return Ok(());
    }
    let volume = units(entry.volume);
    Err(format!(
        "position {} of others was touched ({:?} {volume}) by {:?}",
        entry.position, entry.kind, entry.send
    ))
}
