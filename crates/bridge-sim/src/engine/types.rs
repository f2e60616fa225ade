use warden_bridge::{Order, SendId};
use warden_domain::{Filling, Side, Span, Timestamp, TradeMode, retcode::Retcode};

use crate::{ledger::Reason, symbol::SymbolSpec};

/// 1 for a buy, -1 for a sell: points times this are points won.
pub(crate) const fn sign(side: Side) -> i64 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
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

    /// As messages have it.
    pub(crate) fn told(self) -> warden_domain::Lots {
        warden_domain::Lots::from_units(i64::try_from(self.0).unwrap_or(i64::MAX))
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

    /// So many points lower, where they are set.
    pub(crate) fn lowered(self, by: i64) -> Self {
        let lower = |stop: i64| if stop == 0 { 0 } else { (stop - by).max(1) };
        Self { loss: lower(self.loss), profit: lower(self.profit) }
    }
}

/// Whose doing something is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Origin {
    /// As the broker keeps it.
    pub(crate) magic: u64,
    /// The send behind it; `None` for what people, other programs, prices and the gateway by itself did.
    pub(crate) send: Option<SendId>,
    /// The volume that a request to open asked for; none for all others.
    pub(crate) asked: Lots,
    /// The trade server's own repetition of a request.
    pub(crate) repeated: bool,
}

impl Origin {
    /// Nobody's but the holder of this tag.
    pub(crate) fn of(magic: u64) -> Self {
        Self { magic, ..Self::default() }
    }
}

/// An open position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Position {
    /// Of the order that opened it, or turned it.
    pub(crate) ticket: u64,
    /// MQL5 `POSITION_IDENTIFIER`: never changes.
    pub(crate) id: u64,
    pub(crate) magic: u64,
    pub(crate) symbol: usize,
    pub(crate) side: Side,
    pub(crate) volume: Lots,
    /// In points.
    pub(crate) price: i64,
    pub(crate) stops: Stops,
}

/// An open order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PendingOrder {
    pub(crate) ticket: u64,
    pub(crate) origin: Origin,
    pub(crate) symbol: usize,
    pub(crate) side: Side,
    pub(crate) kind: PendingKind,
    pub(crate) initial: Lots,
    /// What is not filled.
    pub(crate) volume: Lots,
    /// In points.
    pub(crate) price: i64,
    pub(crate) stops: Stops,
    /// The position that a part of it opened; 0 for none.
    pub(crate) position: u64,
}

/// When an open order is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PendingKind {
    /// When the market is as good as its price or better.
    Limit,
    /// When the market has come to its price from the better side.
    Stop,
    /// As a stop that becomes a limit order at this price, in points.
    StopLimit(i64),
    /// The rest of a market order: at the market from this moment on, or never.
    Rest(Option<Timestamp>),
}

/// Under which conditions a request is executed: the faults that stand at that moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Who asks.
    pub(crate) by: Reason,
    /// Refuse with this.
    pub(crate) refuse: Option<Retcode>,
    /// There is no quote.
    pub(crate) no_quote: bool,
    /// Fill only this part, in percent.
    pub(crate) fill: Option<u8>,
    /// When the rest of a part fills; `None` for never.
    pub(crate) rest: Option<Timestamp>,
    /// Fill worse by so many points, whatever deviation was asked for.
    pub(crate) slippage: i64,
    /// Execute deals twice.
    pub(crate) twice: bool,
    /// Answer a deal with 10008, order placed.
    pub(crate) placed: bool,
    /// Stop losses and take profits do nothing.
    pub(crate) misfire: bool,
    /// The broker forgets the request's tag.
    pub(crate) untagged: bool,
    /// What the account may trade, where that is less than the symbol allows.
    pub(crate) mode: Option<TradeMode>,
    /// The symbols' sessions are closed, whatever the calendar says.
    pub(crate) closed: bool,
    /// So late does what happens appear in the history.
    pub(crate) shown_after: Span,
}

impl Terms {
    /// Of somebody, with no fault.
    pub(crate) fn of(by: Reason) -> Self {
        Self {
            by,
            refuse: None,
            no_quote: false,
            fill: None,
            rest: None,
            slippage: 0,
            twice: false,
            placed: false,
            misfire: false,
            untagged: false,
            mode: None,
            closed: false,
            shown_after: Span::ZERO,
        }
    }
}

/// How much of a market order fills at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled {
    pub(super) now: Lots,
    /// Stays open.
    pub(super) rest: Lots,
    pub(super) wanted: Lots,
}

impl Filled {
    pub(super) fn of(now: Lots, wanted: Lots, filling: Filling) -> Self {
        let rest = match filling {
            Filling::FillOrKill | Filling::ImmediateOrCancel => Lots::default(),
            Filling::Return => wanted.without(now),
        };
        Self { now, rest, wanted }
    }

    pub(super) fn is_partial(self) -> bool {
        self.now < self.wanted
    }
}
