use serde::{Deserialize, Serialize};
use warden_domain::{
    AccountMode, FailureReason, FillingModes, Gate, Lots, Points, Price, Quote, Session, Ticket, Timestamp,
    TradeMode,
};

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
    /// The newest tickets that were seen at the broker; `None` before the first reading: no position is opened then.
    pub marks: Option<Marks>,
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
            marks: None,
            synchronised: None,
            target: None,
            tally: Tally::default(),
        }
    }
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
