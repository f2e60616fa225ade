//! From the words of distribution to those of the trade machine, and back.

use arrayvec::ArrayVec;
use warden_domain::{Gate, Lots, OrderKind, Price};
use warden_policy::trade::{End, Goal, Opening, Protection, Trade, TradeEvent, TradePhase};

use crate::{Entry, Fill, Outcome, Placing, Refusal, Standing, Work, refusal::Scope};

/// One thing that the driver does for an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "two of them at most, used at once")]
pub enum Step {
    /// Accept a new trade that wants this.
    Accept(Goal),
    /// Give this to the trade that the intent is about.
    Give(TradeEvent),
}

impl Work {
    /// What is to be done, in order; `trade` is the one that it is about, and nothing is to be done when there is none.
    #[must_use]
    pub fn steps(&self, trade: Option<&Trade>) -> ArrayVec<Step, 3> {
        let mut steps = ArrayVec::new();
        match (*self, trade) {
            (Self::Place(placing), _) => steps.push(Step::Accept(placing.goal())),
            (Self::Change { .. } | Self::End { .. }, None) => {}
            (Self::Change { price, stop_loss, take_profit, .. }, Some(trade)) => {
                let protection = Protection { stop_loss, take_profit };
                steps.push(Step::Give(TradeEvent::Wanted(protection)));
                let held = trade.holdings();
                match (held.position, held.order, price) {
                    (Some(_), _, _) => {
                        let positions = [held.position, held.extra_position].into_iter().flatten();
                        let protect = |position| Step::Accept(Goal::Protect { position, protection });
                        steps.extend(positions.map(protect));
                    }
                    (None, Some(order), Some(price)) => {
                        steps.push(Step::Accept(Goal::Move { order, price, protection }));
                    }
                    (None, None, _) | (None, Some(_), None) => {}
                }
            }
            (Self::End { lots, .. }, Some(trade)) => end(trade, lots, &mut steps),
        }
        steps
    }
}

fn end(trade: &Trade, lots: Option<Lots>, steps: &mut ArrayVec<Step, 3>) {
    let held = trade.holdings();
    match trade.phase() {
        TradePhase::Holding if held.position.is_some() => {}
        TradePhase::Ended(..) => return,
        // A position without a ticket is one that no look has seen yet.
        TradePhase::Holding
        | TradePhase::Waiting(..)
        | TradePhase::Sending(_)
        | TradePhase::Resolving(..)
        | TradePhase::Suspect(..)
        | TradePhase::Resting => match lots {
            // It ends itself, and closes what fills meanwhile: nothing of that is lost with the process.
            None => return steps.push(Step::Give(TradeEvent::Revoke)),
            Some(_) => steps.push(Step::Give(TradeEvent::Withdraw)),
        },
    }
    if let Some(position) = held.position
        && held.open() > Lots::ZERO
    {
        // On a netting account the position may hold more than this trade opened; on a hedging account the rest of a partial
        // fill has a position of its own.
        let wanted = lots.unwrap_or(held.open());
        let extra = held.extra_position.map_or(Lots::ZERO, |_| held.extra_volume);
        let first = wanted.min(held.open().minus(extra).unwrap_or(wanted).max(Lots::ZERO));
        let rest = wanted.minus(first).unwrap_or(Lots::ZERO);
        for (position, volume) in [(Some(position), first), (held.extra_position, rest)] {
            if let Some(position) = position.filter(|_| volume > Lots::ZERO) {
                let of = Some(trade.intent().magic);
                steps.push(Step::Accept(Goal::Close { position, volume: Some(volume), of }));
            }
        }
    }
}

impl Placing {
    /// The goal of its trade.
    #[must_use]
    pub const fn goal(&self) -> Goal {
        let (price, trigger) = match self.entry {
            Entry::Market { .. } => (self.reference, None),
            Entry::Limit { price } | Entry::Stop { price } => (Some(price), None),
            Entry::StopLimit { price, trigger } => (Some(price), Some(trigger)),
        };
        let kind: OrderKind = self.entry.kind();
        let protection = Protection { stop_loss: self.stop_loss, take_profit: self.take_profit };
        Goal::Open(Opening { side: self.side, kind, volume: self.lots, price, trigger, protection })
    }
}

