use serde::{Deserialize, Serialize};
use warden_domain::{Alert, Lots, Price, Ticket, Timestamp, TradeState, retcode::Call};

use super::{Attempt, Goal, Intent, Lookalike, Marks, Protection, SnapshotId, Urgency};

/// All that the policy knows of one trade: plain data, under a kilobyte, without a pointer.
///
/// Client id, symbol and account stand in the row beside it: nothing is decided by them.
///
/// # Guarantees
/// - Every timer and counter is in here (REC-4): encoded and decoded again, it decides the same.
/// - It changes in [`step`](super::step) alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Trade {
    pub(crate) intent: Intent,
    pub(crate) phase: TradePhase,
    /// How much is wanted; adjusted to what filled when the rest is given up (TRD-1).
    pub(crate) volume: Lots,
    /// What shall stand as stop loss and take profit (TRD-5).
    pub(crate) protection: Protection,
    /// The price by which slippage is judged (TRD-2).
    pub(crate) reference: Option<Price>,
    /// What is at the broker.
    pub(crate) held: Holdings,
    /// The last send.
    pub(crate) attempt: Attempt,
    pub(crate) flight: Flight,
    /// Opening orders that may be at the broker, the one on its way counted.
    pub(crate) entries: u8,
    /// A look at the broker counts only when its snapshot is newer.
    pub(crate) floor: Timestamp,
    /// Looks that lack what is known to be at the broker.
    pub(crate) missing: Resolving,
    pub(crate) tries: Tries,
    pub(crate) flags: Flags,
    /// Why the trade is being wound down.
    pub(crate) winding: Option<End>,
    pub(crate) guard: Guard,
    pub(crate) timers: TradeTimers,
}

/// What a trade is doing; its state follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TradePhase {
    /// The next step at the broker waits.
    Waiting(Op, Wait),
    /// `SENDING` is durable: the order is on its way, or was.
    Sending(Op),
    /// What became of it is being found out.
    Resolving(Op, Resolving),
    /// Something looks like it: a person decides.
    Suspect(Op, Lookalike),
    /// The broker holds an order, or the rest of a partial fill may still come.
    Resting,
    /// Its position is open.
    Holding,
    /// Nothing more happens to it.
    Ended(TradeState, End),
}

/// A step at the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Op {
    /// Open this volume.
    Enter {
        /// How much.
        volume: Lots,
    },
    /// Remove an order.
    Cancel {
        /// Which.
        order: Ticket,
    },
    /// Close a position, or a part of it.
    Close {
        /// Which.
        position: Ticket,
        /// How much.
        volume: Lots,
    },
    /// Set stop loss and take profit of a position.
    Protect {
        /// Which.
        position: Ticket,
    },
    /// Change an order.
    Move {
        /// Which.
        order: Ticket,
    },
    /// Only look.
    Look,
}

impl Op {
    /// Which kind of call it is; a look leaves nothing behind.
    pub(crate) fn call(self, intent: &Intent) -> Call {
        match self {
            Self::Enter { .. } if intent.opening().is_some_and(|opening| opening.kind.rests()) => {
                Call::Pending
            }
            Self::Enter { .. } => Call::Market,
            Self::Cancel { .. } => Call::Cancel,
            Self::Close { .. } => Call::Close,
            Self::Protect { .. } | Self::Move { .. } => Call::Modify,
            Self::Look => Call::Query,
        }
    }

    /// Whether doing it twice is doing it once: then one look decides whether it is done again.
    pub(crate) const fn converges(self) -> bool {
        match self {
            Self::Enter { .. } | Self::Close { .. } => false,
            Self::Cancel { .. } | Self::Protect { .. } | Self::Move { .. } | Self::Look => true,
        }
    }
}

/// What a step at the broker waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Wait {
    /// The trading gate.
    Gate,
    /// The lane of instance and symbol.
    Lane,
    /// The symbol's session.
    Session,
    /// The connection (NET-1).
    Connection,
    /// What must be known of the symbol, its price, or what the intent names.
    Snapshot,
    /// Its moment.
    Delay,
}

/// How far the search for an outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resolving {
    /// What it is for.
    pub purpose: Purpose,
    /// Looks that were asked for.
    pub asked: u8,
    /// Looks in a row that found nothing, each on a newer snapshot.
    pub negatives: u8,
    /// The snapshot of the first of them.
    pub first: SnapshotId,
    /// The snapshot of the last of them.
    pub last: SnapshotId,
}

