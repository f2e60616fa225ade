//! Trade requests, and what names them.

use warden_domain::{Filling, Side};

/// A trade request (MQL5 `MqlTradeRequest`); volumes in lots and prices as MT5's doubles.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What to do.
    pub action: OrderAction,
    /// Which send; a gateway carries out each at most once, whatever happens to it, and answers a repeated one from its
    /// inbox.
    pub send: SendId,
    /// MQL5 `symbol`.
    pub symbol: String,
    /// MQL5 `volume`, in lots.
    pub volume: f64,
    /// MQL5 `price`. At the market the price that `deviation` counts from; 0 for the present one.
    pub price: f64,
    /// MQL5 `sl`; 0 for none.
    pub stop_loss: f64,
    /// MQL5 `tp`; 0 for none.
    pub take_profit: f64,
    /// MQL5 `deviation`, in points.
    pub deviation: u32,
    /// MQL5 `type_filling`; `None` where the action does not fill.
    pub filling: Option<Filling>,
    /// MQL5 `comment`: a hint for people.
    pub comment: String,
}

/// Names one send of one instance for good: in the gateway's inbox, over every restart and owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId {
    /// MQL5 `magic`: the tag of the intent, at most 53 bits.
    pub magic: u64,
    /// Counts the sends of the intent, from 1.
    pub attempt: u32,
}

/// What a trade request does (MQL5 `ENUM_TRADE_REQUEST_ACTIONS` with the order type).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OrderAction {
    /// A deal at the market (`TRADE_ACTION_DEAL`).
    Deal(
        /// Bought or sold.
        Side,
    ),
    /// A pending order (`TRADE_ACTION_PENDING`).
    Place(
        /// Bought or sold.
        Side,
        /// When it is triggered.
        Pending,
    ),
    /// Change stop loss and take profit of a position (`TRADE_ACTION_SLTP`).
    Protect {
        /// The position's ticket.
        position: u64,
    },
    /// Change price, stop loss and take profit of a pending order (`TRADE_ACTION_MODIFY`).
    Modify {
        /// The order's ticket.
        order: u64,
    },
    /// Remove a pending order (`TRADE_ACTION_REMOVE`).
    Cancel {
        /// The order's ticket.
        order: u64,
    },
    /// Close a position, or the given volume of it (`TRADE_ACTION_DEAL` with `position`).
    Close {
        /// The position's ticket.
        position: u64,
    },
}

/// When a pending order is triggered (MQL5 `ENUM_ORDER_TYPE` without its side).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pending {
    /// When the market is as good as its price or better.
    Limit,
    /// When the market has come to its price from the better side.
    Stop,
    /// A stop that places a limit order at this price (MQL5 `stoplimit`).
    StopLimit {
        /// The price of the limit order.
        limit: f64,
    },
}
