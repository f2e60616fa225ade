//! Sides, volumes and prices of the contract: MT5's doubles on the wire, whole units in our own types.

use warden_domain::{Lots, Price, Side};

use super::{FrameFault, known};
use crate::wire;

/// A volume or a step of one; finite, in range and not negative.
pub(super) fn lots(field: &'static str, value: f64) -> Result<Lots, FrameFault> {
    let lots = Lots::from_f64(value).map_err(|_| FrameFault::OutOfRange(field))?;
    if lots < Lots::ZERO { Err(FrameFault::OutOfRange(field)) } else { Ok(lots) }
}

/// A price; finite and in range. Some markets know negative ones.
pub(super) fn price(field: &'static str, value: f64) -> Result<Price, FrameFault> {
    Price::from_f64(value).map_err(|_| FrameFault::OutOfRange(field))
}

/// A difference of prices, such as a tick; finite, in range and not negative.
pub(super) fn step(field: &'static str, value: f64) -> Result<Price, FrameFault> {
    let step = price(field, value)?;
    if step < Price::ZERO { Err(FrameFault::OutOfRange(field)) } else { Ok(step) }
}

/// A stop loss or a take profit; 0 is none.
pub(super) fn level(field: &'static str, value: f64) -> Result<Option<Price>, FrameFault> {
    Ok(Some(price(field, value)?).filter(|it| *it != Price::ZERO))
}

/// A stop loss or a take profit as MT5 writes it.
pub(super) fn level_value(level: Option<Price>) -> f64 {
    level.unwrap_or(Price::ZERO).to_f64()
}

pub(super) fn side(side: Side) -> wire::Side {
    match side {
        Side::Buy => wire::Side::Buy,
        Side::Sell => wire::Side::Sell,
    }
}

pub(super) fn read_side(number: i32) -> Result<Side, FrameFault> {
    match known("side", number)? {
        wire::Side::Unspecified => Err(FrameFault::Missing("side")),
        wire::Side::Buy => Ok(Side::Buy),
        wire::Side::Sell => Ok(Side::Sell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: &str = "field";
    const FAULT: FrameFault = FrameFault::OutOfRange(FIELD);

    #[test]
    fn what_is_no_finite_number_is_refused() {
        for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            assert_eq!(lots(FIELD, strange), Err(FAULT), "{strange}");
            assert_eq!(price(FIELD, strange), Err(FAULT), "{strange}");
            assert_eq!(step(FIELD, strange), Err(FAULT), "{strange}");
            assert_eq!(level(FIELD, strange), Err(FAULT), "{strange}");
        }
    }

    #[test]
    fn volumes_and_steps_are_not_negative_and_prices_may_be() {
        assert_eq!(lots(FIELD, -0.01), Err(FAULT));
        assert_eq!(step(FIELD, -0.01), Err(FAULT));
        assert_eq!(price(FIELD, -37.63).map(Price::to_f64), Ok(-37.63));
        assert_eq!(lots(FIELD, -0.0), Ok(Lots::ZERO));
    }

    #[test]
    fn no_level_is_zero_both_ways() {
        assert_eq!(level(FIELD, 0.0), Ok(None));
        assert_eq!(level(FIELD, level_value(None)), Ok(None));
        let stop = Some(Price::from_units(110_523_000));
        assert_eq!(level(FIELD, level_value(stop)), Ok(stop));
    }

    #[test]
    fn both_sides_come_back_and_no_other_is_taken() {
        for it in [Side::Buy, Side::Sell] {
            assert_eq!(read_side(side(it).into()), Ok(it));
        }
        assert_eq!(read_side(0), Err(FrameFault::Missing("side")));
        assert_eq!(read_side(3), Err(FrameFault::UnknownNumber { field: "side", number: 3 }));
    }
}
