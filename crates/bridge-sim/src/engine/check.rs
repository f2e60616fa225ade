//! What a trade server checks before it executes.

use warden_bridge::Order;
use warden_domain::{AccountMode, Filling, Side, TradeMode, retcode::Retcode};

use super::{Desk, Lots, PendingKind, PendingOrder, Position, Refused, Stops, code, sign};
use crate::symbol::SymbolSpec;

/// The volume as the symbol takes it.
pub(super) fn volume(spec: &SymbolSpec, lots: f64) -> Result<Lots, Refused> {
    let refused = Refused(code::INVALID_VOLUME);
    let [volume, least, most, step] = [lots, spec.volume_min, spec.volume_max, spec.volume_step]
        .map(|lots| Lots::read(lots).ok_or(refused));
    let (volume, step) = (volume?, step?);
    let fits = volume >= least? && volume <= most? && volume.0.checked_rem(step.0).unwrap_or(0) == 0;
    if fits { Ok(volume) } else { Err(refused) }
}

/// The filling mode, where the symbol allows it; without one it is all or nothing, as MQL5's `type_filling` of 0.
pub(super) fn filling(spec: &SymbolSpec, asked: Option<Filling>) -> Result<Filling, Refused> {
    let filling = asked.unwrap_or(Filling::FillOrKill);
    if spec.filling.contains(filling) { Ok(filling) } else { Err(Refused(code::INVALID_FILL)) }
}

/// Stop loss and take profit stand on their sides of the price, at the stops level or beyond.
pub(super) fn stops(spec: &SymbolSpec, side: Side, price: i64, stops: Stops) -> Result<(), Refused> {
    let room = |stop: i64, sign: i64| stop == 0 || sign * (stop - price) >= spec.stops_level;
    let good = stops.loss >= 0
        && stops.profit >= 0
        && room(stops.loss, -sign(side))
        && room(stops.profit, sign(side));
    if good { Ok(()) } else { Err(Refused(code::INVALID_STOPS)) }
}

/// The price that was asked for lies within the deviation of the market's.
pub(super) fn deviation(spec: &SymbolSpec, order: &Order, market: i64) -> Result<(), Refused> {
    if order.price == 0.0 {
        return Ok(());
    }
    let away = (price(spec, order.price)? - market).abs();
    if away > i64::from(order.deviation) { Err(Refused(code::REQUOTE)) } else { Ok(()) }
}

/// A price that is one, in points.
pub(super) fn price(spec: &SymbolSpec, price: f64) -> Result<i64, Refused> {
    if price.is_finite() && price > 0.0 { Ok(spec.points(price)) } else { Err(Refused(code::INVALID_PRICE)) }
}

/// A pending price lies on its side of the market, and the limit of a stop-limit order on its side of the stop.
pub(super) fn pending_price(
    spec: &SymbolSpec,
    side: Side,
    kind: PendingKind,
    price: i64,
    market: i64,
) -> Result<(), Refused> {
    let worse = |one: i64, other: i64| sign(side) * (one - other) >= spec.stops_level.max(1);
    let good = match kind {
        PendingKind::Limit => worse(market, price),
        PendingKind::Stop => worse(price, market),
        PendingKind::StopLimit(limit) => worse(price, market) && worse(price, limit),
        PendingKind::Rest(_) => false,
    };
    if good { Ok(()) } else { Err(Refused(code::INVALID_PRICE)) }
}

