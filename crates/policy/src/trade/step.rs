use warden_domain::{Lots, Timestamp};

use super::{
    Decision, End, Findings, Op, Purpose, Trade, TradeContext, TradeEffects, TradeEvent, TradeNotice,
    TradePhase, TradeTimer, Wait, adopt, duplicate, expiry, partial_fill, pending, protection, resolver,
    retcode, settle, state::Guard, timeout,
};
use crate::{Params, Stepped};

/// What one step has at hand.
pub(crate) struct Scene<'a> {
    pub(crate) now: Timestamp,
    pub(crate) ctx: &'a TradeContext,
    pub(crate) params: &'a Params,
    pub(crate) fx: &'a mut TradeEffects,
}

/// Takes one event in: changes the trade and fills `fx` with what is to be done.
///
/// # Expected flow
/// Persist, then act, then tell: journal the event, the effects and the new trade; write the hot state; carry the effects
/// out in their order. The context is made anew for each step, as one step may change what the next one sees.
///
/// # Guarantees
/// - Pure: the same arguments make the same decision.
/// - Total: every event is answered in every state, without a panic; one that says nothing new changes nothing.
/// - A [`TradeEffect::Send`](super::TradeEffect::Send) leaves in the step that changes the trade to `SENDING`, one at a
///   time, and never again for the same attempt. After a send whose outcome is not known there is none that could execute
///   the intent twice, until the broker's own data prove that it was not executed.
/// - A trade that has ended stays as it ended.
///
/// # Assumptions
/// - The gateway starts no order after its deadline, and none twice.
/// - Findings hold everything that carries the tag in their snapshot, and their snapshot was begun after
///   [`Query::after`](super::Query::after).
/// - What a terminal was told to do before it ended appears at the broker within `trade.unknown.window`, or never.
pub fn step(
    t: &mut Trade,
    event: &TradeEvent,
    now: Timestamp,
    ctx: &TradeContext,
    params: &Params,
    fx: &mut TradeEffects,
) -> Stepped {
    fx.clear();
    let before = *t;
    let mut scene = Scene { now, ctx, params, fx };
    let x = &mut scene;
    match *event {
        TradeEvent::Tick => tick(t, x),
        TradeEvent::Resume => resumed(t, x),
        TradeEvent::Lost => lost(t, x),
        TradeEvent::NotSent { attempt } if attempt == t.attempt => not_sent(t, x),
        TradeEvent::NotSent { .. } => {}
        TradeEvent::Replied { attempt, reply } => retcode::replied(t, attempt, &reply, x),
        TradeEvent::Found(findings) => found(t, &findings, x),
        TradeEvent::Repeated => duplicate::repeated(x),
        TradeEvent::Wanted(wanted) => protection::wanted(t, wanted, x),
        TradeEvent::Withdraw => withdraw(t, x),
        TradeEvent::Decide(decision) => decide(t, decision, x),
        TradeEvent::Revoke => revoke(t, x),
        TradeEvent::Reduced { volume } => reduced(t, volume, x),
    }
    if *t == before && fx.list().is_empty() {
        fx.clear();
        return Stepped::Unchanged;
    }
    Stepped::Changed
}

fn tick(t: &mut Trade, x: &mut Scene<'_>) {
    expiry::tick(t, x);
    match t.phase {
        TradePhase::Waiting(op, why) => pending::tick(t, op, why, x),
        TradePhase::Sending(op) if t.timers.is_due(TradeTimer::Act, x.now) => timeout::late(t, op, x),
        TradePhase::Resolving(..) | TradePhase::Suspect(..) => resolver::tick(t, x),
        TradePhase::Resting if t.timers.is_due(TradeTimer::Fill, x.now) => partial_fill::due(t, x),
        TradePhase::Resting | TradePhase::Holding => protection::tick(t, x),
        TradePhase::Sending(_) | TradePhase::Ended(..) => {}
    }
}

