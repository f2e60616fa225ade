//! What follows from what a trade holds at the broker: decided anew after every answer and every look.

use warden_domain::{Lots, Rule};

use super::{
    End, Findings, Goal, Op, Purpose, Reply, Trade, TradeNotice, TradePhase, TradeTimer, Wait, adopt, expiry,
    partial_fill, pending, protection, resolver, send, step, step::Scene, timeout,
};

/// Decides what a trade that opens does next.
pub(crate) fn settle(t: &mut Trade, x: &mut Scene<'_>) {
    let held = t.held;
    if t.intent.opening().is_none() {
        return;
    }
    if let Some(order) = held.extra_order {
        return care(t, Op::Cancel { order }, Rule::Trd4, x);
    }
    if let Some(end) = t.winding {
        return wind_down(t, end, x);
    }
    if let Some(order) = held.order {
        return with_order(t, order, x);
    }
    let excess = held.open().minus(t.volume).unwrap_or(Lots::ZERO);
    if excess > Lots::ZERO {
        return close(t, excess, Rule::Trd4, x);
    }
    if held.filled == Lots::ZERO {
        return finish(t, End::CancelledAtBroker, x);
    }
    if held.open() == Lots::ZERO {
        return closed(t, End::Closed, x);
    }
    if held.filled < t.volume && !broken!(RestForgotten) {
        return partial_fill::rest_is_gone(t, x);
    }
    hold(t, x);
}

fn with_order(t: &mut Trade, order: warden_domain::Ticket, x: &mut Scene<'_>) {
    let rests = t.intent.opening().is_some_and(|opening| opening.kind.rests());
    if t.held.filled >= t.volume {
        return care(t, Op::Cancel { order }, Rule::Trd2, x);
    }
    if t.held.filled > Lots::ZERO && t.flags.fill_over {
        return care(t, Op::Cancel { order }, Rule::Trd1, x);
    }
    let executed_by = t.flight.deadline.after(x.params.timeout.execute_within);
    let waits = !rests && t.held.filled == Lots::ZERO;
    if waits && (t.flight.late || x.now >= executed_by) {
        t.winding = Some(End::TimedOut);
        return wind_down(t, End::TimedOut, x);
    }
    t.phase = TradePhase::Resting;
    t.timers.disarm(TradeTimer::Act);
    confirm_later(t, x);
    if waits {
        // TRD-3: what became of it by then?
        t.timers.arm(TradeTimer::Guard, executed_by);
    }
}

/// Its position is open, and looked after.
fn hold(t: &mut Trade, x: &mut Scene<'_>) {
    t.phase = TradePhase::Holding;
    t.timers.disarm(TradeTimer::Act);
    t.timers.disarm(TradeTimer::Fill);
    confirm_later(t, x);
}

/// What an answer said is confirmed by a look (10009: confirm by deal).
fn confirm_later(t: &mut Trade, x: &Scene<'_>) {
    if !t.flags.confirmed && t.timers.due_at(TradeTimer::Guard).is_none() {
        t.timers.arm(TradeTimer::Guard, x.now.after(x.params.protection.reread_after));
    }
}

/// Nothing of the trade shall stay, or nothing more of it shall come.
fn wind_down(t: &mut Trade, end: End, x: &mut Scene<'_>) {
    let rule = rule_of(end);
    if let Some(order) = t.held.order {
        return care(t, Op::Cancel { order }, rule, x);
    }
    let open = t.held.open();
    if open > Lots::ZERO && matches!(end, End::Slipped | End::Closed) {
        return close(t, open, rule, x);
    }
    if open > Lots::ZERO {
        t.winding = None;
        return partial_fill::adjust(t, x);
    }
    if end == End::TimedOut && t.held.filled == Lots::ZERO {
        timeout::counted(t, x);
        t.tries.timeouts = t.tries.timeouts.saturating_add(1);
        if t.tries.timeouts < x.params.timeout.stop_after {
            t.winding = None;
            let op = Op::Enter { volume: t.volume };
            return pending::again_after(t, op, x.params.timeout.recover_after, x);
        }
    }
    if t.held.filled == Lots::ZERO {
        return finish(t, end, x);
    }
    closed(t, if end == End::Slipped { end } else { End::Closed }, x);
}

/// Nothing is open of what filled: it ends with a look that confirms it, as there may be more than the answers said (TRD-4).
fn closed(t: &mut Trade, end: End, x: &mut Scene<'_>) {
    if t.flags.confirmed { finish(t, end, x) } else { resolver::begin(t, Op::Look, Purpose::Read, x) }
}

/// Closes so much, of a position too many first; of that no more than it holds.
fn close(t: &mut Trade, volume: Lots, rule: Rule, x: &mut Scene<'_>) {
    if let Some(position) = t.held.extra_position {
        let volume = volume.min(t.held.extra_volume);
        return care(t, Op::Close { position, volume }, rule, x);
    }
    match t.held.position {
        Some(position) => care(t, Op::Close { position, volume }, rule, x),
        // Its ticket is not known yet: a look says it, or that there is none.
        None => resolver::begin(t, Op::Look, Purpose::Read, x),
    }
}

