//! What is at the broker, and what became of sends.

use warden_domain::{Facts, Lots, Price, Side};

use super::TradeReply;

/// What is at the broker, in one reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The account that is logged in (MQL5 `ACCOUNT_LOGIN`); 0 for none.
    pub login: u64,
    /// Its trade server (MQL5 `ACCOUNT_SERVER`).
    pub server: String,
    /// The terminal is connected to it (MQL5 `TERMINAL_CONNECTED`).
    pub connected: bool,
    /// Every open order.
    pub orders: Vec<OpenOrder>,
    /// Every open position.
    pub positions: Vec<OpenPosition>,
    /// Ended orders that were asked for.
    pub past_orders: Vec<PastOrder>,
    /// Deals that were asked for, and those that close what a deal with an asked tag opened, whoever made them.
    pub deals: Vec<Deal>,
    /// The highest tickets of all orders, deals and positions that the terminal knows; 0 for none.
    pub newest: Tickets,
    /// What the gateway's inbox says of each send that was asked for, in that order; [`client`](crate::client) fills it in.
    pub sends: Vec<SendState>,
    /// Trade requests of the instance that wait in the gateway or run; [`client`](crate::client) fills it in.
    pub waiting: u32,
}

/// The highest tickets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tickets {
    /// Of an order.
    pub order: u64,
    /// Of a deal.
    pub deal: u64,
    /// Of a position.
    pub position: u64,
}

/// An open order (MQL5 `OrderGet*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// MQL5 `ORDER_TICKET`.
    pub ticket: u64,
    /// MQL5 `ORDER_MAGIC`.
    pub magic: u64,
    /// MQL5 `ORDER_SYMBOL`.
    pub symbol: String,
    /// Bought or sold.
    pub side: Side,
    /// What of it is not filled yet (MQL5 `ORDER_VOLUME_CURRENT`).
    pub volume: Lots,
    /// MQL5 `ORDER_PRICE_OPEN`.
    pub price: Price,
    /// MQL5 `ORDER_SL`.
    pub stop_loss: Option<Price>,
    /// MQL5 `ORDER_TP`.
    pub take_profit: Option<Price>,
}

/// An open position (MQL5 `PositionGet*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPosition {
    /// MQL5 `POSITION_TICKET`.
    pub ticket: u64,
    /// MQL5 `POSITION_MAGIC`.
    pub magic: u64,
    /// MQL5 `POSITION_SYMBOL`.
    pub symbol: String,
    /// Long or short.
    pub side: Side,
    /// MQL5 `POSITION_VOLUME`.
    pub volume: Lots,
    /// MQL5 `POSITION_PRICE_OPEN`.
    pub price: Price,
    /// MQL5 `POSITION_SL`.
    pub stop_loss: Option<Price>,
    /// MQL5 `POSITION_TP`.
    pub take_profit: Option<Price>,
}

/// An order that ended (MQL5 `HistoryOrderGet*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastOrder {
    /// MQL5 `ORDER_TICKET`.
    pub ticket: u64,
    /// MQL5 `ORDER_MAGIC`.
    pub magic: u64,
    /// MQL5 `ORDER_SYMBOL`.
    pub symbol: String,
    /// Bought or sold.
    pub side: Side,
    /// MQL5 `ORDER_VOLUME_INITIAL`.
    pub volume: Lots,
    /// MQL5 `ORDER_POSITION_ID`; 0 when it opened or closed none.
    pub position: u64,
}

/// A deal (MQL5 `HistoryDealGet*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    /// MQL5 `DEAL_TICKET`.
    pub ticket: u64,
    /// MQL5 `DEAL_ORDER`.
    pub order: u64,
    /// MQL5 `DEAL_POSITION_ID`.
    pub position: u64,
    /// MQL5 `DEAL_MAGIC`.
    pub magic: u64,
    /// MQL5 `DEAL_SYMBOL`.
    pub symbol: String,
    /// Bought or sold.
    pub side: Side,
    /// MQL5 `DEAL_ENTRY`.
    pub entry: DealEntry,
    /// MQL5 `DEAL_VOLUME`.
    pub volume: Lots,
    /// MQL5 `DEAL_PRICE`.
    pub price: Price,
}

/// What a deal did to its position (MQL5 `ENUM_DEAL_ENTRY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DealEntry {
    /// It opened or enlarged it (`DEAL_ENTRY_IN`).
    In,
    /// It closed it or a part of it (`DEAL_ENTRY_OUT`, `DEAL_ENTRY_OUT_BY`).
    Out,
    /// It turned it (`DEAL_ENTRY_INOUT`).
    InOut,
}

/// What the gateway's inbox says of a send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SendState {
    /// It never came, or the inbox was lost.
    Unseen,
    /// It waits in the queue, or is being carried out.
    InProgress,
    /// It came and was not started, and never will be: its deadline or epoch had passed.
    NotStarted,
    /// It was started, and the gateway or terminal ended before its end was known.
    Interrupted,
    /// It was answered.
    Answered {
        /// What was observed together with the call.
        facts: Facts,
        /// The trade server's answer; `None` when the call failed without one.
        reply: Option<TradeReply>,
    },
}