/// REC-4: a send that was durable may have left, or not: nobody knows. What was asked for is asked for again.
fn resumed(t: &mut Trade, x: &mut Scene<'_>) {
    on_this_clock(t, x);
    t.missing.negatives = 0;
    match t.phase {
        TradePhase::Sending(op) => {
            x.fx.decided(warden_domain::Rule::Rec4);
            if broken!(RestartForgetsSend) {
                return settle::give_up(t, End::NotExecuted, x);
            }
            resolver::begin(t, op, Purpose::Lost, x);
        }
        TradePhase::Resolving(op, mut resolving) => {
            x.fx.decided(warden_domain::Rule::Rec4);
            // The clock may have been set meanwhile: what another process saw, and when, proves nothing with what is seen now.
            resolving.negatives = 0;
            t.phase = TradePhase::Resolving(op, resolving);
            resolver::ask(t, x);
        }
        // What happened meanwhile is read with the confirmation of the session.
        TradePhase::Resting | TradePhase::Holding => t.timers.arm(TradeTimer::Guard, x.now),
        TradePhase::Waiting(op, _) if t.serves_intent(op) && x.now < t.intent.accepted_at => {
            settle::give_up(t, End::Expired, x);
        }
        TradePhase::Waiting(..) | TradePhase::Suspect(..) | TradePhase::Ended(..) => {}
    }
}

/// REC-5: the clock may have been set back. Whatever this process sees is newer than what the one before it knew, an order
/// of that one does not start under this one's epoch, and nothing waits for longer than it may.
fn on_this_clock(t: &mut Trade, x: &Scene<'_>) {
    let (now, params) = (x.now, x.params);
    t.floor = t.floor.min(now);
    t.flight.deadline = t.flight.deadline.min(now.after(params.signal.start_within));
    t.guard = match t.guard {
        Guard::Differs(since) => Guard::Differs(since.min(now)),
        Guard::Passed(since) => Guard::Passed(since.min(now)),
        Guard::Changing(since) => Guard::Changing(since.min(now)),
        Guard::Calm => Guard::Calm,
    };
    t.timers.no_later(TradeTimer::Fill, now.after(params.partial_fill.fill_within));
    if !matches!(t.phase, TradePhase::Waiting(_, Wait::Session)) {
        let waits = [
            params.pending.waits.longest(),
            params.unknown.waits.longest(),
            params.timeout.recover_after,
            params.rate_limit.pause,
            params.retry.price_off_after,
            params.partial_fill.fill_within,
        ];
        t.timers.no_later(
            TradeTimer::Act,
            waits.into_iter().fold(now, |latest, wait| latest.max(now.after(wait))),
        );
    }
}

/// NET-1: the answer under way is lost with the connection.
fn lost(t: &mut Trade, x: &mut Scene<'_>) {
    match t.phase {
        TradePhase::Sending(op) => {
            x.fx.decided(warden_domain::Rule::Net1);
            resolver::begin(t, op, Purpose::Lost, x);
        }
        TradePhase::Waiting(..)
        | TradePhase::Resolving(..)
        | TradePhase::Suspect(..)
        | TradePhase::Resting
        | TradePhase::Holding
        | TradePhase::Ended(..) => {}
    }
}

fn not_sent(t: &mut Trade, x: &mut Scene<'_>) {
    match t.phase {
        TradePhase::Sending(op) => pending::not_sent(t, op, x),
        TradePhase::Resolving(op, resolving) if resolving.purpose == Purpose::Lost => {
            pending::not_sent(t, op, x);
        }
        TradePhase::Waiting(..)
        | TradePhase::Resolving(..)
        | TradePhase::Suspect(..)
        | TradePhase::Resting
        | TradePhase::Holding
        | TradePhase::Ended(..) => {}
    }
}

