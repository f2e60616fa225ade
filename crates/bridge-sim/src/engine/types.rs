use serde::Serialize;
use warden_bridge::Order;
use warden_domain::retcode::Retcode;

use crate::symbol::SymbolSpec;

/// Bought or sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Bought; a long position.
    Buy,
    /// Sold; a short position.
    Sell,
}

impl Side {
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// 1 for a buy, -1 for a sell: points times this are points won.
    pub(crate) fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }
}

/// A volume in hundred-millionths of a lot, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lots(pub(crate) u64);

impl Lots {
    const SCALE: f64 = 1e8;

    /// From MT5's double; `None` for what is no volume.
    pub(crate) fn read(lots: f64) -> Option<Self> {
        (lots.is_finite() && (0.0..1e6).contains(&lots)).then(|| Self((lots * Self::SCALE).round() as u64))
    }

    pub(crate) fn lots(self) -> f64 {
        self.0 as f64 / Self::SCALE
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// What is left without `other`; none when that is more.
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Stop loss and take profit, in points; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stops {
    pub(crate) loss: i64,
    pub(crate) profit: i64,
}

impl Stops {
    pub(crate) fn of(order: &Order, spec: &SymbolSpec) -> Self {
        Self { loss: spec.points(order.stop_loss), profit: spec.points(order.take_profit) }
    }

    pub(crate) fn is_set(self) -> bool {
        self != Self::default()
    }
}

/// An open position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Position {
    pub(crate) ticket: u64,
    pub(crate) magic: u64,
    pub(crate) symbol: usize,
    pub(crate) side: Side,
    pub(crate) volume: Lots,
    /// In points.
    pub(crate) price: i64,
    pub(crate) stops: Stops,
}

/// A pending order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PendingOrder {
    pub(crate) ticket: u64,
    pub(crate) magic: u64,
    pub(crate) symbol: usize,
    pub(crate) side: Side,
    pub(crate) kind: PendingKind,
    pub(crate) volume: Lots,
    /// In points.
    pub(crate) price: i64,
    pub(crate) stops: Stops,
}

/// When a pending order is triggered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PendingKind {
    /// When the market is as good as its price or better.
    Limit,
    /// When the market has come to its price from the better side.
    Stop,
}

/// Under which conditions a request is executed: the faults that stand at that moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    /// Refuse with this.
    pub(crate) refuse: Option<Retcode>,
    /// There is no quote.
    pub(crate) no_quote: bool,
    /// Fill only this part, in percent.
    pub(crate) fill: Option<u8>,
    /// Fill worse by so many points, whatever deviation was asked for.
    pub(crate) slippage: i64,
    /// Execute deals twice.
    pub(crate) twice: bool,
    /// Answer a deal with 10008, order placed.
    pub(crate) placed: bool,
    /// Stop losses and take profits do nothing.
    pub(crate) misfire: bool,
}