impl Resolving {
    /// Nothing was looked at yet.
    pub(crate) const fn new(purpose: Purpose) -> Self {
        let none = SnapshotId(Timestamp::from_millis(0));
        Self { purpose, asked: 0, negatives: 0, first: none, last: none }
    }
}

/// What a look at the broker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// The answer is lost: `UNKNOWN` until it is proven one way or the other.
    Lost,
    /// The answer asks for a look: this code refused it unless the look says otherwise.
    Refused(u32),
    /// It was proven not to be executed, and is looked for once more before it is sent again (TRD-6).
    Again,
    /// How things stand.
    Read,
}

/// What the trade has at the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holdings {
    /// Its open order.
    pub order: Option<Ticket>,
    /// An open order too many (TRD-4).
    pub extra_order: Option<Ticket>,
    /// Its position.
    pub position: Option<Ticket>,
    /// A position too many (TRD-4).
    pub extra_position: Option<Ticket>,
    /// How much that holds.
    pub extra_volume: Lots,
    /// Opening orders that are known to have reached the broker, open and ended ones.
    pub orders: u8,
    /// Volume of its opening deals.
    pub filled: Lots,
    /// Their mean price.
    pub price: Price,
    /// How much of that is closed again; of an intent to close: how much it closed.
    pub closed: Lots,
    /// Stop loss and take profit as they were seen last.
    pub protection: Protection,
    /// Netting: how much of it intents of ours closed, under tags of their own.
    pub reduced: Lots,
    /// Netting: how much answers said that steps of its own closed, whose deals may have lost the tag.
    pub ended: Lots,
    /// Of what is filled: how much does not carry the tag, and is ours by a person's word.
    pub adopted: Lots,
    /// The price of that.
    pub adopted_at: Price,
    /// The order that the answer to an entry named, until a look has shown it: looked for also without the tag.
    pub named: Option<Ticket>,
}

impl Holdings {
    /// The order that it opens with and whose ticket is known: the trade server may have lost its tag.
    #[must_use]
    pub const fn known_order(&self) -> Option<Ticket> {
        match self.order {
            Some(order) => Some(order),
            None => self.named,
        }
    }

    /// What is open.
    #[must_use]
    pub fn open(&self) -> Lots {
        self.filled.minus(self.closed).unwrap_or(Lots::ZERO).max(Lots::ZERO)
    }
}

/// The last send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Flight {
    /// The gateway does not start it after this moment.
    pub(crate) deadline: Timestamp,
    pub(crate) marks: Marks,
    /// It was not executed in time (TRD-3).
    pub(crate) late: bool,
    /// Its answer was taken for a rate limit, and does not say that nothing happened (BRK-3).
    pub(crate) limited: bool,
    /// The lookalike that a person said is not what it made.
    pub(crate) not_ours: Option<Ticket>,
    /// The filling mode that was sent last.
    pub(crate) filling: Option<super::Filling>,
}

/// What was tried, for each budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Tries {
    pub(crate) requotes: u8,
    pub(crate) pending: u8,
    pub(crate) timeouts: u8,
    /// Steps of care (cancel, close, protect) that failed in a row.
    pub(crate) care: u8,
}

/// What happened, or was done once and is not done again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Flags {
    pub(crate) volume_fixed: bool,
    pub(crate) price_fixed: bool,
    pub(crate) stops_fixed: bool,
    pub(crate) filling_fixed: bool,
    pub(crate) clamped: bool,
    pub(crate) refused_once: bool,
    pub(crate) healed: bool,
    /// The rest of a partial fill had its time (TRD-1).
    pub(crate) fill_over: bool,
    /// The rest was tried once more (TRD-1).
    pub(crate) remainder_tried: bool,
    /// It slipped, and was judged (TRD-2).
    pub(crate) slipped: bool,
    /// It filled while nothing was known of the symbol: its price is judged as soon as something is (TRD-2).
    pub(crate) unjudged: bool,
    /// A look confirmed what the answer said.
    pub(crate) confirmed: bool,
    /// Something of it was seen after its end.
    pub(crate) seen_after_end: bool,
    /// A misfire was repaired; no look has shown yet that it worked (TRD-5).
    pub(crate) repairing: bool,
    /// An old send was answered after all: look before it ends.
    pub(crate) look_again: bool,
    /// The trade server has lost the tag of what an answer named: it is known by its ticket.
    pub(crate) untagged: bool,
}

