//! How accounts and symbols stand.

use warden_domain::{AccountMode, FillingModes, Lots, Points, Price, Quote, Session, TradeMode};

/// How the account and the watched symbols stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Market {
    /// MQL5 `ACCOUNT_MARGIN_MODE`.
    pub mode: AccountMode,
    /// MQL5 `ACCOUNT_BALANCE`, in the account's currency.
    pub balance: f64,
    /// MQL5 `ACCOUNT_EQUITY`, in the account's currency.
    pub equity: f64,
    /// The watched symbols that the trade server has.
    pub symbols: Vec<SymbolNow>,
}

/// What a symbol allows, and its present prices (MQL5 `SymbolInfo*`).
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolNow {
    /// Its name, such as `EURUSD`.
    pub name: String,
    /// MQL5 `SYMBOL_POINT`.
    pub point: Price,
    /// MQL5 `SYMBOL_TRADE_TICK_SIZE`.
    pub tick: Price,
    /// MQL5 `SYMBOL_TRADE_TICK_VALUE_LOSS`: of one lot, in the account's currency.
    pub tick_value: f64,
    /// MQL5 `SYMBOL_VOLUME_STEP`.
    pub volume_step: Lots,
    /// MQL5 `SYMBOL_VOLUME_MIN`.
    pub volume_min: Lots,
    /// MQL5 `SYMBOL_VOLUME_MAX`.
    pub volume_max: Lots,
    /// MQL5 `SYMBOL_TRADE_STOPS_LEVEL`.
    pub stops_level: Points,
    /// MQL5 `SYMBOL_TRADE_FREEZE_LEVEL`.
    pub freeze_level: Points,
    /// MQL5 `SYMBOL_FILLING_MODE`.
    pub filling: FillingModes,
    /// MQL5 `SYMBOL_TRADE_MODE`.
    pub trade_mode: TradeMode,
    /// What its session calendar says (MQL5 `SymbolInfoSessionTrade`).
    pub session: Session,
    /// Its prices; `None` when there are none, or the terminal's connection is lost.
    pub quote: Option<Quote>,
}
