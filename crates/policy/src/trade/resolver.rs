//! What became of a send whose answer is lost (`UNKNOWN`).
//!
//! The lane is held. The gateway is asked by the send's id: what it answered counts as the answer; that it was not
//! started is proof. Otherwise orders, history, deals and positions are searched by the tag, once the terminal is
//! synchronised. Found: adopted. Not found: three looks (`trade.unknown.probes`), each on a newer snapshot that was begun
//! after the send could no longer be started, over at least 60 s (`trade.unknown.window`), with nothing under way in the
//! gateway, prove that it was not executed. What only looks like it (same symbol, side and volume, newer, without the
//! tag) is never taken for it: a person decides.

use warden_domain::Rule;

use super::{
    End, Findings, Inbox, Op, Purpose, Query, Resolving, Trade, TradeEffect, TradeNotice, TradePhase,
    TradeTimer, adopt, pending, retcode, send, settle, step::Scene, timeout,
};

/// Begins to find out.
pub(crate) fn begin(t: &mut Trade, op: Op, purpose: Purpose, x: &mut Scene<'_>) {
    if broken!(UnknownIsSentAgain) && purpose == Purpose::Lost {
        return send_again(t, op, x);
    }
    t.phase = TradePhase::Resolving(op, Resolving::new(purpose));
    t.floor = t.floor.max(x.now);
    t.timers.disarm(TradeTimer::Expiry);
    ask(t, x);
}

/// Asks the gateway and the broker, now if there is a connection, or as soon as there is one.
pub(crate) fn ask(t: &mut Trade, x: &mut Scene<'_>) {
    let (magic, attempt, marks, after) = (t.intent.magic, t.attempt, t.flight.marks, t.floor);
    if !x.ctx.connected {
        return t.timers.disarm(TradeTimer::Act);
    }
    let asked = match &mut t.phase {
        TradePhase::Resolving(_, resolving) => {
            resolving.asked = resolving.asked.saturating_add(1);
            resolving.asked
        }
        // While a person makes up their mind, the tag may show up.
        TradePhase::Suspect(..) => u8::MAX,
        TradePhase::Waiting(..)
        | TradePhase::Sending(_)
        | TradePhase::Resting
        | TradePhase::Holding
        | TradePhase::Ended(..) => return,
    };
    let wait = x.params.unknown.waits.after(asked);
    t.timers.arm(TradeTimer::Act, x.now.after(wait));
    let rule = x.fx.rule().unwrap_or(Rule::Trd7);
    let also = t.held.position.or(t.held.order).or(t.intent.goal.target());
    let back = x.params.unknown.search_back;
    x.fx.add(rule, TradeEffect::Verify(Query { magic, attempt, marks, back, after, also }));
}

/// Time to ask again, or the connection is back.
pub(crate) fn tick(t: &mut Trade, x: &mut Scene<'_>) {
    match t.timers.due_at(TradeTimer::Act) {
        Some(at) if at > x.now => {}
        None if !x.ctx.connected => {}
        Some(_) | None => ask(t, x),
    }
}

/// A look came back.
pub(crate) fn found(t: &mut Trade, op: Op, resolving: Resolving, f: &Findings, x: &mut Scene<'_>) {
    let lost = resolving.purpose == Purpose::Lost;
    if lost && f.attempt == t.attempt {
        match f.inbox {
            Inbox::Answered(reply) => {
                let before = *t;
                retcode::answered(t, op, &reply, x);
                if *t != before {
                    return;
                }
                // The answer is that nobody knows: the broker's data decide.
            }
            Inbox::NotStarted => return pending::not_sent(t, op, x),
            Inbox::Unseen if broken!(UnseenIsNotStarted) => return send_again(t, op, x),
            Inbox::Interrupted if broken!(InterruptedIsNotStarted) => return send_again(t, op, x),
            Inbox::Unseen | Inbox::InProgress | Inbox::Interrupted => {}
        }
    }
    if !adopt::is_fresh(t, f) {
        return;
    }
    if adopt::shows(t, op, f, x) {
        return found_by_tag(t, op, f, x);
    }
    match resolving.purpose {
        Purpose::Lost => negative(t, op, resolving, f, x),
        Purpose::Refused(code) => {
            if adopt::take(t, f, x) {
                retcode::refused(t, op, code, x);
            }
        }
        Purpose::Again if adopt::shows_end(t, f, x) => settle::settle(t, x),
        Purpose::Again => send::proceed(t, op, x),
        Purpose::Read => read(t, op, f, x),
    }
}