/// How the protection stands (TRD-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Guard {
    /// As it should, as far as is known.
    #[default]
    Calm,
    /// It was seen to differ at this moment.
    Differs(Timestamp),
    /// The price was seen beyond it at this moment.
    Passed(Timestamp),
    /// A client wanted another one at this moment; the change is on its way.
    Changing(Timestamp),
}

/// Why a trade ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum End {
    /// It did what it should.
    Done,
    /// What it asks for holds already.
    AlreadyTrue,
    /// Its position was closed, by whomever.
    Closed,
    /// It was withdrawn.
    Withdrawn,
    /// Its order ended at the broker without a fill.
    CancelledAtBroker,
    /// It was too late to be sent (TRD-7).
    Expired,
    /// The gate was shut.
    Blocked,
    /// The symbol does not allow it.
    Forbidden,
    /// What it names is not ours (TRD-8).
    NotOurs,
    /// It cannot be sent as it is: volume or price is outside what the symbol allows.
    Invalid,
    /// The trade server refused it with this code.
    Refused(u32),
    /// The terminal refused it with this `last_error`.
    RefusedByTerminal(i32),
    /// It was proven not to be executed.
    NotExecuted,
    /// It could not be sent (NET-1).
    NeverSent,
    /// It was cancelled because it was not executed in time (TRD-3).
    TimedOut,
    /// The price went beyond the slippage threshold (TRD-2).
    Slipped,
    /// A person said that it was not executed.
    DecidedByPerson,
    /// It is a duplicate of another one (TRD-4).
    Duplicate,
}

impl End {
    pub(crate) const fn state(self, goal: &Goal) -> TradeState {
        match self {
            Self::Done | Self::AlreadyTrue | Self::Closed => match goal {
                Goal::Cancel { .. } => TradeState::Cancelled,
                Goal::Open(_) | Goal::Protect { .. } | Goal::Move { .. } | Goal::Close { .. } => {
                    TradeState::Closed
                }
            },
            Self::Withdrawn | Self::CancelledAtBroker => TradeState::Cancelled,
            Self::Refused(_) | Self::RefusedByTerminal(_) => TradeState::Rejected,
            Self::Expired
            | Self::Blocked
            | Self::Forbidden
            | Self::NotOurs
            | Self::Invalid
            | Self::NotExecuted
            | Self::NeverSent
            | Self::TimedOut
            | Self::Slipped
            | Self::DecidedByPerson
            | Self::Duplicate => TradeState::Failed,
        }
    }
}

/// The deadlines of a trade; each says when to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TradeTimer {
    /// When to act: try again, stop waiting for an answer, look again.
    Act,
    /// When it is too late to send (TRD-7).
    Expiry,
    /// When the rest of a partial fill had its time (TRD-1).
    Fill,
    /// When to look at the position and its protection (TRD-5).
    Guard,
}

impl TradeTimer {
    /// Every timer.
    pub const ALL: [Self; 4] = [Self::Act, Self::Expiry, Self::Fill, Self::Guard];
}

/// The armed deadlines of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct TradeTimers([Timestamp; TradeTimer::ALL.len()]);

impl TradeTimers {
    pub(crate) fn arm(&mut self, timer: TradeTimer, at: Timestamp) {
        self.0[timer as usize] = at;
    }

    pub(crate) fn disarm(&mut self, timer: TradeTimer) {
        self.0[timer as usize] = Timestamp::MAX;
    }

    /// One that is armed is due at this moment at the latest.
    pub(crate) fn no_later(&mut self, timer: TradeTimer, at: Timestamp) {
        if self.due_at(timer).is_some() {
            self.arm(timer, self.0[timer as usize].min(at));
        }
    }

    pub(crate) fn due_at(&self, timer: TradeTimer) -> Option<Timestamp> {
        Some(self.0[timer as usize]).filter(|at| *at != Timestamp::MAX)
    }

    pub(crate) fn is_due(&self, timer: TradeTimer, now: Timestamp) -> bool {
        self.due_at(timer).is_some_and(|at| at <= now)
    }
}

