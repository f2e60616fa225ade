//! What a source wants, as it came in.

mod fields;
mod form;
mod json;
mod read;

use serde::{Deserialize, Serialize};
use warden_domain::{ClientTradeId, InstanceId, Lots, Price, Side, Span, Timestamp, named_enum};

use crate::{Group, Money, Percent, Source, Symbol};

/// One signal: what a source wants of one or many accounts. Never changes.
///
/// It is read from JSON ([`from_json`](Self::from_json)) or from the fields of a Redis Stream entry
/// ([`from_entry`](Self::from_entry)), by the same names; all values are text:
///
/// | field | of | value |
/// |---|---|---|
/// | `key` | all | 1 to 64 of `[A-Za-z0-9_-]`; the same key is the same signal |
/// | `source` | all | who made it |
/// | `created_at` | all | RFC 3339 |
/// | `valid_for` | all, optional | span with unit |
/// | `instance`, `instances`, `group` | all, exactly one | an id, ids separated by commas, a group's name |
/// | `action` | all | `open`, `modify`, `close`, `close-all` |
/// | `symbol` | open; modify and close, optional | as the source calls it |
/// | `side` | open; modify and close, optional | `BUY`, `SELL` |
/// | `kind` | open, optional | `MARKET`, `LIMIT`, `STOP`, `STOP_LIMIT` |
/// | `price` | open (at the market optional); modify, optional | the order's price; at the market the one the signal was made at |
/// | `trigger` | open of a `STOP_LIMIT` | MQL5 `stoplimit` |
/// | `stop_loss`, `take_profit` | open; modify, where `none` removes it | prices |
/// | `sizing` | open | `fixed`, `ratio`, `risk` |
/// | `lots` | `fixed` | lots |
/// | `source_lots`, `source_balance` | `ratio` | what the source trades, and its balance |
/// | `risk_percent`, `risk_of` | `risk`, the latter optional | percent of `balance` or `equity` that may be lost at the stop loss |
/// | `of` | modify and close, optional | the key of the signal that opened |
/// | `percent` | close, optional | how much of each position |
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "form::Form", into = "form::Form")]
pub struct Signal {
    /// Idempotency: a second signal with this key is the first one (TRD-4).
    pub key: ClientTradeId,
    /// Who made it.
    pub source: Source,
    /// When it was made, by the source's clock.
    pub created_at: Timestamp,
    /// How long after that it may be carried out (TRD-7).
    pub valid_for: Span,
    /// Whom it is for.
    pub target: Target,
    /// What is wanted.
    pub action: Action,
}

impl Signal {
    /// After this moment it is dropped and never sent (TRD-7).
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.after(self.valid_for)
    }
}

/// Whom a signal is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One instance.
    Instance(InstanceId),
    /// These instances: sorted, each once.
    List(Vec<InstanceId>),
    /// All instances of a group.
    Group(Group),
}

/// What a signal wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A new position, at the market or by a pending order.
    Open(Opening),
    /// Another price, stop loss or take profit of what is open.
    Modify(Modification),
    /// The end of what is open, or of a part of it.
    Close {
        /// Which trades.
        which: Which,
        /// How much of each.
        amount: Amount,
    },
    /// The end of everything of ours on the account.
    CloseAll,
}

/// A new position.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Opening {
    /// As the source calls it.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// How the order is executed, with its prices.
    pub entry: Entry,
    /// MQL5 `sl`; on the losing side of the entry.
    pub stop_loss: Option<Price>,
    /// MQL5 `tp`; on the winning side of the entry.
    pub take_profit: Option<Price>,
    /// How much.
    pub sizing: Sizing,
}

/// How an order is executed, with the prices it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Entry {
    /// At the present price.
    Market {
        /// The price the signal was made at, by which slippage is judged (TRD-2).
        reference: Option<Price>,
    },
    /// At this price or a better one.
    Limit {
        /// The order's price.
        price: Price,
    },
    /// At the market, once the price is as bad as this.
    Stop {
        /// The order's price.
        price: Price,
    },
    /// A limit order that a stop price triggers.
    StopLimit {
        /// The order's price.
        price: Price,
        /// MQL5 `stoplimit`.
        trigger: Price,
    },
}

/// How much is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sizing {
    /// These lots.
    Fixed {
        /// Lots.
        lots: Lots,
    },
    /// As many lots as the source trades, in proportion to the balances.
    Ratio {
        /// What the source trades.
        lots: Lots,
        /// The source's balance, in the account's currency.
        balance: Money,
    },
    /// So many lots that not more than a share of the account is lost at the stop loss.
    Risk {
        /// The share.
        percent: Percent,
        /// Of what.
        of: RiskOf,
    },
}

named_enum! {
    /// What a risk is a share of.
    RiskOf {
        /// MQL5 `ACCOUNT_BALANCE`.
        Balance = "balance",
        /// MQL5 `ACCOUNT_EQUITY`.
        Equity = "equity",
    }
}

/// Which open trades of ours are meant: those to which everything said here applies; something is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Which {
    /// Opened by the signal with this key.
    pub of: Option<ClientTradeId>,
    /// Of this symbol, as the source calls it.
    pub symbol: Option<Symbol>,
    /// Of this side, as the source sees it.
    pub side: Option<Side>,
}

/// How much of each trade is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Amount {
    /// All of it; pending orders are cancelled.
    All,
    /// A share of each position; pending orders stay.
    Share(Percent),
}

/// Another price, stop loss or take profit; at least one changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Modification {
    /// Which trades.
    pub which: Which,
    /// The new price of pending orders.
    pub price: Option<Price>,
    /// MQL5 `sl`.
    pub stop_loss: Change,
    /// MQL5 `tp`.
    pub take_profit: Change,
}

/// What becomes of a stop loss or take profit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It stays.
    Keep,
    /// It is removed.
    Remove,
    /// It stands here.
    Set(Price),
}

impl Change {
    /// What shall stand, where `present` stands now.
    #[must_use]
    pub const fn applied(self, present: Option<Price>) -> Option<Price> {
        match self {
            Self::Keep => present,
            Self::Remove => None,
            Self::Set(price) => Some(price),
        }
    }
}
