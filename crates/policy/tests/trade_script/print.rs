//! How a step of a trade, and a trade, read.

use warden_domain::{OrderKind, Price, Side, Timestamp};
use warden_policy::{
    Stepped,
    trade::{
        Escalation, Op, Protection, Purpose, RequestKind, Trade, TradeEffect, TradePhase, TradeTimer, Wait,
    },
};

use super::Bench;

/// What is shown of a trade.
pub(crate) fn facets(bench: &Bench) -> Vec<String> {
    let Some(trade) = &bench.trade else { return Vec::new() };
    let end = trade.end().map_or_else(String::new, |end| format!(": {end:?}"));
    let held = trade.holdings();
    let mut holds = vec![format!("filled {} of {}", held.filled, trade.volume())];
    if held.filled != warden_domain::Lots::ZERO {
        holds.push(format!("at {}", held.price));
    }
    if held.closed != warden_domain::Lots::ZERO {
        holds.push(format!("closed {}", held.closed));
    }
    for (what, ticket) in [
        ("order", held.order),
        ("order too many", held.extra_order),
        ("position", held.position),
        ("position too many", held.extra_position),
    ] {
        holds.extend(ticket.map(|ticket| format!("{what} {ticket}")));
    }
    let alert = trade.alert().map_or("alert: none".to_owned(), |alert| format!("alert: {alert}"));
    vec![
        format!("is {}{end}", trade.state()),
        doing(trade),
        holds.join(", "),
        alert,
        planned(trade, bench.now),
    ]
}

/// Whether another trade of the symbol may send; looked at by `expect` alone.
pub(crate) fn lane(trade: &Trade) -> String {
    if trade.holds_lane() { "holds the lane".to_owned() } else { "leaves the lane free".to_owned() }
}

fn doing(trade: &Trade) -> String {
    match trade.phase() {
        TradePhase::Waiting(op, wait) => format!("waits for {} to {}", waits_for(wait), named(op)),
        TradePhase::Sending(op) => format!("under way: {}", named(op)),
        TradePhase::Resolving(op, resolving) => {
            let what = match resolving.purpose {
                Purpose::Lost => format!("what became of the order ({})", named(op)),
                Purpose::Refused(code) => format!("whether {code} was the last word ({})", named(op)),
                Purpose::Again => format!("once more before it is sent again ({})", named(op)),
                Purpose::Read => "how it stands".to_owned(),
            };
            format!("finds out {what}, {} looks in a row found nothing", resolving.negatives)
        }
        TradePhase::Suspect(_, seen) => format!("a person decides about {}", seen.ticket),
        TradePhase::Resting => "rests".to_owned(),
        TradePhase::Holding => "holds".to_owned(),
        TradePhase::Ended(..) => "has ended".to_owned(),
    }
}

const fn waits_for(wait: Wait) -> &'static str {
    match wait {
        Wait::Gate => "the gate",
        Wait::Lane => "the lane",
        Wait::Session => "the session",
        Wait::Connection => "the connection",
        Wait::Snapshot => "what it must know",
        Wait::Delay => "its moment",
    }
}

fn named(op: Op) -> String {
    match op {
        Op::Enter { volume } => format!("enter {volume}"),
        Op::Cancel { order } => format!("cancel order {order}"),
        Op::Close { position, volume } => format!("close {volume} of position {position}"),
        Op::Protect { position } => format!("protect position {position}"),
        Op::Move { order } => format!("move order {order}"),
        Op::Look => "look".to_owned(),
    }
}

pub(crate) fn step(bench: &Bench, stepped: Stepped, before: &[String]) -> Vec<String> {
    if stepped == Stepped::Unchanged {
        return vec!["nothing".to_owned()];
    }
    let effects = bench.fx.list();
    let mut lines: Vec<String> =
        effects.iter().map(|(rule, what)| format!("[{rule}] {}", effect(what, bench))).collect();
    if let (Some(rule), true) = (bench.fx.rule(), lines.is_empty()) {
        lines.push(format!("[{rule}]"));
    }
    let after = facets(bench);
    let quiet = before.is_empty();
    let changed = after.iter().enumerate().filter(|(at, facet)| before.get(*at) != Some(*facet));
    lines.extend(
        changed.filter(|(_, facet)| !quiet || *facet != "alert: none").map(|(_, facet)| facet.clone()),
    );
    if lines.is_empty() { vec!["noted".to_owned()] } else { lines }
}

