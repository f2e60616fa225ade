use std::fmt;

use serde::{Deserialize, Serialize};
use warden_domain::{FailureReason, Lots, Side, Span, Timestamp, named_enum};

use crate::Money;

/// Why an account does not take part in a signal; nothing was sent and nothing will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The signal's validity had passed (TRD-7).
    Late(
        /// By how much.
        Span,
    ),
    /// The signal was made in the future, further than clocks may differ.
    Ahead(
        /// By how much.
        Span,
    ),
    /// A different signal came with a key that is taken (TRD-4).
    DuplicateKey,
    /// It came before, and its plan is not kept any more; its outcome is in the journal.
    PlanDropped,
    /// As many keys are known as there may be.
    BookFull,
    /// The installation has given every tag out.
    NoTag,
    /// Too much waits for what looks after the instance; nothing was noted.
    Busy,
    /// Another supervisor looks after the instance.
    Elsewhere,
    /// The target names an instance that is not known.
    NoSuchInstance,
    /// Trading is not permitted.
    NotPermitted(
        /// Where.
        Scope,
    ),
    /// No order leaves.
    GateShut(
        /// Why.
        FailureReason,
    ),
    /// No order leaves before the signal's validity ends.
    GatePaused {
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: FailureReason,
    },
    /// Positions may only shrink.
    ReduceOnly(
        /// Why.
        FailureReason,
    ),
    /// The broker has no symbol of the name that the account's rules make of the signal's.
    SymbolUnknown,
    /// The account or the broker does not allow this side.
    SideNotAllowed {
        /// The side, after a reversal.
        side: Side,
        /// Who does not allow it.
        scope: Scope,
    },
    /// There is no opposite of a stop-limit order.
    NotReversible,
    /// Something that the plan depends on is not known.
    FactMissing(
        /// What.
        Fact,
    ),
    /// The risk has no end: after a reversal there is no stop loss.
    StopMissing,
    /// The stop loss does not lie on the losing side of the price, or the take profit not on the winning side.
    StopWrongSide,
    /// The volume cannot be computed: a number is not above zero, or it is out of range.
    Uncountable,
    /// Too small.
    BelowMinimum {
        /// How much it is, a whole number of steps.
        lots: Lots,
        /// The least.
        least: Lots,
    },
    /// Too large.
    AboveMaximum {
        /// How much it is, a whole number of steps.
        lots: Lots,
        /// The most.
        most: Lots,
    },
    /// As many trades are open as there may be.
    TooManyOpen(
        /// How many are open.
        u32,
    ),
    /// All open trades together would be worth more than they may.
    OverNotional {
        /// What they would be worth.
        notional: Money,
        /// The most.
        most: Money,
    },
    /// The account's order-rate budget is used up.
    RateBudget(
        /// When it allows the next order.
        Timestamp,
    ),
    /// No open trade of ours is what the signal means.
    NothingOpen,
}

named_enum! {
    /// The stable name of a refusal.
    Code {
        /// [`Refusal::Late`].
        Late = "late",
        /// [`Refusal::Ahead`].
        Ahead = "ahead",
        /// [`Refusal::DuplicateKey`].
        DuplicateKey = "duplicate_key",
        /// [`Refusal::PlanDropped`].
        PlanDropped = "plan_dropped",
        /// [`Refusal::BookFull`].
        BookFull = "book_full",
        /// [`Refusal::NoTag`].
        NoTag = "no_tag",
        /// [`Refusal::Busy`].
        Busy = "busy",
        /// [`Refusal::Elsewhere`].
        Elsewhere = "elsewhere",
        /// [`Refusal::NoSuchInstance`].
        NoSuchInstance = "no_such_instance",
        /// [`Refusal::NotPermitted`].
        NotPermitted = "not_permitted",
        /// [`Refusal::GateShut`].
        GateShut = "gate_shut",
        /// [`Refusal::GatePaused`].
        GatePaused = "gate_paused",
        /// [`Refusal::ReduceOnly`].
        ReduceOnly = "reduce_only",
        /// [`Refusal::SymbolUnknown`].
        SymbolUnknown = "symbol_unknown",
        /// [`Refusal::SideNotAllowed`].
        SideNotAllowed = "side_not_allowed",
        /// [`Refusal::NotReversible`].
        NotReversible = "not_reversible",
        /// [`Refusal::FactMissing`].
        FactMissing = "fact_missing",
        /// [`Refusal::StopMissing`].
        StopMissing = "stop_missing",
        /// [`Refusal::StopWrongSide`].
        StopWrongSide = "stop_wrong_side",
        /// [`Refusal::Uncountable`].
        Uncountable = "uncountable",
        /// [`Refusal::BelowMinimum`].
        BelowMinimum = "below_minimum",
        /// [`Refusal::AboveMaximum`].
        AboveMaximum = "above_maximum",
        /// [`Refusal::TooManyOpen`].
        TooManyOpen = "too_many_open",
        /// [`Refusal::OverNotional`].
        OverNotional = "over_notional",
        /// [`Refusal::RateBudget`].
        RateBudget = "rate_budget",
        /// [`Refusal::NothingOpen`].
        NothingOpen = "nothing_open",
    }
}