fn read(t: &mut Trade, op: Op, f: &Findings, x: &mut Scene<'_>) {
    if t.intent.opening().is_none() {
        adopt::take(t, f, x);
        return settle::target_found(t, op, f, x);
    }
    if adopt::take_in_the_end(t, f, x) {
        settle::settle(t, x);
        super::protection::check(t, f, x);
    }
}

/// Something carries the tag: positive proof, whenever it comes.
pub(crate) fn found_by_tag(t: &mut Trade, op: Op, f: &Findings, x: &mut Scene<'_>) {
    if !adopt::is_fresh(t, f) || !adopt::shows(t, op, f, x) || !adopt::take(t, f, x) {
        return;
    }
    x.fx.decided(Rule::Trd7);
    if t.intent.opening().is_none() {
        return settle::target_found(t, op, f, x);
    }
    t.tries.care = 0;
    settle::settle(t, x);
    super::protection::check(t, f, x);
}

/// A synchronised look found nothing.
fn negative(t: &mut Trade, op: Op, mut resolving: Resolving, f: &Findings, x: &mut Scene<'_>) {
    let Some(snapshot) = f.snapshot else { return };
    let begun_too_early = snapshot.0 < t.flight.deadline || x.now < t.flight.deadline;
    let may_still_start = begun_too_early && !broken!(OldLookCounts);
    if may_still_start || f.inbox == Inbox::InProgress || !f.queue_empty || f.attempt != t.attempt {
        resolving.negatives = 0;
        t.phase = TradePhase::Resolving(op, resolving);
        return;
    }
    if op.converges() {
        return not_executed(t, op, x);
    }
    if let (Some(lookalike), true) = (f.lookalike, op.enters()) {
        if broken!(LookalikeAdopted) {
            adopt::by_decision(t, &lookalike, x);
            return settle::settle(t, x);
        }
        x.fx.notify(Rule::Trd4, TradeNotice::Suspect);
        t.phase = TradePhase::Suspect(op, lookalike);
        return ask(t, x);
    }
    let enough = is_enough(&mut resolving, f, x);
    t.phase = TradePhase::Resolving(op, resolving);
    if enough || broken!(OneLookIsProof) {
        not_executed(t, op, x);
    }
}

/// Takes in a look that did not find what it was for; answers whether so many in a row, over so long, are proof.
pub(crate) fn is_enough(resolving: &mut Resolving, f: &Findings, x: &Scene<'_>) -> bool {
    let Some(snapshot) = f.snapshot else { return false };
    if resolving.negatives > 0 && snapshot <= resolving.last {
        return false;
    }
    if resolving.negatives == 0 {
        resolving.first = snapshot;
    }
    resolving.negatives = resolving.negatives.saturating_add(1);
    resolving.last = snapshot;
    resolving.negatives >= x.params.unknown.probes
        && snapshot.0.since(resolving.first.0) >= x.params.unknown.window
}

/// Negative proof: the send was not executed, and never will be.
fn not_executed(t: &mut Trade, op: Op, x: &mut Scene<'_>) {
    x.fx.decided(Rule::Trd7);
    forget_entry(t, op);
    if op.enters() && t.flight.late {
        timeout::counted(t, x);
    }
    let said = t.flight.not_ours.map(|_| End::DecidedByPerson);
    if let (Some(end), true) = (t.winding.or(said), t.serves_intent(op)) {
        return settle::give_up(t, end, x);
    }
    if !t.serves_intent(op) {
        return settle::care_failed(t, op, x);
    }
    t.tries.timeouts = t.tries.timeouts.saturating_add(1);
    if t.tries.timeouts >= x.params.timeout.stop_after {
        return settle::give_up(t, End::NotExecuted, x);
    }
    pending::again_after(t, op, x.params.timeout.recover_after, x);
}

/// What is refused for sure may be sent again in the very step that learns of it.
pub(crate) fn send_again(t: &mut Trade, op: Op, x: &mut Scene<'_>) {
    forget_entry(t, op);
    send::proceed(t, op, x);
}

/// The entry on its way made no order.
pub(crate) fn forget_entry(t: &mut Trade, op: Op) {
    if op.enters() {
        t.entries = t.entries.saturating_sub(1);
    }
}
