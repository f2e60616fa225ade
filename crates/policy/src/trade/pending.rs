//! TRD-6, NET-1: trades that wait for the connection.
//!
//! A trade that cannot be sent for want of a connection, or whose send was proven not to have been started, is `PENDING`
//! and tried again after 5 s (`trade.pending.waits`, growing), up to three times (`trade.pending.attempts`); where it was
//! sent before, it is looked for by its tag first. Still lost: `FAILED`, which is proven, as nothing of it was executed.
//! While the symbol's session is closed no retry is counted. A send whose answer was lost with the connection is
//! `UNKNOWN` instead.

use warden_domain::{Rule, Span};

use super::{
    End, Op, Purpose, Session, Trade, TradePhase, TradeTimer, Wait, resolver, send, settle, step::Scene,
};

/// It begins to wait for the connection, or still does.
pub(crate) fn without_connection(t: &mut Trade, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Net1);
    let wait = x.params.pending.waits.after(t.tries.pending.saturating_add(1));
    t.timers.arm(TradeTimer::Act, x.now.after(wait));
}

/// The wait for the connection is over, and it is not back.
fn still_lost(t: &mut Trade, op: Op, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Net1);
    let paused = matches!(x.ctx.session, Session::Closed { .. }) && x.ctx.symbol.is_some();
    if t.serves_intent(op) && !paused {
        t.tries.pending = t.tries.pending.saturating_add(1);
        if t.tries.pending >= x.params.pending.attempts {
            return settle::give_up(t, End::NeverSent, x);
        }
    }
    without_connection(t, x);
}

/// This send was not started, and never will be.
pub(crate) fn not_sent(t: &mut Trade, op: Op, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Trd6);
    resolver::forget_entry(t, op);
    if !t.serves_intent(op) {
        return settle::care_failed(t, op, x);
    }
    t.tries.pending = t.tries.pending.saturating_add(1);
    if t.tries.pending > x.params.pending.attempts {
        return settle::give_up(t, End::NeverSent, x);
    }
    let wait = x.params.pending.waits.after(t.tries.pending);
    again_after(t, op, wait, x);
}

/// It is tried again after a while, if it is still in time then.
pub(crate) fn again_after(t: &mut Trade, op: Op, wait: Span, x: &mut Scene<'_>) {
    if t.serves_intent(op) && x.now >= t.intent.expires_at {
        return settle::give_up(t, End::NotExecuted, x);
    }
    let wait = if broken!(DelayHalved) { Span::from_millis(wait.as_millis() / 2) } else { wait };
    send::wait(t, op, Wait::Delay, x);
    t.timers.arm(TradeTimer::Act, x.now.after(wait));
}

/// A deadline may be due, or what it waits for may be there.
pub(crate) fn tick(t: &mut Trade, op: Op, why: Wait, x: &mut Scene<'_>) {
    let due = t.timers.is_due(TradeTimer::Act, x.now);
    match why {
        Wait::Delay if !due => {}
        Wait::Connection if !x.ctx.connected => {
            if due {
                still_lost(t, op, x);
            }
        }
        Wait::Delay | Wait::Connection => {
            t.timers.disarm(TradeTimer::Act);
            resume(t, op, x);
        }
        Wait::Session if due => {
            t.timers.disarm(TradeTimer::Act);
            resume(t, op, x);
        }
        Wait::Gate | Wait::Lane | Wait::Session | Wait::Snapshot => send::proceed(t, op, x),
    }
}

/// Verified first, then sent: where it was sent before.
fn resume(t: &mut Trade, op: Op, x: &mut Scene<'_>) {
    let was_sent = t.attempt.0 > 0;
    let repeats = !op.converges() && was_sent && t.serves_intent(op) && x.now < t.intent.expires_at;
    if repeats && x.ctx.connected {
        x.fx.decided(Rule::Trd6);
        return resolver::begin(t, op, Purpose::Again, x);
    }
    if was_sent && !t.serves_intent(op) && x.ctx.connected {
        // What there is to wind down, or to protect, may be another by now.
        return resolver::begin(t, Op::Look, Purpose::Read, x);
    }
    send::proceed(t, op, x);
    if let TradePhase::Waiting(op, Wait::Delay) = t.phase {
        // Only a moment ends a delay: what holds it back now is something else.
        t.phase = TradePhase::Waiting(op, Wait::Gate);
    }
}