fn found(t: &mut Trade, f: &Findings, x: &mut Scene<'_>) {
    let phase = t.phase;
    match phase {
        TradePhase::Resolving(op, resolving) => resolver::found(t, op, resolving, f, x),
        TradePhase::Suspect(op, _) => resolver::found_by_tag(t, op, f, x),
        TradePhase::Waiting(op, _) if adopt::shows(t, op, f, x) => resolver::found_by_tag(t, op, f, x),
        // TRD-1: what filled of it is closed meanwhile: no rest of it is wanted.
        TradePhase::Waiting(op, _) if op.enters() && adopt::shows_end(t, f, x) => settle::settle(t, x),
        TradePhase::Resting | TradePhase::Holding if adopt::is_fresh(t, f) => {
            if adopt::take_in_the_end(t, f, x) {
                settle::settle(t, x);
                protection::check(t, f, x);
            }
        }
        TradePhase::Ended(..) => settle::seen_after_end(t, f, x),
        // An answer is under way, and says more.
        TradePhase::Sending(_) | TradePhase::Waiting(..) | TradePhase::Resting | TradePhase::Holding => {}
    }
}

/// What was not sent is dropped, and what rests is cancelled; what filled stays.
fn withdraw(t: &mut Trade, x: &mut Scene<'_>) {
    match t.phase {
        TradePhase::Waiting(op, _) if t.serves_intent(op) => settle::give_up(t, End::Withdrawn, x),
        TradePhase::Sending(_)
        | TradePhase::Resolving(..)
        | TradePhase::Resting
        | TradePhase::Suspect(..) => {
            t.winding.get_or_insert(End::Withdrawn);
            if t.phase == TradePhase::Resting {
                settle::settle(t, x);
            }
        }
        TradePhase::Waiting(..) | TradePhase::Holding | TradePhase::Ended(..) => {}
    }
}

/// Nothing of it shall stay: durable with this step, so that no restart forgets to close what fills later.
fn revoke(t: &mut Trade, x: &mut Scene<'_>) {
    if t.intent.opening().is_none() || t.end().is_some() {
        return;
    }
    if t.winding != Some(End::Slipped) {
        t.winding = Some(End::Closed);
    }
    match t.phase {
        TradePhase::Waiting(op, _) if t.serves_intent(op) && t.held.filled == Lots::ZERO => {
            settle::give_up(t, End::Withdrawn, x);
        }
        TradePhase::Waiting(..) | TradePhase::Resting | TradePhase::Holding => settle::settle(t, x),
        // What is on its way, or looked for, is settled when it is known.
        TradePhase::Sending(_)
        | TradePhase::Resolving(..)
        | TradePhase::Suspect(..)
        | TradePhase::Ended(..) => {}
    }
}

/// Netting: a part of it is closed, and a look cannot tell whose part it was.
fn reduced(t: &mut Trade, volume: Lots, x: &mut Scene<'_>) {
    if t.intent.opening().is_none() || t.end().is_some() {
        return;
    }
    t.held.reduced = t.held.reduced.plus(volume).unwrap_or(t.held.reduced);
    t.held.closed = t.held.closed.plus(volume).unwrap_or(t.held.closed).min(t.held.filled);
    adopt::noted(t, x);
    match t.phase {
        TradePhase::Waiting(op, _) if t.serves_intent(op) => {}
        TradePhase::Waiting(..) | TradePhase::Resting | TradePhase::Holding => settle::settle(t, x),
        TradePhase::Sending(_)
        | TradePhase::Resolving(..)
        | TradePhase::Suspect(..)
        | TradePhase::Ended(..) => {}
    }
}

/// A person says what a lookalike is.
fn decide(t: &mut Trade, decision: Decision, x: &mut Scene<'_>) {
    let TradePhase::Suspect(op, lookalike) = t.phase else { return };
    x.fx.decided(warden_domain::Rule::Trd4);
    match decision {
        Decision::Ours => {
            adopt::by_decision(t, &lookalike, x);
            settle::settle(t, x);
        }
        Decision::NotOurs => {
            t.flight.not_ours = Some(lookalike.ticket);
            resolver::begin(t, op, Purpose::Lost, x);
        }
    }
}

impl Op {
    /// Whether it opens something.
    pub(crate) const fn enters(self) -> bool {
        matches!(self, Self::Enter { .. })
    }
}

/// A notice that is told once, when something of an ended trade is seen.
pub(crate) const AFTER_END: TradeNotice = TradeNotice::AfterItsEnd;
