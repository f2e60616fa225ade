use serde::{Deserialize, Serialize};
use warden_domain::{Facts, Lots, Price, Side, Ticket, Timestamp};

use super::{Attempt, Protection};

/// What happens to a trade; everything it learns comes through here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "it is passed by reference, and allocates nothing")]
pub enum TradeEvent {
    /// A deadline may be due, or what surrounds the trade changed: gate, connection, session, lane, snapshot, quote.
    Tick,
    /// The supervisor was started again with this stored trade (REC-4).
    Resume,
    /// The gateway's session or the terminal's connection dropped: an answer under way is lost (NET-1).
    Lost,
    /// This send was not started, and never will be: no gateway took it, its deadline had passed, its epoch was stale.
    NotSent {
        /// Which send.
        attempt: Attempt,
    },
    /// The answer to a send.
    Replied {
        /// Which send; an old one is not taken for the present one.
        attempt: Attempt,
        /// What the trade server said.
        reply: Reply,
    },
    /// What a look at the broker found: the answer to [`TradeEffect::Verify`](super::TradeEffect::Verify), or a
    /// synchronised snapshot that changed something of this trade.
    Found(Findings),
    /// A new signal came with the client's id of this trade (TRD-4); one that was merely delivered again does not come
    /// here, as its idempotency key is known.
    Repeated,
    /// A client's later intent changed the stop loss and take profit that shall stand (TRD-5).
    Wanted(Protection),
    /// A person, or a halt, withdraws what was not sent; what rests at the broker is cancelled.
    Withdraw,
    /// A person decided what a lookalike is.
    Decide(Decision),
    /// A client's later intent ends what was not open yet: what was not sent is dropped, what rests is cancelled, and what
    /// fills, or has filled, is closed. It does not expire, and stands until nothing is left.
    Revoke,
    /// Netting: an intent of ours closed so much of what this trade opened, under a tag of its own.
    Reduced {
        /// How much.
        volume: Lots,
    },
}

impl TradeEvent {
    /// A stable text for journals and queries.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tick => "TICK",
            Self::Resume => "RESUME",
            Self::Lost => "LOST",
            Self::NotSent { .. } => "NOT_SENT",
            Self::Replied { .. } => "REPLIED",
            Self::Found(_) => "FOUND",
            Self::Repeated => "REPEATED",
            Self::Wanted(_) => "WANTED",
            Self::Withdraw => "WITHDRAW",
            Self::Decide(_) => "DECIDE",
            Self::Revoke => "REVOKE",
            Self::Reduced { .. } => "REDUCED",
        }
    }
}

/// The answer to a send: the command's facts, and MQL5 `MqlTradeResult` where there was one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reply {
    /// Retcode, `last_error` and flags.
    pub facts: Facts,
    /// The order's ticket.
    pub order: Option<Ticket>,
    /// The deal's ticket.
    pub deal: Option<Ticket>,
    /// Volume of the deal.
    pub volume: Lots,
    /// Price of the deal.
    pub price: Price,
}

/// Names a synchronised snapshot: the moment at which the second of its two equal readings began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(pub Timestamp);

/// What the gateway's inbox says of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Inbox {
    /// It never came, or was not asked for.
    Unseen,
    /// It waits in the queue, or is being carried out.
    InProgress,
    /// It came and was not started: its deadline or epoch had passed.
    NotStarted,
    /// It was started, and the gateway or terminal ended before its end was known.
    Interrupted,
    /// It was answered.
    Answered(Reply),
}

/// What a look at the broker found of one trade: totals of everything that carries its tag, from one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Findings {
    /// Which snapshot of orders, history, deals and positions; `None` when the terminal is not synchronised.
    pub snapshot: Option<SnapshotId>,
    /// Which send the inbox was asked about.
    pub attempt: Attempt,
    /// What the gateway's inbox says of that send.
    pub inbox: Inbox,
    /// No order of the instance waits in the gateway.
    pub queue_empty: bool,
    /// How many opening orders carry the tag, open and ended ones.
    pub orders: u8,
    /// The open order that carries the tag, or that the intent names; the oldest of several.
    pub order: Option<OrderSeen>,
    /// The next one, when several are open: more than there should be.
    pub extra_order: Option<Ticket>,
    /// Volume of the deals that carry the tag and open.
    pub filled: Lots,
    /// Their mean price; zero where there are none.
    pub price: Price,
    /// Volume of the deals that close what the tag opened, whoever made them; for an intent to close: of those that carry
    /// its tag.
    pub closed: Lots,
    /// The position that carries the tag (netting: of the symbol), or that the intent names.
    pub position: Option<PositionSeen>,
    /// On a hedging account the next position with the tag: more than there should be.
    pub extra_position: Option<PositionSeen>,
    /// The order, or on a hedging account the position, that an answer named is there, and does not carry the tag: the trade
    /// server has lost it.
    pub untagged: bool,
    /// Nothing carries the tag, and something newer than the send looks like it: same symbol, side and volume.
    pub lookalike: Option<Lookalike>,
}

/// An open order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderSeen {
    /// Its ticket.
    pub ticket: Ticket,
    /// Its stop loss and take profit.
    pub protection: Protection,
    /// Its price.
    pub price: Price,
}

/// An open position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PositionSeen {
    /// Its ticket.
    pub ticket: Ticket,
    /// Which way.
    pub side: Side,
    /// How much.
    pub volume: Lots,
    /// Its stop loss and take profit.
    pub protection: Protection,
}

/// Something that may be what a send made, with its tag lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lookalike {
    /// The order's or position's ticket.
    pub ticket: Ticket,
    /// How much of it was filled.
    pub filled: Lots,
    /// At which price.
    pub price: Price,
}

/// What a person says of a lookalike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Decision {
    /// It is what the send made.
    Ours,
    /// It is not: the send was not executed.
    NotOurs,
}