/// A step that looks after what is at the broker.
pub(crate) fn care(t: &mut Trade, op: Op, rule: Rule, x: &mut Scene<'_>) {
    x.fx.decided(rule);
    send::proceed(t, op, x);
}

/// Such a step did not work: how things stand is looked at, and decided anew, after a while; people are told once.
pub(crate) fn care_failed(t: &mut Trade, op: Op, x: &mut Scene<'_>) {
    t.tries.care = t.tries.care.saturating_add(1);
    if t.tries.care == x.params.pending.attempts {
        x.fx.notify(Rule::Trd9, TradeNotice::Stuck);
    }
    let wait = x.params.pending.waits.after(t.tries.care);
    send::wait(t, op, Wait::Delay, x);
    t.timers.arm(TradeTimer::Act, x.now.after(wait));
}

/// What the intent asks for is given up: what is there stays, and is looked after.
pub(crate) fn give_up(t: &mut Trade, end: End, x: &mut Scene<'_>) {
    x.fx.decided(rule_of(end));
    if t.flags.look_again {
        t.flags.look_again = false;
        t.winding = Some(end);
        return resolver::begin(t, Op::Look, Purpose::Read, x);
    }
    if t.intent.opening().is_some() && (t.held.order.is_some() || t.held.open() > Lots::ZERO) {
        if t.held.order.is_some() {
            t.winding = Some(end);
            return settle(t, x);
        }
        return partial_fill::adjust(t, x);
    }
    if end == End::Expired && t.attempt.0 == 0 {
        expiry::dropped(x);
    }
    finish(t, end, x);
}

fn finish(t: &mut Trade, end: End, x: &mut Scene<'_>) {
    let opened = t.intent.opening().is_none() || t.held.filled > Lots::ZERO;
    let end = if end == End::Closed && !opened { End::Withdrawn } else { end };
    x.fx.decided(rule_of(end));
    if end == End::Closed {
        protection::repaired(t, x);
    }
    for timer in TradeTimer::ALL {
        t.timers.disarm(timer);
    }
    t.phase = TradePhase::Ended(end.state(&t.intent.goal), end);
}

/// The answer says that a step about what the intent names was taken.
pub(crate) fn target_done(t: &mut Trade, op: Op, reply: &Reply, x: &mut Scene<'_>) {
    if let Op::Close { position, .. } = op {
        adopt::closed(t, Some(position), reply.volume, x);
        if t.held.closed < t.volume {
            send::wait(t, op, Wait::Delay, x);
            return t.timers.arm(TradeTimer::Act, x.now.after(x.params.partial_fill.fill_within));
        }
    }
    finish(t, End::Done, x);
}

/// A look says how the step about what the intent names stands.
pub(crate) fn target_found(t: &mut Trade, op: Op, f: &Findings, x: &mut Scene<'_>) {
    let done = match t.intent.goal {
        Goal::Close { .. } => f.position.is_none() || (t.volume > Lots::ZERO && t.held.closed >= t.volume),
        Goal::Protect { .. } | Goal::Move { .. } | Goal::Cancel { .. } | Goal::Open(_) => {
            adopt::shows(t, op, f, x)
        }
    };
    if done {
        return finish(t, End::Done, x);
    }
    t.tries.pending = t.tries.pending.saturating_add(1);
    if t.tries.pending > x.params.pending.attempts {
        return give_up(t, End::NotExecuted, x);
    }
    pending::again_after(t, op, x.params.pending.waits.after(t.tries.pending), x);
}

/// Something carries the tag of a trade that has ended: told once, and left to people.
pub(crate) fn seen_after_end(t: &mut Trade, f: &Findings, x: &mut Scene<'_>) {
    let opens = t.intent.opening().is_some();
    let more = f.filled > t.held.filled || f.order.is_some();
    if opens && more && f.snapshot.is_some() {
        after_end(t, x);
    }
}

/// Tells once that a trade was not as ended as it seemed.
pub(crate) fn after_end(t: &mut Trade, x: &mut Scene<'_>) {
    if !t.flags.seen_after_end {
        t.flags.seen_after_end = true;
        x.fx.notify(Rule::Trd4, step::AFTER_END);
    }
}

const fn rule_of(end: End) -> Rule {
    match end {
        End::Done
        | End::AlreadyTrue
        | End::CancelledAtBroker
        | End::Refused(_)
        | End::RefusedByTerminal(_) => Rule::Trd9,
        End::Closed => Rule::Trd5,
        End::Withdrawn | End::Expired | End::Blocked | End::Forbidden | End::Invalid | End::NotExecuted => {
            Rule::Trd7
        }
        End::NotOurs => Rule::Trd8,
        End::NeverSent => Rule::Net1,
        End::TimedOut => Rule::Trd3,
        End::Slipped => Rule::Trd2,
        End::DecidedByPerson | End::Duplicate => Rule::Trd4,
    }
}
