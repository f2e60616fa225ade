use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use warden_domain::{ClientTradeId, Gate, InstanceId, Lots, Magic, Points, Price, Quote, Side};

use crate::{AccountRules, Budget, Money, Symbol};

/// What must be known of an account to plan a signal for it; borrowed from the driver. What is not known permits
/// nothing.
#[derive(Clone, Copy, Debug)]
pub struct AccountFacts<'a> {
    /// Which instance.
    pub instance: &'a InstanceId,
    /// The group it belongs to; empty when to none.
    pub group: &'a str,
    /// Its rules.
    pub rules: &'a AccountRules,
    /// Whether orders may leave, as the instance machine says.
    pub gate: Gate,
    /// Whether terminal and account permit trading.
    pub permitted: bool,
    /// MQL5 `ACCOUNT_BALANCE`.
    pub balance: Option<Money>,
    /// MQL5 `ACCOUNT_EQUITY`.
    pub equity: Option<Money>,
    /// What every open trade of ours is worth together, those on their way included; see [`SymbolFacts::notional`].
    pub exposure: Option<Money>,
    /// The broker's symbols, by the broker's names; accounts of one broker and currency share them.
    pub symbols: &'a BTreeMap<Symbol, SymbolFacts>,
    /// Whether a symbol that is not among them is not known to the broker; it is not known to us otherwise.
    pub all_symbols: bool,
    /// Our trades that have not ended, those on their way included, in the order of their tags.
    pub trades: &'a [OpenTrade],
    /// What is left of the order-rate budget: what the last plan for this account gave, else [`Budget::default`].
    pub budget: Budget,
}

impl AccountFacts<'_> {
    /// How many open trades there are; saturates.
    pub(crate) fn open(&self) -> u32 {
        u32::try_from(self.trades.len()).unwrap_or(u32::MAX)
    }
}

/// What a symbol is like at a broker, for an account of some currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolFacts {
    /// The smallest price step that points count (MQL5 `SYMBOL_POINT`).
    pub point: Price,
    /// The price step that the tick value is of (MQL5 `SYMBOL_TRADE_TICK_SIZE`).
    pub tick: Price,
    /// What one lot loses when the price goes one tick the wrong way, in the account's currency (MQL5
    /// `SYMBOL_TRADE_TICK_VALUE_LOSS`).
    pub tick_value: Option<Money>,
    /// MQL5 `SYMBOL_VOLUME_STEP`.
    pub volume_step: Lots,
    /// MQL5 `SYMBOL_VOLUME_MIN`.
    pub volume_min: Lots,
    /// MQL5 `SYMBOL_VOLUME_MAX`.
    pub volume_max: Lots,
    /// How near to the price a stop loss or take profit may be (MQL5 `SYMBOL_TRADE_STOPS_LEVEL`); one that is nearer is
    /// moved away when it is sent.
    pub stops_level: Points,
    /// The sides that may be opened (MQL5 `SYMBOL_TRADE_MODE`); `None` for close only and for disabled.
    pub opens: Option<crate::rules::Sides>,
    /// The present prices; `None` when they are not known or stale.
    pub quote: Option<Quote>,
}

/// A trade of ours that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTrade {
    /// Its tag.
    pub magic: Magic,
    /// The key of the signal that opened it.
    pub key: ClientTradeId,
    /// As the broker calls it.
    pub symbol: Symbol,
    /// Which way, at the broker.
    pub side: Side,
    /// Whether it goes the opposite way of its signal; [`Placing::reversed`](crate::Placing::reversed) of its intent.
    pub reversed: bool,
    /// How much of it is open, or will be.
    pub lots: Lots,
    /// How far it is.
    pub standing: Standing,
    /// The stop loss that shall stand.
    pub stop_loss: Option<Price>,
    /// The take profit that shall stand.
    pub take_profit: Option<Price>,
}

impl OpenTrade {
    /// Which way the source sees it.
    pub(crate) const fn source_side(&self) -> Side {
        if self.reversed { self.side.opposite() } else { self.side }
    }
}

/// How far a trade is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// Accepted or sent, and not yet seen at the broker.
    OnItsWay,
    /// An order that waits for its price.
    Resting {
        /// Its price; `None` where that is not known, as after a restart before the first look at the broker.
        price: Option<Price>,
    },
    /// A position.
    Open,
}
