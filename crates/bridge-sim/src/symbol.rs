use warden_domain::{Filling, FillingModes, Price, TradeMode};

use crate::calendar::Calendar;

/// What a trade server says about a symbol (MQL5 `SymbolInfo*`).
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolSpec {
    /// Its name, such as `EURUSD`.
    pub name: String,
    /// Digits after the point of its prices, at most 8 (MQL5 `SYMBOL_DIGITS`); one point is `10^-digits`.
    pub digits: u32,
    /// Units of the base currency in a lot (MQL5 `SYMBOL_TRADE_CONTRACT_SIZE`).
    pub contract: f64,
    /// What one unit of the quote currency is worth in the accounts' currency.
    pub rate: f64,
    /// The smallest volume, in lots (MQL5 `SYMBOL_VOLUME_MIN`).
    pub volume_min: f64,
    /// The largest volume of one request, in lots (MQL5 `SYMBOL_VOLUME_MAX`).
    pub volume_max: f64,
    /// Volumes are multiples of it, in lots (MQL5 `SYMBOL_VOLUME_STEP`).
    pub volume_step: f64,
    /// The largest volume of positions and orders together, in lots; 0 for no limit (MQL5 `SYMBOL_VOLUME_LIMIT`).
    pub volume_limit: f64,
    /// The least distance of stops and pending prices from the market, in points (MQL5 `SYMBOL_TRADE_STOPS_LEVEL`).
    pub stops_level: i64,
    /// Closer than this to the market, orders cannot be changed, in points (MQL5 `SYMBOL_TRADE_FREEZE_LEVEL`).
    pub freeze_level: i64,
    /// Ask less bid, in points (MQL5 `SYMBOL_SPREAD`).
    pub spread: i64,
    /// How its orders may be filled (MQL5 `SYMBOL_FILLING_MODE`).
    pub filling: FillingModes,
    /// Which trades it takes (MQL5 `SYMBOL_TRADE_MODE`).
    pub trade_mode: TradeMode,
    /// When it is traded (MQL5 `SymbolInfoSessionTrade`).
    pub sessions: Calendar,
}

impl SymbolSpec {
    /// A currency pair as many brokers set it up: 0.01 to 100 lots, stops level 10 points, spread 12 points, filled at
    /// once or the rest cancelled; traded at all times, quoted in the accounts' currency.
    #[must_use]
    pub fn pair(name: &str, digits: u32) -> Self {
        Self {
            name: name.to_owned(),
            digits,
            contract: 100_000.0,
            rate: 1.0,
            volume_min: 0.01,
            volume_max: 100.0,
            volume_step: 0.01,
            volume_limit: 0.0,
            stops_level: 10,
            freeze_level: 2,
            spread: 12,
            filling: FillingModes::of(&[Filling::ImmediateOrCancel]),
            trade_mode: TradeMode::Full,
            sessions: Calendar::always(),
        }
    }

    /// A price in whole points; saturates.
    pub(crate) fn points(&self, price: f64) -> i64 {
        (price * self.scale()).round() as i64
    }

    /// Points as a price.
    pub(crate) fn price(&self, points: i64) -> f64 {
        points as f64 / self.scale()
    }

    /// Points as a price of a message.
    pub(crate) fn told(&self, points: i64) -> Price {
        Price::from_units(points.saturating_mul(10_i64.pow(8_u32.saturating_sub(self.digits))))
    }

    /// The price in the accounts' currency of `points` with `lots`.
    pub(crate) fn money(&self, points: i64, lots: f64) -> f64 {
        self.price(points) * self.contract * lots * self.rate
    }

    fn scale(&self) -> f64 {
        const SCALES: [f64; 9] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
        usize::try_from(self.digits).ok().and_then(|digits| SCALES.get(digits)).copied().unwrap_or(1e8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_prices_are_two_views_of_one_number() {
        let spec = SymbolSpec::pair("EURUSD", 5);
        for points in [107_216, 99_999, 1] {
            assert_eq!(spec.points(spec.price(points)), points);
            assert_eq!(spec.told(points).to_f64(), spec.price(points));
        }
        assert_eq!(spec.price(107_216), 1.07216);
    }
}