named_enum! {
    /// Whose word it is.
    Scope {
        /// The account's, or its rules'.
        Account = "account",
        /// The symbol's at the broker.
        Symbol = "symbol",
    }
}

named_enum! {
    /// What a plan may depend on and not know.
    Fact {
        /// The account's balance.
        Balance = "balance",
        /// The account's equity.
        Equity = "equity",
        /// How the symbol is traded.
        Symbol = "symbol",
        /// What the open trades are worth.
        Exposure = "exposure",
        /// The price of a resting order.
        OrderPrice = "order's price",
        /// The symbol's present prices.
        Quote = "quote",
        /// What a tick is worth.
        TickValue = "tick value",
    }
}

impl Refusal {
    /// Its stable name.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Late(_) => Code::Late,
            Self::Ahead(_) => Code::Ahead,
            Self::DuplicateKey => Code::DuplicateKey,
            Self::PlanDropped => Code::PlanDropped,
            Self::BookFull => Code::BookFull,
            Self::NoTag => Code::NoTag,
            Self::Busy => Code::Busy,
            Self::Elsewhere => Code::Elsewhere,
            Self::NoSuchInstance => Code::NoSuchInstance,
            Self::NotPermitted(_) => Code::NotPermitted,
            Self::GateShut(_) => Code::GateShut,
            Self::GatePaused { .. } => Code::GatePaused,
            Self::ReduceOnly(_) => Code::ReduceOnly,
            Self::SymbolUnknown => Code::SymbolUnknown,
            Self::SideNotAllowed { .. } => Code::SideNotAllowed,
            Self::NotReversible => Code::NotReversible,
            Self::FactMissing(_) => Code::FactMissing,
            Self::StopMissing => Code::StopMissing,
            Self::StopWrongSide => Code::StopWrongSide,
            Self::Uncountable => Code::Uncountable,
            Self::BelowMinimum { .. } => Code::BelowMinimum,
            Self::AboveMaximum { .. } => Code::AboveMaximum,
            Self::TooManyOpen(_) => Code::TooManyOpen,
            Self::OverNotional { .. } => Code::OverNotional,
            Self::RateBudget(_) => Code::RateBudget,
            Self::NothingOpen => Code::NothingOpen,
        }
    }
}

impl fmt::Display for Refusal {
    /// What is wrong and what to do, as people read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(by) => {
                write!(f, "it is {by} too late; send signals sooner, or with a longer valid_for")
            }
            Self::Ahead(by) => write!(f, "it was made {by} in the future; set the source's clock"),
            Self::DuplicateKey => {
                f.write_str("its key is taken by another signal; give each signal a key of its own")
            }
            Self::PlanDropped => {
                f.write_str("it came before, and its plan is not kept any more; ask for its report")
            }
            Self::BookFull => {
                f.write_str("too many keys are known; raise most_keys, or wait until old ones expire")
            }
            Self::NoTag => f.write_str("every tag was given out; give the installation a new one"),
            Self::Busy => f.write_str("too much waits to be carried out; give the same signal again"),
            Self::Elsewhere => f.write_str("another supervisor looks after it; give the signal to that one"),
            Self::NoSuchInstance => f.write_str("there is no such instance; correct the target"),
            Self::NotPermitted(scope) => write!(f, "the {scope} does not permit trading; ask the broker"),
            Self::GateShut(reason) => write!(f, "the trading gate is shut ({reason}); see the instance"),
            Self::GatePaused { until, reason } => {
                write!(f, "trading is paused until {until} ({reason}), longer than it is valid")
            }
            Self::ReduceOnly(reason) => write!(f, "positions may only shrink ({reason}); see the instance"),
            Self::SymbolUnknown => {
                f.write_str("the broker has no such symbol; map it in the account's rules")
            }
            Self::SideNotAllowed { side, scope } => write!(f, "the {scope} allows no {side}"),
            Self::NotReversible => f.write_str("a stop-limit order has no opposite; send another kind"),
            Self::FactMissing(Fact::Symbol) => f.write_str(
                "the symbol is not known; wait until the terminal reports it, or map it in the account's rules",
            ),
            Self::FactMissing(fact) => {
                write!(f, "the {fact} is not known; wait until the terminal reports it")
            }
            Self::StopMissing => {
                f.write_str("the risk has no stop loss; a reversed account needs a take profit")
            }
            Self::StopWrongSide => {
                f.write_str("the price is beyond its stop loss or take profit already; correct it")
            }
            Self::Uncountable => f.write_str(
                "its volume is not above zero or out of range; look at the balance and the sizing",
            ),
            Self::BelowMinimum { lots, least } => write!(f, "{lots} lots are below the least, {least}"),
            Self::AboveMaximum { lots, most } => write!(f, "{lots} lots are above the most, {most}"),
            Self::TooManyOpen(open) => write!(f, "{open} trades are open, as many as there may be"),
            Self::OverNotional { notional, most } => {
                write!(f, "all trades would be worth {notional}, above {most}")
            }
            Self::RateBudget(next) => write!(f, "the order-rate budget is used up until {next}"),
            Self::NothingOpen => f.write_str("no trade of ours is what it means"),
        }
    }
}
