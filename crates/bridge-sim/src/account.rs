use warden_domain::{AccountMode, Login, TradeServer};

use crate::engine::{History, PendingOrder, Position};

/// How an account stands at its broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// It may log in and trade.
    Enabled,
    /// The broker disabled it (ACC-1).
    Disabled,
    /// The broker deleted it (ACC-2).
    Closed,
}

/// What a broker limits an account to; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// Pending orders (MQL5 `ACCOUNT_LIMIT_ORDERS`); beyond it 10033.
    pub orders: usize,
    /// Open positions; beyond it 10040.
    pub positions: usize,
    /// Positions of a symbol are closed oldest first; else 10045 (MQL5 `ACCOUNT_FIFO_CLOSE`).
    pub fifo_close: bool,
    /// No positions of both sides in a symbol; else 10046.
    pub no_hedge: bool,
}

/// An account at a trade server.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) login: Login,
    pub(crate) server: usize,
    pub(crate) server_name: TradeServer,
    pub(crate) password: String,
    pub(crate) mode: AccountMode,
    pub(crate) state: AccountState,
    pub(crate) limits: AccountLimits,
    /// In its own currency; realised profit is added, what floats is not.
    pub(crate) balance: f64,
    /// Units of the contract one unit of the balance carries.
    pub(crate) leverage: f64,
    pub(crate) positions: Vec<Position>,
    pub(crate) orders: Vec<PendingOrder>,
    pub(crate) history: History,
}

impl Account {
    /// Whether prices can change it: an order waits, or a position has a stop loss or take profit.
    pub(crate) fn waits_for_prices(&self) -> bool {
        !self.orders.is_empty() || self.positions.iter().any(|p| p.stops.is_set())
    }
}
