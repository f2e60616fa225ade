//! TRD-2: slippage.
//!
//! Every order carries a `deviation` derived from the threshold: 3 % (`trade.slippage.percent`) of the price that was
//! asked for, or the symbol's own points where they are fewer. Filled beyond it, against us: what is open is cancelled,
//! what filled is flattened (`trade.slippage.filled`; kept, it is a position like any other), the trade ends `FAILED`,
//! people are told, and trading pauses (`trade.slippage.pauses`, growing). A fill within it ends that; the third slip in
//! a row (`trade.slippage.stop_after`) stops the instance.

use warden_domain::{Points, Price, Rounding, Rule, Side};

use super::{
    End, SymbolRules, Trade, TradeNotice, TroubleKind,
    step::Scene,
    tally::{normal, troubled},
};
use crate::{Params, params::Slipped};

/// The price went beyond the threshold before the order was sent.
pub(crate) struct Beyond;

/// How far from `reference` a fill may be, in points.
pub(crate) fn threshold(reference: Price, symbol: &SymbolRules, params: &Params) -> Points {
    // Some markets know negative prices: a share of one is as large as that of its opposite.
    let share = i128::from(reference.units().unsigned_abs()) * i128::from(params.slippage.percent.0) / 100;
    let share = Price::from_units(i64::try_from(share).unwrap_or(i64::MAX));
    let whole = share.to_step(symbol.point, Rounding::Down).ok();
    let points = whole.and_then(|share| share.points_from(Price::ZERO, symbol.point).ok());
    let points = points.unwrap_or_default();
    symbol.slippage.map_or(points, |own| own.min(points))
}

/// How far the price is from the reference, against us; negative where it is better.
fn against_us(side: Side, price: Price, reference: Price, symbol: &SymbolRules) -> Points {
    let above = price.points_from(reference, symbol.point).unwrap_or(Points(i64::MAX));
    match side {
        Side::Buy => above,
        Side::Sell => Points(above.0.saturating_neg()),
    }
}

/// What an order may deviate from the present price, so that its fill stays within the threshold of the reference.
pub(crate) fn deviation(
    side: Side,
    present: Price,
    reference: Price,
    symbol: &SymbolRules,
    params: &Params,
) -> Result<u32, Beyond> {
    let moved = against_us(side, present, reference, symbol).0.max(0);
    let left = threshold(reference, symbol, params).0 - moved;
    if left < 0 { Err(Beyond) } else { Ok(u32::try_from(left).unwrap_or(u32::MAX)) }
}

/// Something filled: judges it, once for each trade that slipped.
pub(crate) fn judge(t: &mut Trade, x: &mut Scene<'_>) {
    let (Some(opening), Some(reference)) = (t.intent.opening(), t.reference) else { return };
    if t.flags.slipped {
        return;
    }
    // Of an answer without a price the deal says it.
    let symbol = x.ctx.symbol.filter(|_| t.held.price != Price::ZERO);
    t.flags.unjudged = symbol.is_none();
    let Some(symbol) = symbol else { return };
    let moved = against_us(opening.side, t.held.price, reference, &symbol);
    if moved <= threshold(reference, &symbol, x.params) || broken!(SlippageUnjudged) {
        return normal(TroubleKind::Slippage, Rule::Trd2, x);
    }
    t.flags.slipped = true;
    x.fx.notify(Rule::Trd2, TradeNotice::SlippageExceeded);
    troubled(TroubleKind::Slippage, Rule::Trd2, 1, x);
    match x.params.slippage.filled {
        Slipped::Flatten => t.winding = Some(End::Slipped),
        // The rest is cancelled; what filled is a position like any other.
        Slipped::Keep => t.volume = t.held.filled,
    }
}
