use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::named::named_enum;

named_enum! {
    /// Where a trade stands: one intent and all that MT5 made of it.
    ///
    /// A timeout or a lost reply is never an end: it is [`TradeState::Unknown`] until the broker's own orders,
    /// positions and deals prove one way or the other.
    TradeState {
        /// Accepted, nothing was sent.
        New = "NEW",
        /// On its way to the broker; the intent is durable (TRD-7).
        Submitting = "SUBMITTING",
        /// Nobody knows what became of it; verified with the broker before anything else.
        Unknown = "UNKNOWN",
        /// Waits for the connection and is retried (NET-1, TRD-6).
        Pending = "PENDING",
        /// The broker holds the order.
        Placed = "PLACED",
        /// Filled in part (TRD-1).
        PartiallyFilled = "PARTIALLY_FILLED",
        /// Filled; its position is open.
        Filled = "FILLED",
        /// A cancellation is on its way.
        Cancelling = "CANCELLING",
        /// Cancelled with nothing left open.
        Cancelled = "CANCELLED",
        /// The broker refused it.
        Rejected = "REJECTED",
        /// Given up, proven not to be open.
        Failed = "FAILED",
        /// Its position was closed.
        Closed = "CLOSED",
    }
}

impl TradeState {
    /// Whether nothing more happens to the trade: it is proven to have ended, and may be archived.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Cancelled | Self::Rejected | Self::Failed | Self::Closed => true,
            Self::New
            | Self::Submitting
            | Self::Unknown
            | Self::Pending
            | Self::Placed
            | Self::PartiallyFilled
            | Self::Filled
            | Self::Cancelling => false,
        }
    }
}

named_enum! {
    /// Which way a trade goes.
    Side {
        /// Buys: earns when the price rises.
        Buy = "BUY",
        /// Sells: earns when the price falls.
        Sell = "SELL",
    }
}

impl Side {
    /// The other side, which closes this one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

named_enum! {
    /// How an order is executed (MQL5 `ENUM_ORDER_TYPE` without its side).
    OrderKind {
        /// At the present price.
        Market = "MARKET",
        /// At a price better than the present one.
        Limit = "LIMIT",
        /// At the market once the price is worse than the given one.
        Stop = "STOP",
        /// A limit order that a stop price triggers.
        StopLimit = "STOP_LIMIT",
    }
}

impl OrderKind {
    /// Whether the order rests in the broker's book until its price comes.
    #[must_use]
    pub const fn rests(self) -> bool {
        match self {
            Self::Market => false,
            Self::Limit | Self::Stop | Self::StopLimit => true,
        }
    }
}

/// The broker's number of an order, deal or position (MQL5 ticket); never zero, which MT5 uses for "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(NonZeroU64);

impl Ticket {
    /// The ticket with this number; `None` for zero.
    #[must_use]
    pub const fn of(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0.get()
    }
}

impl std::fmt::Display for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_is_never_an_end() {
        let ends: Vec<_> = TradeState::ALL.iter().filter(|s| s.is_terminal()).map(|s| s.as_str()).collect();
        assert_eq!(ends, ["CANCELLED", "REJECTED", "FAILED", "CLOSED"]);
    }

    #[test]
    fn a_ticket_is_never_zero() {
        assert_eq!(Ticket::of(0), None);
        assert_eq!(Ticket::of(7).map(Ticket::number), Some(7));
        assert_eq!(size_of::<Option<Ticket>>(), 8);
    }

    #[test]
    fn sides_and_kinds_know_their_meaning() {
        assert_eq!(Side::Buy.opposite().opposite(), Side::Buy);
        assert!(!OrderKind::Market.rests() && OrderKind::StopLimit.rests());
    }
}
