use serde::{Deserialize, Serialize};
use warden_domain::{Lots, Magic, OrderKind, Price, Side, Ticket, Timestamp};

use crate::Params;

/// What a client wants of one account: never changes, and is durable before anything is sent (TRD-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Intent {
    /// The tag that all it makes at the broker carries.
    pub magic: Magic,
    /// What is wanted.
    pub goal: Goal,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// After this moment it is dropped and never sent (TRD-7).
    pub expires_at: Timestamp,
}

/// What an intent wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Goal {
    /// A new position, at the market or by a pending order.
    Open(Opening),
    /// Another stop loss and take profit of a position.
    Protect {
        /// The position.
        position: Ticket,
        /// What shall stand.
        protection: Protection,
    },
    /// Another price, stop loss and take profit of a pending order.
    Move {
        /// The order.
        order: Ticket,
        /// Its new price.
        price: Price,
        /// What shall stand.
        protection: Protection,
    },
    /// The end of a position, or of a part of it.
    Close {
        /// The position.
        position: Ticket,
        /// How much of it; all when `None`.
        volume: Option<Lots>,
        /// The trade that opened it. On a netting account it closes no more than that trade's part, and nothing when that
        /// has ended; `None` where no trade is meant.
        of: Option<Magic>,
    },
    /// The removal of a pending order.
    Cancel {
        /// The order.
        order: Ticket,
    },
}

/// A new position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Opening {
    /// Which way.
    pub side: Side,
    /// How.
    pub kind: OrderKind,
    /// How much, in lots.
    pub volume: Lots,
    /// At the market: the price the signal was made at, by which slippage is judged (TRD-2); the quote at the first
    /// send where `None`. Pending: the order's price, needed.
    pub price: Option<Price>,
    /// Of a stop-limit order: the price of the limit order that it places (MQL5 `stoplimit`).
    pub trigger: Option<Price>,
    /// Stop loss and take profit.
    pub protection: Protection,
}

/// Stop loss and take profit; `None` for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Protection {
    /// MQL5 `sl`.
    pub stop_loss: Option<Price>,
    /// MQL5 `tp`.
    pub take_profit: Option<Price>,
}

impl Intent {
    /// An intent that was accepted now; it expires after `valid_for`, or after `trade.signal.valid_for`.
    #[must_use]
    pub fn new(
        magic: Magic,
        goal: Goal,
        now: Timestamp,
        valid_for: Option<warden_domain::Span>,
        params: &Params,
    ) -> Self {
        let valid_for = valid_for.unwrap_or(params.signal.valid_for);
        Self { magic, goal, accepted_at: now, expires_at: now.after(valid_for) }
    }

    /// The new position, when it wants one.
    #[must_use]
    pub const fn opening(&self) -> Option<&Opening> {
        match &self.goal {
            Goal::Open(opening) => Some(opening),
            Goal::Protect { .. } | Goal::Move { .. } | Goal::Close { .. } | Goal::Cancel { .. } => None,
        }
    }
}

impl Goal {
    /// The order or position at the broker that it is about; `None` for a new position.
    #[must_use]
    pub const fn target(&self) -> Option<Ticket> {
        match *self {
            Self::Open(_) => None,
            Self::Protect { position, .. } | Self::Close { position, .. } => Some(position),
            Self::Move { order, .. } | Self::Cancel { order } => Some(order),
        }
    }

    /// The trade whose position, or part of one, it closes.
    #[must_use]
    pub const fn of(&self) -> Option<Magic> {
        match *self {
            Self::Close { of, .. } => of,
            Self::Open(_) | Self::Protect { .. } | Self::Move { .. } | Self::Cancel { .. } => None,
        }
    }
}