impl Standing {
    /// How far a trade that opens is; `resting_at` is the present price of its order, where that is known.
    #[must_use]
    pub fn of(trade: &Trade, resting_at: Option<Price>) -> Self {
        let held = trade.holdings();
        if held.position.is_some() && held.open() > Lots::ZERO {
            return Self::Open;
        }
        let rests = trade.intent().opening().is_some_and(|opening| opening.kind.rests());
        match (trade.phase(), held.order) {
            (TradePhase::Resting, Some(_)) if rests => Self::Resting { price: resting_at },
            (
                TradePhase::Waiting(..)
                | TradePhase::Sending(_)
                | TradePhase::Resolving(..)
                | TradePhase::Suspect(..)
                | TradePhase::Resting
                | TradePhase::Holding
                | TradePhase::Ended(..),
                _,
            ) => Self::OnItsWay,
        }
    }
}

impl Outcome {
    /// What has become of the intent of a trade; `gate` is that of its instance now.
    #[must_use]
    pub fn of(trade: &Trade, gate: Gate) -> Self {
        let opens = trade.intent().opening().is_some();
        if let Some(end) = trade.end() {
            return ended(trade, end, gate, opens);
        }
        let fill = filled(trade, opens);
        match trade.phase() {
            TradePhase::Holding if opens => fill.map_or(Self::Waiting, Self::Filled),
            TradePhase::Suspect(..) => fill.map_or(Self::Unknown, Self::Partly),
            TradePhase::Resolving(..) if trade.is_unresolved() => fill.map_or(Self::Unknown, Self::Partly),
            TradePhase::Resting if opens => fill.map_or(Self::Resting, Self::Partly),
            TradePhase::Waiting(..)
            | TradePhase::Sending(_)
            | TradePhase::Resolving(..)
            | TradePhase::Resting
            | TradePhase::Holding => fill.map_or(Self::Waiting, Self::Partly),
            TradePhase::Ended(..) => unreachable!("its end was looked at first"),
        }
    }
}

/// What was filled of it, if anything was.
fn filled(trade: &Trade, opens: bool) -> Option<Fill> {
    let held = trade.holdings();
    let lots = if opens { held.filled } else { held.closed };
    (lots > Lots::ZERO).then_some(Fill { lots, price: held.price })
}

fn ended(trade: &Trade, end: End, gate: Gate, opens: bool) -> Outcome {
    if let Some(fill) = filled(trade, opens) {
        return Outcome::Filled(fill);
    }
    match end {
        End::Done | End::AlreadyTrue | End::Closed => Outcome::Done,
        End::Expired => Outcome::LateDropped,
        End::Blocked => Outcome::Blocked(blocked(gate)),
        End::Forbidden => Outcome::Blocked(Refusal::NotPermitted(Scope::Symbol)),
        End::NotOurs => Outcome::Blocked(Refusal::NothingOpen),
        End::Refused(retcode) => Outcome::Failed { retcode: Some(retcode) },
        End::Withdrawn
        | End::CancelledAtBroker
        | End::Invalid
        | End::Duplicate
        | End::RefusedByTerminal(_)
        | End::NotExecuted
        | End::NeverSent
        | End::TimedOut
        | End::Slipped
        | End::DecidedByPerson => Outcome::Failed { retcode: None },
    }
}

const fn blocked(gate: Gate) -> Refusal {
    match gate {
        Gate::ReduceOnly(reason) => Refusal::ReduceOnly(reason),
        Gate::Shut(reason) | Gate::Paused { reason, .. } => Refusal::GateShut(reason),
        Gate::Open => Refusal::GateShut(warden_domain::FailureReason::None),
    }
}
