//! What gateways answer about orders.

use warden_bridge::{Finished, Outcome, TradeReply};
use warden_domain::{Facts, Lots, Magic, Price, Ticket, Timestamp};
use warden_policy::trade::{Attempt, Reply, TradeEvent};

use super::{FIRST_COMMAND, Trading};
use crate::shard::Shard;

/// The answer as the trade machine hears it. A number that is none says nothing: the broker is read then.
pub(super) fn reply_of(facts: Facts, reply: Option<&TradeReply>) -> Reply {
    let Some(reply) = reply else { return Reply { facts, ..Reply::default() } };
    Reply {
        facts,
        order: Ticket::of(reply.order),
        deal: Ticket::of(reply.deal),
        volume: Lots::from_f64(reply.volume).unwrap_or(Lots::ZERO),
        price: Price::from_f64(reply.price).unwrap_or(Price::ZERO),
    }
}

/// The last so many sends of a trade whose answers are taken.
const ANSWERS: u32 = 4;

/// Whether the number is that of a command for trades.
pub(in crate::shard) const fn is_for_trades(number: u64) -> bool {
    number >= FIRST_COMMAND
}

impl Shard {
    /// A command for trades ended. What is known already, or is not waited for any more, says nothing.
    pub(in crate::shard) fn take_trade_answer(&mut self, index: u32, finished: &Finished, now: Timestamp) {
        let number = finished.id.0;
        if self.look_ended(index, number, &finished.outcome, now) {
            return;
        }
        let trading = &mut self.slots[index as usize].trading;
        if trading.watch_ended(number, finished.outcome == Outcome::Done, now) {
            return self.touch(index);
        }
        let Some((magic, attempt)) = trading.desk.sends.get(&number).copied() else { return };
        let (event, outcome) = trading.heard(attempt, finished);
        self.shared.meters.order_outcome(outcome);
        self.step_trade(index, magic, &event, now);
    }
}

impl Trading {
    fn heard(&mut self, attempt: Attempt, finished: &Finished) -> (TradeEvent, Heard) {
        let facts = finished.facts;
        match &finished.outcome {
            Outcome::NotStarted => (TradeEvent::NotSent { attempt }, Heard::NotStarted),
            Outcome::Trade(reply) => {
                self.raise_marks(reply.order, reply.deal, 0);
                let reply = reply_of(facts, Some(reply));
                (TradeEvent::Replied { attempt, reply }, Heard::Answered)
            }
            Outcome::Failed | Outcome::Done | Outcome::Session(_) | Outcome::Snapshot(_) => {
                let reply = reply_of(facts, None);
                (TradeEvent::Replied { attempt, reply }, Heard::Failed)
            }
        }
    }

    /// What was seen at the broker is older than what is sent from now on.
    pub(super) fn raise_marks(&mut self, order: u64, deal: u64, position: u64) {
        let Some(marks) = &mut self.desk.marks else { return };
        marks.order = marks.order.max(order);
        marks.deal = marks.deal.max(deal);
        marks.position = marks.position.max(position);
    }

    /// Names the command of this send. Answers to sends long before it are not waited for any more.
    pub(super) fn take_number(&mut self, magic: Magic, attempt: Attempt) -> u64 {
        let number = self.next_number();
        self.desk.sends.retain(|_, (of, sent)| *of != magic || sent.0 + ANSWERS >= attempt.0);
        self.desk.sends.insert(number, (magic, attempt));
        number
    }

    pub(super) fn next_number(&mut self) -> u64 {
        let number = self.next_command;
        self.next_command += 1;
        number
    }
}

/// What is heard of an order: the place of its name in `ORDER_OUTCOMES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The trade server's answer.
    Answered,
    /// An answer of the terminal without one.
    Failed,
    /// It was not started.
    NotStarted,
    /// Nothing: it must be found out.
    Lost,
}
