//! How accounts and symbols trade, as the trade server says it.

use serde::{Deserialize, Serialize};

use crate::{Price, Side, Timestamp};

/// How an account keeps positions (MQL5 `ACCOUNT_MARGIN_MODE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountMode {
    /// One position per symbol collects every trade.
    Netting,
    /// Each opening order has a position of its own, whose ticket is the order's.
    Hedging,
}

/// What may be traded of a symbol (MQL5 `ENUM_SYMBOL_TRADE_MODE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeMode {
    /// Everything.
    Full,
    /// Buys only.
    LongOnly,
    /// Sells only.
    ShortOnly,
    /// Positions may be closed only.
    CloseOnly,
    /// Nothing.
    Disabled,
}

/// What the session calendar says of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// It is traded.
    Open,
    /// It is not: nothing is sent, and no budget runs down.
    Closed {
        /// When it opens, where the calendar knows it.
        opens_at: Option<Timestamp>,
    },
}

/// How an order is filled (MQL5 `ENUM_ORDER_TYPE_FILLING`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Filling {
    /// All of it, or nothing (MQL5 `ORDER_FILLING_FOK`).
    FillOrKill,
    /// What can be filled at once; the rest is cancelled (MQL5 `ORDER_FILLING_IOC`).
    ImmediateOrCancel,
    /// What can be filled; the rest stays (MQL5 `ORDER_FILLING_RETURN`).
    Return,
}

/// The filling modes a symbol allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FillingModes(u8);

impl FillingModes {
    const ORDER: [Filling; 3] = [Filling::FillOrKill, Filling::ImmediateOrCancel, Filling::Return];

    /// Whether the mode is one of them.
    #[must_use]
    pub const fn contains(self, mode: Filling) -> bool {
        self.0 & (1 << mode as u8) != 0
    }

    /// These modes.
    #[must_use]
    pub fn of(modes: &[Filling]) -> Self {
        Self(modes.iter().fold(0, |bits, mode| bits | 1 << *mode as u8))
    }

    /// The mode that is tried first: all or nothing where that is allowed, as no rest is left then.
    #[must_use]
    pub fn first(self) -> Option<Filling> {
        Self::ORDER.into_iter().find(|mode| self.contains(*mode))
    }

    /// The mode that is tried after this one was refused (10030); `None` when the symbol has no other.
    #[must_use]
    pub fn after(self, refused: Filling) -> Option<Filling> {
        let others = Self(self.0 & !(1 << refused as u8));
        let later = Self::ORDER.into_iter().filter(|mode| *mode as u8 > refused as u8);
        later.chain(Self::ORDER).find(|mode| others.contains(*mode))
    }
}

/// The present prices of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What a sell gets.
    pub bid: Price,
    /// What a buy pays.
    pub ask: Price,
}

impl Quote {
    /// What an order of this side gets or pays.
    #[must_use]
    pub const fn of(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }
}