impl Trade {
    /// A trade that was accepted: durable as it is, nothing was sent.
    #[must_use]
    pub fn new(intent: Intent) -> Self {
        let (volume, protection) = match intent.goal {
            Goal::Open(opening) => (opening.volume, opening.protection),
            Goal::Close { volume, .. } => (volume.unwrap_or(Lots::ZERO), Protection::default()),
            Goal::Protect { protection, .. } | Goal::Move { protection, .. } => (Lots::ZERO, protection),
            Goal::Cancel { .. } => (Lots::ZERO, Protection::default()),
        };
        let mut timers = TradeTimers([Timestamp::MAX; TradeTimer::ALL.len()]);
        timers.arm(TradeTimer::Expiry, intent.expires_at);
        let op = if intent.opening().is_some() { Op::Enter { volume } } else { Op::Look };
        Self {
            intent,
            phase: TradePhase::Waiting(op, Wait::Snapshot),
            volume,
            protection,
            reference: intent.opening().and_then(|opening| opening.price),
            held: Holdings::default(),
            attempt: Attempt(0),
            flight: Flight {
                deadline: intent.accepted_at,
                marks: Marks::default(),
                late: false,
                limited: false,
                not_ours: None,
                filling: None,
            },
            entries: 0,
            floor: intent.accepted_at,
            missing: Resolving::new(Purpose::Read),
            tries: Tries::default(),
            flags: Flags::default(),
            winding: None,
            guard: Guard::Calm,
            timers,
        }
    }

    /// What is wanted.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }

    /// What it is doing.
    #[must_use]
    pub const fn phase(&self) -> TradePhase {
        self.phase
    }

    /// Where it stands, as the hot state shows it.
    #[must_use]
    pub fn state(&self) -> TradeState {
        match self.phase {
            TradePhase::Waiting(op, wait) => {
                let sent = self.attempt.0 > 0 || wait == Wait::Connection;
                self.under_way(op, if sent { TradeState::Pending } else { TradeState::New })
            }
            TradePhase::Sending(op) => self.under_way(op, TradeState::Submitting),
            TradePhase::Resolving(op, resolving) => match resolving.purpose {
                Purpose::Lost => TradeState::Unknown,
                Purpose::Again => self.under_way(op, TradeState::Pending),
                Purpose::Refused(_) | Purpose::Read => self.under_way(op, TradeState::Submitting),
            },
            TradePhase::Suspect(..) => TradeState::Unknown,
            TradePhase::Resting => self.at_rest(TradeState::Placed),
            TradePhase::Holding => TradeState::Filled,
            TradePhase::Ended(state, _) => state,
        }
    }

    fn under_way(&self, op: Op, first: TradeState) -> TradeState {
        let opens = self.intent.opening().is_some();
        match op {
            Op::Enter { .. } => self.at_rest(first),
            Op::Cancel { .. } | Op::Close { .. } if opens => TradeState::Cancelling,
            Op::Cancel { .. } | Op::Close { .. } | Op::Move { .. } => first,
            Op::Look if opens && self.winding.is_some() => TradeState::Cancelling,
            Op::Look if opens && self.held.orders > 0 => self.at_rest(TradeState::Placed),
            Op::Protect { .. } | Op::Look if opens => self.at_rest(first),
            Op::Protect { .. } | Op::Look => first,
        }
    }

    fn at_rest(&self, nothing: TradeState) -> TradeState {
        if self.intent.opening().is_none() || self.held.filled == Lots::ZERO {
            nothing
        } else if self.held.filled < self.volume {
            TradeState::PartiallyFilled
        } else {
            TradeState::Filled
        }
    }

