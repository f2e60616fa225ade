//! How many lots: whole numbers only, rounded down, never up.

use warden_domain::{Lots, Price, Rounding};

use crate::{Factor, Money, Percent, SymbolFacts};

/// Units in one of lots, price or money; in one of the four-decimal numbers; in one percent of a whole.
const ONE: u64 = 100_000_000;
const COARSE_ONE: u64 = 10_000;
const PERCENT_WHOLE: u64 = 1_000_000;

/// These lots, so many times.
pub(crate) fn fixed(lots: Lots, times: Factor) -> Option<Lots> {
    lots_of(quotient([units(lots.units())?, u64::from(times.units()), 1], [COARSE_ONE, 1, 1])?)
}

/// What the source trades, in proportion to the balances.
pub(crate) fn ratio(lots: Lots, source: Money, balance: Money, times: Factor) -> Option<Lots> {
    let over = [units(lots.units())?, units(balance.units())?, u64::from(times.units())];
    lots_of(quotient(over, [units(source.units())?, COARSE_ONE, 1])?)
}

/// A share of what there is.
pub(crate) fn share(lots: Lots, percent: Percent) -> Option<Lots> {
    lots_of(quotient([units(lots.units())?, u64::from(percent.units()), 1], [PERCENT_WHOLE, 1, 1])?)
}

/// As many lots as lose not more than the share of `basis` when the price goes as far as `distance`.
///
/// A lot loses `distance / tick × tick_value`; the share is `basis × percent`. In units, and in one fraction so that
/// nothing is rounded before the end: `basis × percent × tick × times` over `distance × tick_value`.
pub(crate) fn risk(
    basis: Money,
    percent: Percent,
    distance: Price,
    tick: Price,
    tick_value: Money,
    times: Factor,
) -> Option<Lots> {
    let over = [
        units(basis.units())?,
        u64::from(percent.units()),
        units(tick.units())?,
        u64::from(times.units()),
        ONE / PERCENT_WHOLE,
    ];
    lots_of(quotient(over, [units(distance.units())?, units(tick_value.units())?, COARSE_ONE])?)
}

/// A whole number of steps, not more than `lots`.
pub(crate) fn down(lots: Lots, step: Lots) -> Option<Lots> {
    lots.to_step(step, Rounding::Down).ok()
}

/// A whole number of steps, not less than `lots`.
pub(crate) fn up(lots: Lots, step: Lots) -> Option<Lots> {
    lots.to_step(step, Rounding::Up).ok()
}

impl SymbolFacts {
    /// What so many lots are worth at this price in the account's currency, rounded up: `lots × price / tick × tick
    /// value`. `None` when the tick value is not known, something is not above zero, or the amount is out of range.
    ///
    /// ```
    /// use warden_distribution::{SymbolFacts, rules::Sides};
    /// use warden_domain::Points;
    ///
    /// let symbol = SymbolFacts {
    ///     point: "0.00001".parse()?,
    ///     tick: "0.00001".parse()?,
    ///     tick_value: Some("1".parse()?),
    ///     volume_step: "0.01".parse()?,
    ///     volume_min: "0.01".parse()?,
    ///     volume_max: "100".parse()?,
    ///     stops_level: Points(0),
    ///     opens: Some(Sides::Both),
    ///     quote: None,
    /// };
    /// let worth = symbol.notional("0.5".parse()?, "1.10000".parse()?).unwrap();
    /// assert_eq!(worth.to_string(), "55000");
    /// # Ok::<(), warden_domain::MoneyError>(())
    /// ```
    #[must_use]
    pub fn notional(&self, lots: Lots, price: Price) -> Option<Money> {
        let over = [units(lots.units())?, units(price.units())?, units(self.tick_value?.units())?];
        let under = [units(self.tick.units())?, ONE, 1];
        let (whole, rest) = divided(over, under)?;
        let rounded = whole.checked_add(u128::from(rest > 0))?;
        i64::try_from(rounded).ok().map(Money::from_units)
    }
}