fn effect(effect: &TradeEffect, bench: &Bench) -> String {
    match effect {
        TradeEffect::Send(request) => {
            let within = request.deadline.since(bench.now);
            format!("send #{} within {within}: {}", request.attempt.0, asks(&request.kind))
        }
        TradeEffect::Verify(query) => format!("look for #{}", query.attempt.0),
        TradeEffect::Tally(tally) => format!(
            "count slippages {}, timeouts {}, duplicates {}, misfires {}",
            tally.slippages, tally.timeouts, tally.duplicates, tally.misfires
        ),
        TradeEffect::Trouble(trouble) => match trouble.escalation {
            Escalation::Pause { until } => {
                format!("instance: {:?}, pause {}", trouble.kind, until.since(bench.now))
            }
            Escalation::Clear => format!("instance: {:?} is over", trouble.kind),
            Escalation::Stop => format!("instance: {:?}, stop", trouble.kind),
        },
        TradeEffect::Tell(facts) => {
            let code = facts.retcode.map(i64::from).or(facts.last_error.map(i64::from));
            format!("instance: learns of {}", code.unwrap_or_default())
        }
        TradeEffect::StoreDuplicate(Some(ticket)) => format!("store {ticket} as a duplicate, FAILED"),
        TradeEffect::StoreDuplicate(None) => "store the duplicate, FAILED".to_owned(),
        TradeEffect::Notify(notice) => format!("notify {}: {}", notice.name(), notice.text()),
    }
}

fn asks(kind: &RequestKind) -> String {
    match *kind {
        RequestKind::Enter { side, kind, volume, price, trigger, protection, deviation, filling } => {
            let at = price.map_or_else(|| "at the market".to_owned(), |price| format!("at {price}"));
            let then = trigger.map_or_else(String::new, |price| format!(" then {price}"));
            let kind = if kind == OrderKind::Market { String::new() } else { format!(" {}", word(kind)) };
            let stops = stops(protection);
            format!(
                "{}{kind} {volume} {at}{then}{stops}, {deviation} points, {filling:?}",
                if side == Side::Buy { "buy" } else { "sell" }
            )
        }
        RequestKind::Close { position, volume, deviation, filling } => {
            format!("close {volume} of position {position}, {deviation} points, {filling:?}")
        }
        RequestKind::Cancel { order } => format!("cancel order {order}"),
        RequestKind::Protect { position, protection } => {
            format!("protect position {position}{}", stops(protection))
        }
        RequestKind::Move { order, price, protection } => {
            format!("move order {order} to {price}{}", stops(protection))
        }
    }
}

const fn word(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "market",
        OrderKind::Limit => "limit",
        OrderKind::Stop => "stop",
        OrderKind::StopLimit => "stop limit",
    }
}

fn stops(protection: Protection) -> String {
    let level =
        |name: &str, price: Option<Price>| price.map_or_else(String::new, |price| format!(" {name} {price}"));
    format!("{}{}", level("sl", protection.stop_loss), level("tp", protection.take_profit))
}

fn planned(trade: &Trade, now: Timestamp) -> String {
    let mut armed: Vec<(Timestamp, TradeTimer)> =
        TradeTimer::ALL.into_iter().filter_map(|timer| Some((trade.due_at(timer)?, timer))).collect();
    armed.sort_by_key(|(at, _)| *at);
    let shown: Vec<String> =
        armed.iter().map(|(at, timer)| format!("{timer:?} in {}", at.since(now))).collect();
    if shown.is_empty() { "planned: none".to_owned() } else { format!("planned: {}", shown.join(", ")) }
}