    /// Why it ended; `None` while it has not.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        match self.phase {
            TradePhase::Ended(_, end) => Some(end),
            TradePhase::Waiting(..)
            | TradePhase::Sending(_)
            | TradePhase::Resolving(..)
            | TradePhase::Suspect(..)
            | TradePhase::Resting
            | TradePhase::Holding => None,
        }
    }

    /// What it has at the broker.
    #[must_use]
    pub const fn holdings(&self) -> &Holdings {
        &self.held
    }

    /// How much is wanted: what was asked for, or what filled once the rest was given up.
    #[must_use]
    pub const fn volume(&self) -> Lots {
        self.volume
    }

    /// What shall stand as stop loss and take profit.
    #[must_use]
    pub const fn protection(&self) -> Protection {
        self.protection
    }

    /// The price by which slippage is judged.
    #[must_use]
    pub const fn reference(&self) -> Option<Price> {
        self.reference
    }

    /// The last send; 0 before the first.
    #[must_use]
    pub const fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// The newest tickets that were seen before the last send: what it made is newer.
    #[must_use]
    pub const fn marks(&self) -> Marks {
        self.flight.marks
    }

    /// Whether something with this ticket may still be what the last send made, its tag lost: a person said of an older one,
    /// or of this one, that it is not.
    #[must_use]
    pub fn may_be(&self, ticket: Ticket) -> bool {
        self.flight.not_ours.is_none_or(|not_ours| ticket > not_ours)
    }

    /// Past orders and deals with a higher ticket say what became of its order, whose tag the trade server lost or may have
    /// lost; 0 for all. `None` where the tag finds them.
    #[must_use]
    pub fn past_after(&self) -> Option<u64> {
        let order = self.intent.opening().and(self.held.known_order())?.number();
        if self.flags.untagged {
            return Some(0);
        }
        let marks = self.flight.marks;
        (!self.flags.confirmed).then(|| marks.order.min(marks.deal).min(order.saturating_sub(1)))
    }

    /// Whether nobody knows the outcome of a send: what the instance machine counts (NET-2).
    #[must_use]
    pub const fn is_unresolved(&self) -> bool {
        match self.phase {
            TradePhase::Sending(_) | TradePhase::Suspect(..) => true,
            TradePhase::Resolving(_, resolving) => matches!(resolving.purpose, Purpose::Lost),
            TradePhase::Waiting(..) | TradePhase::Resting | TradePhase::Holding | TradePhase::Ended(..) => {
                false
            }
        }
    }

    /// Whether it holds the lane of its instance and symbol: as long as a send of it is unresolved.
    #[must_use]
    pub fn holds_lane(&self) -> bool {
        if broken!(UnknownFreesLane) {
            return matches!(self.phase, TradePhase::Sending(_));
        }
        self.is_unresolved()
    }

    /// How urgently it waits for the lane, if it does.
    #[must_use]
    pub const fn wants_lane(&self) -> Option<Urgency> {
        match self.phase {
            TradePhase::Waiting(op, Wait::Lane) => Some(match op {
                Op::Protect { .. } | Op::Close { .. } | Op::Cancel { .. } | Op::Look => Urgency::Reduces,
                Op::Enter { .. } | Op::Move { .. } => Urgency::Opens,
            }),
            TradePhase::Waiting(..)
            | TradePhase::Sending(_)
            | TradePhase::Resolving(..)
            | TradePhase::Suspect(..)
            | TradePhase::Resting
            | TradePhase::Holding
            | TradePhase::Ended(..) => None,
        }
    }

    /// The alert whose condition holds on this trade; those of an instance come from its incidents.
    #[must_use]
    pub fn alert(&self) -> Option<Alert> {
        match self.phase {
            TradePhase::Suspect(..) => Some(Alert::DriftFound),
            TradePhase::Ended(..) => None,
            TradePhase::Waiting(..)
            | TradePhase::Sending(_)
            | TradePhase::Resolving(..)
            | TradePhase::Resting
            | TradePhase::Holding => {
                let opens = self.intent.opening().is_some() && self.winding.is_none();
                let part = self.held.filled > Lots::ZERO && self.held.filled < self.volume;
                (opens && part).then_some(Alert::PartialFillIncomplete)
            }
        }
    }

    /// When the next [`TradeEvent::Tick`](super::TradeEvent::Tick) may do something by itself; `None` when only an event,
    /// or a change of its surroundings, can.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.heeded().iter().filter_map(|timer| self.timers.due_at(*timer)).min()
    }

    /// The deadlines that do something in what it is doing now; the others wait for their time.
    fn heeded(&self) -> &'static [TradeTimer] {
        match self.phase {
            TradePhase::Waiting(op, _) if self.serves_intent(op) => &[TradeTimer::Act, TradeTimer::Expiry],
            TradePhase::Waiting(..)
            | TradePhase::Sending(_)
            | TradePhase::Resolving(..)
            | TradePhase::Suspect(..) => &[TradeTimer::Act],
            TradePhase::Resting => &[TradeTimer::Fill, TradeTimer::Guard],
            TradePhase::Holding => &[TradeTimer::Guard],
            TradePhase::Ended(..) => &[],
        }
    }

    /// When the timer is due, if it is armed.
    #[must_use]
    pub fn due_at(&self, timer: TradeTimer) -> Option<Timestamp> {
        self.timers.due_at(timer)
    }

    /// Whether the step at the broker is what the intent asks for, and not care for what is there already.
    pub(crate) const fn serves_intent(&self, op: Op) -> bool {
        match op {
            Op::Enter { .. } | Op::Move { .. } => true,
            Op::Cancel { .. } | Op::Close { .. } | Op::Protect { .. } | Op::Look => {
                self.intent.opening().is_none()
            }
        }
    }
}
