use serde::{Deserialize, Serialize};
use warden_domain::{FailureReason, Gate, Lots, Points, Price, Side, Ticket, Timestamp};

use super::{Owner, PositionSeen, SnapshotId, Tally};

/// What a trade must know of its surroundings; made anew for each step. What is not known permits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeContext {
    /// Whether orders may leave, as the instance machine says.
    pub gate: Gate,
    /// A gateway serves the instance, and its terminal is connected to the trade server.
    pub connected: bool,
    /// Whether the symbol is traded now.
    pub session: Session,
    /// No other trade holds the lane of the instance and symbol.
    pub lane_free: bool,
    /// What the symbol allows; `None` when it was not read.
    pub symbol: Option<SymbolRules>,
    /// The present prices; `None` when they are not known or stale.
    pub quote: Option<Quote>,
    /// How the account keeps positions.
    pub mode: AccountMode,
    /// The newest tickets that were seen at the broker.
    pub marks: Marks,
    /// The newest synchronised snapshot; `None` when there is none.
    pub synchronised: Option<SnapshotId>,
    /// What that snapshot says of the order or position which the intent names.
    pub target: Option<Target>,
    /// How often trade rules were troubled on this instance.
    pub tally: Tally,
}

impl Default for TradeContext {
    /// Nothing is known.
    fn default() -> Self {
        Self {
            gate: Gate::Paused { until: Timestamp::MAX, reason: FailureReason::None },
            connected: false,
            session: Session::Closed { opens_at: None },
            lane_free: false,
            symbol: None,
            quote: None,
            mode: AccountMode::Netting,
            marks: Marks::default(),
            synchronised: None,
            target: None,
            tally: Tally::default(),
        }
    }
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

/// How an account keeps positions (MQL5 `ACCOUNT_MARGIN_MODE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountMode {
    /// One position per symbol collects every trade.
    Netting,
    /// Each opening order has a position of its own, whose ticket is the order's.
    Hedging,
}

/// What a symbol allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolRules {
    /// The smallest price step that points count (MQL5 `SYMBOL_POINT`).
    pub point: Price,
    /// The step of prices that orders may have (MQL5 `SYMBOL_TRADE_TICK_SIZE`).
    pub tick: Price,
    /// MQL5 `SYMBOL_VOLUME_STEP`.
    pub volume_step: Lots,
    /// MQL5 `SYMBOL_VOLUME_MIN`.
    pub volume_min: Lots,
    /// MQL5 `SYMBOL_VOLUME_MAX`.
    pub volume_max: Lots,
    /// How far stops must be from the price (MQL5 `SYMBOL_TRADE_STOPS_LEVEL`).
    pub stops_level: Points,
    /// How near to the price nothing may be changed (MQL5 `SYMBOL_TRADE_FREEZE_LEVEL`).
    pub freeze_level: Points,
    /// How orders may be filled (MQL5 `SYMBOL_FILLING_MODE`).
    pub filling: FillingModes,
    /// What may be traded (MQL5 `SYMBOL_TRADE_MODE`).
    pub trade_mode: TradeMode,
    /// TRD-2: the symbol's own slippage threshold, where one is configured.
    pub slippage: Option<Points>,
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

    /// These modes.
    #[must_use]
    pub fn of(modes: &[Filling]) -> Self {
        Self(modes.iter().fold(0, |bits, mode| bits | 1 << *mode as u8))
    }

    /// The mode that is tried first: all or nothing where that is allowed, as no rest is left then.
    #[must_use]
    pub fn first(self) -> Option<Filling> {
        Self::ORDER.into_iter().find(|mode| self.0 & (1 << *mode as u8) != 0)
    }

    /// The mode that is tried after this one was refused (10030); `None` when the symbol has no other.
    #[must_use]
    pub fn after(self, refused: Filling) -> Option<Filling> {
        let others = Self(self.0 & !(1 << refused as u8));
        let later = Self::ORDER.into_iter().filter(|mode| *mode as u8 > refused as u8);
        later.chain(Self::ORDER).find(|mode| others.0 & (1 << *mode as u8) != 0)
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

/// The newest tickets that were seen at the broker; 0 for none. Stored with each send: what it made is newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marks {
    /// The newest order.
    pub order: u64,
    /// The newest deal.
    pub deal: u64,
    /// The newest position.
    pub position: u64,
}

/// An order or position that an intent names, as the newest synchronised snapshot has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// It is not at the broker any more.
    Gone,
    /// An open order.
    Order {
        /// Its ticket.
        ticket: Ticket,
        /// Whose it is (TRD-8).
        owner: Owner,
    },
    /// An open position.
    Position {
        /// The position.
        position: PositionSeen,
        /// Whose it is (TRD-8); on a netting account ours when deals of ours are in it.
        owner: Owner,
    },
}