/// Above zero, or nothing.
fn units(units: i64) -> Option<u64> {
    u64::try_from(units).ok().filter(|units| *units > 0)
}

fn lots_of(units: u128) -> Option<Lots> {
    i64::try_from(units).ok().map(Lots::from_units)
}

fn quotient<const N: usize, const M: usize>(over: [u64; N], under: [u64; M]) -> Option<u128> {
    divided(over, under).map(|(whole, _)| whole)
}

/// The product of the first over that of the second, whole and rest; shortened first where it is too large.
fn divided<const N: usize, const M: usize>(over: [u64; N], under: [u64; M]) -> Option<(u128, u128)> {
    let direct = || Some((product(&over)?, product(&under)?));
    let (over, under) = direct().or_else(|| {
        let (over, under) = shortened(over, under);
        Some((product(&over)?, product(&under)?))
    })?;
    Some((over.checked_div(under)?, over.checked_rem(under)?))
}

fn product(factors: &[u64]) -> Option<u128> {
    factors.iter().try_fold(1_u128, |product, factor| product.checked_mul(u128::from(*factor)))
}

fn shortened<const N: usize, const M: usize>(
    mut over: [u64; N],
    mut under: [u64; M],
) -> ([u64; N], [u64; M]) {
    for above in &mut over {
        for below in &mut under {
            let common = divisor(*above, *below);
            (*above, *below) = (*above / common, *below / common);
        }
    }
    (over, under)
}

/// The greatest common divisor of two numbers above zero.
const fn divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn of<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    #[test]
    fn a_risk_becomes_lots() {
        // 1 % of 10,000 is 100; 50 points at 1 a point lose 50 a lot.
        let lots = risk(of("10000"), of("1"), of("0.00050"), of("0.00001"), of("1"), Factor::ONE);
        assert_eq!(lots, Some(of("2")));
        let lots = risk(of("10000"), of("1"), of("0.00051"), of("0.00001"), of("1"), of("0.5"));
        assert_eq!(lots, Some(of("0.98039215")));
    }

    #[test]
    fn a_ratio_follows_the_balances() {
        assert_eq!(ratio(of("1"), of("100000"), of("2500"), Factor::ONE), Some(of("0.025")));
        assert_eq!(ratio(of("0.1"), of("3"), of("1"), of("2")), Some(of("0.06666666")));
    }

    #[test]
    fn what_is_not_above_zero_or_too_large_is_no_number() {
        assert_eq!(ratio(of("1"), Money::ZERO, of("1"), Factor::ONE), None);
        assert_eq!(ratio(of("1"), of("1"), of("-5"), Factor::ONE), None);
        assert_eq!(fixed(Lots::from_units(i64::MAX), of("10000")), None);
        assert_eq!(
            ratio(Lots::from_units(i64::MAX), of("0.00000001"), Money::from_units(i64::MAX), of("10000")),
            None
        );
        assert_eq!(down(of("1"), Lots::ZERO), None);
    }

    #[test]
    fn the_smallest_rest_of_a_worth_is_rounded_up() {
        let one = SymbolFacts {
            point: Price::from_units(1),
            tick: Price::from_units(1),
            tick_value: Some(Money::from_units(1)),
            volume_step: of("1"),
            volume_min: of("1"),
            volume_max: of("1"),
            stops_level: warden_domain::Points(0),
            opens: None,
            quote: None,
        };
        assert_eq!(one.notional(Lots::from_units(1), Price::from_units(1)), Some(Money::from_units(1)));
        assert_eq!(one.notional(of("1"), Price::from_units(1)), Some(Money::from_units(1)));
        assert_eq!(one.notional(of("1"), Price::ZERO), None);
    }

    #[test]
    fn a_fraction_whose_factors_are_large_is_shortened() {
        let large = i64::MAX as u64 - 1;
        assert_eq!(quotient([large, large, large, 7], [large, large, large]), Some(7));
        assert_eq!(quotient([large, large, 1], [large, 1, 1]), Some(u128::from(large)));
    }
}