impl Desk<'_> {
    /// The symbol's session is open.
    pub(super) fn in_session(&self, symbol: usize) -> Result<(), Refused> {
        let open = self.market.is_open(symbol, self.now) && !self.terms.closed;
        if open { Ok(()) } else { Err(Refused(code::MARKET_CLOSED)) }
    }

    /// What the account may trade of a symbol.
    pub(super) fn mode(&self, spec: &SymbolSpec) -> TradeMode {
        self.terms.mode.unwrap_or(spec.trade_mode)
    }

    /// Whether the account may take this on: trade mode, limits, hedge rule, margin.
    pub(super) fn may_open(&self, symbol: usize, side: Side, volume: Lots) -> Result<(), Refused> {
        let spec = self.market.spec(symbol);
        let of_symbol = || self.account.positions.iter().filter(move |p| p.symbol == symbol);
        let netting = self.account.mode == AccountMode::Netting;
        let mode = self.mode(spec);
        let reduces = of_symbol().any(|p| netting && p.side != side && volume <= p.volume);
        if reduces && mode != TradeMode::Disabled {
            return Ok(());
        }
        opens(mode, side)?;
        let limits = self.account.limits;
        let one_more = !netting || of_symbol().next().is_none();
        if one_more && limits.positions > 0 && self.account.positions.len() >= limits.positions {
            return Err(Refused(code::LIMIT_POSITIONS));
        }
        if limits.no_hedge && !netting && of_symbol().any(|position| position.side != side) {
            return Err(Refused(code::HEDGE_PROHIBITED));
        }
        self.room_for(spec, symbol, volume)?;
        self.money_for(spec, symbol, volume)
    }

    pub(super) fn room_for(&self, spec: &SymbolSpec, symbol: usize, volume: Lots) -> Result<(), Refused> {
        let held = self.account.positions.iter().filter(|p| p.symbol == symbol).map(|p| p.volume);
        let waiting = self.account.orders.iter().filter(|o| o.symbol == symbol).map(|o| o.volume);
        let total = held.chain(waiting).fold(volume, Lots::plus);
        if spec.volume_limit > 0.0 && total.lots() > spec.volume_limit {
            return Err(Refused(code::LIMIT_VOLUME));
        }
        Ok(())
    }

    fn money_for(&self, spec: &SymbolSpec, symbol: usize, volume: Lots) -> Result<(), Refused> {
        let margin =
            |spec: &SymbolSpec, price, volume: Lots| spec.money(price, volume.lots()) / self.account.leverage;
        let used: f64 = self
            .account
            .positions
            .iter()
            .map(|p| margin(self.market.spec(p.symbol), p.price, p.volume))
            .sum();
        let price = self.market.quote(symbol, self.elapsed).ask;
        let enough = used + margin(spec, price, volume) <= self.account.balance;
        if enough { Ok(()) } else { Err(Refused(code::NO_MONEY)) }
    }

    pub(super) fn position(&self, ticket: u64) -> Result<Position, Refused> {
        let found = self.account.positions.iter().find(|position| position.ticket == ticket);
        found.copied().ok_or(Refused(code::POSITION_CLOSED))
    }

    /// An open order that may be changed: its session is open, and the market is not too close to it.
    pub(super) fn order(&self, ticket: u64) -> Result<PendingOrder, Refused> {
        let found = self.account.orders.iter().find(|order| order.ticket == ticket);
        let order = found.copied().ok_or(Refused(code::INVALID_ORDER))?;
        self.in_session(order.symbol)?;
        let away = match order.kind {
            PendingKind::Limit | PendingKind::Stop | PendingKind::StopLimit(_) => {
                let market = self.market.quote(order.symbol, self.elapsed).price(order.side);
                (order.price - market).abs()
            }
            PendingKind::Rest(_) => i64::MAX,
        };
        let frozen = away <= self.market.spec(order.symbol).freeze_level;
        if frozen { Err(Refused(code::FROZEN)) } else { Ok(order) }
    }
}

/// Whether a trade mode takes a position of this side.
fn opens(mode: TradeMode, side: Side) -> Result<(), Refused> {
    let refused: Retcode = match (mode, side) {
        (TradeMode::Full, _) | (TradeMode::LongOnly, Side::Buy) | (TradeMode::ShortOnly, Side::Sell) => {
            return Ok(());
        }
        (TradeMode::Disabled, _) => code::TRADE_DISABLED,
        (TradeMode::CloseOnly, _) => code::CLOSE_ONLY,
        (TradeMode::LongOnly, Side::Sell) => code::LONG_ONLY,
        (TradeMode::ShortOnly, Side::Buy) => code::SHORT_ONLY,
    };
    Err(Refused(refused))
}
