//! What a request asks for, in the steps that the symbol allows (TRD-9: 10014, 10016).

use warden_domain::{Lots, OrderKind, Points, Price, Rounding, Side};

use super::{Opening, Protection, Quote, SymbolRules};

/// The volume in whole steps, never more than asked for; `None` when the symbol does not take it.
pub(crate) fn volume(asked: Lots, symbol: &SymbolRules) -> Option<Lots> {
    let volume = asked.to_step(symbol.volume_step, Rounding::Down).ok()?;
    (volume >= symbol.volume_min && volume <= symbol.volume_max && volume > Lots::ZERO).then_some(volume)
}

/// The price on the nearest tick.
pub(crate) fn price(asked: Price, symbol: &SymbolRules) -> Option<Price> {
    asked.to_step(symbol.tick, Rounding::Nearest).ok().filter(|price| *price > Price::ZERO)
}

/// From where an opening's stops are measured: its own price where it rests, the closing side of the quote otherwise.
pub(crate) fn stops_base(opening: &Opening, quote: Option<Quote>) -> Option<Price> {
    match opening.kind {
        OrderKind::Market => quote.map(|quote| quote.of(opening.side.opposite())),
        OrderKind::Limit | OrderKind::Stop => opening.price,
        OrderKind::StopLimit => opening.trigger.or(opening.price),
    }
}

/// Whether the price is beyond the stop loss already: what opened would be closed at once.
pub(crate) fn is_stopped_out(asked: Protection, side: Side, base: Option<Price>) -> bool {
    let beyond = |(stop, base): (Price, Price)| match side {
        Side::Buy => base <= stop,
        Side::Sell => base >= stop,
    };
    asked.stop_loss.zip(base).is_some_and(beyond)
}

/// Stop loss and take profit on ticks and, where `base` is known, no nearer to it than the stops level: moved away from
/// the price, never dropped.
pub(crate) fn protection(
    asked: Protection,
    side: Side,
    base: Option<Price>,
    symbol: &SymbolRules,
) -> Protection {
    let (below, above) = match base {
        Some(base) => (shifted(base, symbol, -1), shifted(base, symbol, 1)),
        None => (None, None),
    };
    let lower = |asked: Price| below.map_or(asked, |most| asked.min(most));
    let higher = |asked: Price| above.map_or(asked, |least| asked.max(least));
    let (stop_loss, take_profit) = match side {
        Side::Buy => (asked.stop_loss.map(lower), asked.take_profit.map(higher)),
        Side::Sell => (asked.stop_loss.map(higher), asked.take_profit.map(lower)),
    };
    let on_tick = |level: Price| price(level, symbol).unwrap_or(level);
    Protection { stop_loss: stop_loss.map(on_tick), take_profit: take_profit.map(on_tick) }
}

fn shifted(base: Price, symbol: &SymbolRules, sign: i64) -> Option<Price> {
    let away = Points(symbol.stops_level.0.max(0).checked_mul(sign)?);
    base.plus_points(away, symbol.point).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trade::{FillingModes, TradeMode};

    fn symbol() -> SymbolRules {
        SymbolRules {
            point: "0.00001".parse().unwrap(),
            tick: "0.00005".parse().unwrap(),
            volume_step: "0.01".parse().unwrap(),
            volume_min: "0.01".parse().unwrap(),
            volume_max: "50".parse().unwrap(),
            stops_level: Points(20),
            freeze_level: Points(0),
            filling: FillingModes::default(),
            trade_mode: TradeMode::Full,
            slippage: None,
        }
    }

    #[test]
    fn trd_9_a_volume_is_never_more_than_asked_for() {
        let normal = |text: &str| volume(text.parse().unwrap(), &symbol()).map(|lots| lots.to_string());
        assert_eq!(normal("0.037").as_deref(), Some("0.03"));
        assert_eq!(normal("0.009"), None, "below the smallest");
        assert_eq!(normal("50.01"), None, "above the largest");
    }

    #[test]
    fn trd_9_stops_are_moved_away_from_the_price_never_dropped() {
        let level = |text: &str| Some(text.parse::<Price>().unwrap());
        let asked = Protection { stop_loss: level("1.10495"), take_profit: level("1.10502") };
        let got = protection(asked, Side::Buy, level("1.10500"), &symbol());
        assert_eq!(got, Protection { stop_loss: level("1.1048"), take_profit: level("1.1052") });
        let short = Protection { stop_loss: level("1.10502"), take_profit: level("1.10200") };
        let got = protection(short, Side::Sell, level("1.10500"), &symbol());
        assert_eq!(got, Protection { stop_loss: level("1.1052"), take_profit: level("1.102") });
        let far = Protection { stop_loss: level("1.10003"), take_profit: None };
        assert_eq!(
            protection(far, Side::Buy, None, &symbol()),
            Protection { stop_loss: level("1.10005"), take_profit: None }
        );
    }
}
