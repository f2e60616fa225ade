//! What a trade server checks before it executes.

use warden_bridge::Order;
use warden_domain::retcode::Retcode;

use super::{
    Desk, Refused, Side, Stops, code,
    types::{Lots, PendingOrder, Position},
};
use crate::{
    account::AccountMode,
    symbol::{SymbolSpec, TradeMode},
};

/// The volume as the symbol takes it.
pub(super) fn volume(spec: &SymbolSpec, lots: f64) -> Result<Lots, Refused> {
    let refused = Refused(code::INVALID_VOLUME);
    let [volume, least, most, step] = [lots, spec.volume_min, spec.volume_max, spec.volume_step]
        .map(|lots| Lots::read(lots).ok_or(refused));
    let (volume, step) = (volume?, step?);
    let fits = volume >= least? && volume <= most? && volume.0.checked_rem(step.0).unwrap_or(0) == 0;
    if fits { Ok(volume) } else { Err(refused) }
}

/// Stop loss and take profit stand on their sides of the price, at the stops level or beyond.
pub(super) fn stops(spec: &SymbolSpec, side: Side, price: i64, stops: Stops) -> Result<(), Refused> {
    let room = |stop: i64, sign: i64| stop == 0 || sign * (stop - price) >= spec.stops_level;
    let good = stops.loss >= 0
        && stops.profit >= 0
        && room(stops.loss, -side.sign())
        && room(stops.profit, side.sign());
    if good { Ok(()) } else { Err(Refused(code::INVALID_STOPS)) }
}

/// The price that was asked for lies within the deviation of the market's.
pub(super) fn deviation(spec: &SymbolSpec, order: &Order, market: i64) -> Result<(), Refused> {
    if order.price == 0.0 {
        return Ok(());
    }
    if !order.price.is_finite() || order.price < 0.0 {
        return Err(Refused(code::INVALID_PRICE));
    }
    let away = (spec.points(order.price) - market).abs();
    if away > i64::from(order.deviation) { Err(Refused(code::REQUOTE)) } else { Ok(()) }
}

impl Desk<'_> {
    /// Whether the account may take this on: trade mode, limits, hedge rule, margin.
    pub(super) fn may_open(&self, symbol: usize, side: Side, volume: Lots) -> Result<(), Refused> {
        let spec = self.market.spec(symbol);
        spec.opens(side).map_err(|mode| Refused(closed_to(mode)))?;
        let limits = self.account.limits;
        if limits.positions > 0 && self.account.positions.len() >= limits.positions {
            return Err(Refused(code::LIMIT_POSITIONS));
        }
        let of_symbol = || self.account.positions.iter().filter(move |p| p.symbol == symbol);
        if limits.no_hedge
            && self.account.mode == AccountMode::Hedging
            && of_symbol().any(|position| position.side != side)
        {
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

    pub(super) fn order(&self, ticket: u64) -> Result<PendingOrder, Refused> {
        let found = self.account.orders.iter().find(|order| order.ticket == ticket);
        found.copied().ok_or(Refused(code::INVALID_ORDER))
    }
}

fn closed_to(mode: TradeMode) -> Retcode {
    match mode {
        TradeMode::Disabled | TradeMode::Full => code::TRADE_DISABLED,
        TradeMode::LongOnly => code::LONG_ONLY,
        TradeMode::ShortOnly => code::SHORT_ONLY,
        TradeMode::CloseOnly => code::CLOSE_ONLY,
    }
}
