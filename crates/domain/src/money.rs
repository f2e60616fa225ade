//! Volumes and prices in fixed point.
//!
//! MT5 speaks in doubles; we compute in whole units, so that sums, comparisons and stored forms are exact.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

use crate::named::named_enum;

/// Units in one lot or in one of price: eight decimals.
const SCALE: i64 = 100_000_000;
const DECIMALS: usize = 8;

named_enum! {
    /// Which way a value goes that lies between two steps.
    Rounding {
        /// Towards zero: never more than was asked for.
        Down = "down",
        /// Away from zero: never less than was asked for.
        Up = "up",
        /// To the nearer step; from the middle away from zero.
        Nearest = "nearest",
    }
}

/// A volume in lots (MQL5 `volume`), in units of 0.00000001 lot.
///
/// Range ±92,233,720,368 lots. Written as decimal text in JSON, as the number of units in binary formats.
///
/// ```
/// use warden_domain::{Lots, Rounding};
///
/// let asked: Lots = "0.037".parse().unwrap();
/// let step: Lots = "0.01".parse().unwrap();
/// assert_eq!(asked.to_step(step, Rounding::Down).unwrap().to_string(), "0.03");
/// assert_eq!(Lots::from_f64(0.1 + 0.2).unwrap().to_string(), "0.3");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lots(i64);

/// A price, or a difference of two prices, in units of 0.00000001 of the quote currency.
///
/// Range ±92,233,720,368. Written as decimal text in JSON, as the number of units in binary formats.
///
/// ```
/// use warden_domain::{Points, Price};
///
/// let (asked, filled): (Price, Price) = ("1.10520".parse().unwrap(), "1.10535".parse().unwrap());
/// let point: Price = "0.00001".parse().unwrap();
/// assert_eq!(filled.points_from(asked, point).unwrap(), Points(15));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

/// A price difference in whole points; how much one point is, is a property of the symbol (MQL5 `SYMBOL_POINT`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Points(pub i64);

impl Points {
    /// The sum.
    ///
    /// # Errors
    /// When it is out of range.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::OutOfRange)
    }

    /// Without its sign: how far apart, whichever way.
    ///
    /// # Errors
    /// When it is out of range.
    pub fn distance(self) -> Result<Self, MoneyError> {
        self.0.checked_abs().map(Self).ok_or(MoneyError::OutOfRange)
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} points", self.0)
    }
}

impl Price {
    /// How many points this price is above `other` (below: negative), to the nearest point.
    ///
    /// # Errors
    /// When `point` is not more than zero, or the result is out of range.
    pub fn points_from(self, other: Self, point: Self) -> Result<Points, MoneyError> {
        let units = self.minus(other)?.to_step(point, Rounding::Nearest)?.0;
        Ok(Points(units / point.0))
    }

    /// This price and so many points more.
    ///
    /// # Errors
    /// When the result is out of range.
    pub fn plus_points(self, points: Points, point: Self) -> Result<Self, MoneyError> {
        let units = points.0.checked_mul(point.0).ok_or(MoneyError::OutOfRange)?;
        self.plus(Self(units))
    }
}

macro_rules! fixed_point {
    ($($name:ident),*) => {$(
        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// From units of 0.00000001.
            #[must_use]
            pub const fn from_units(units: i64) -> Self {
                Self(units)
            }

            /// In units of 0.00000001.
            #[must_use]
            pub const fn units(self) -> i64 {
                self.0
            }

            /// Reads one of MT5's doubles, rounded to the nearest unit, from the middle away from zero.
            ///
            /// # Errors
            /// When it is not a finite number, or out of range.
            pub fn from_f64(value: f64) -> Result<Self, MoneyError> {
                units_of(value).map(Self)
            }

            /// As a double for MT5, the nearest there is; exact back and forth below 90,000,000.
            #[must_use]
            pub fn to_f64(self) -> f64 {
                double_of(self.0)
            }

            /// The sum.
            ///
            /// # Errors
            /// When it is out of range.
            pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
                self.0.checked_add(other.0).map(Self).ok_or(MoneyError::OutOfRange)
            }

            /// The difference.
            ///
            /// # Errors
            /// When it is out of range.
            pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
                self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::OutOfRange)
            }

            /// A whole number of steps (MQL5 `SYMBOL_VOLUME_STEP`, `SYMBOL_TRADE_TICK_SIZE`).
            ///
            /// # Errors
            /// When `step` is not more than zero, or the result is out of range.
            pub fn to_step(self, step: Self, rounding: Rounding) -> Result<Self, MoneyError> {
                to_step(self.0, step.0, rounding).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&text_of(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), text_of(self.0))
            }
        }

        impl FromStr for $name {
            type Err = MoneyError;

            /// Reads plain decimals such as `-1.25`: no exponent, no grouping, at most eight decimals.
            fn from_str(text: &str) -> Result<Self, MoneyError> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(&text_of(self.0))
                } else {
                    serializer.serialize_i64(self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                    text.parse().map_err(D::Error::custom)
                } else {
                    i64::deserialize(deserializer).map(Self)
                }
            }
        }
    )*};
}

fixed_point!(Lots, Price);

/// Why a number is not a volume or a price.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// NaN or infinite.
    #[error("is not a finite number; check where it was computed")]
    NotFinite,
    /// More than the fixed-point form can hold.
    #[error("is out of range; volumes and prices lie within ±92,233,720,368")]
    OutOfRange,
    /// A step of zero or less.
    #[error("the step is not more than zero; read it from the symbol again")]
    Step,
    /// Not a plain decimal number of at most eight decimals.
    #[error("{0:?} is not a decimal number; write it like 1.10523, with at most 8 decimals")]
    Unreadable(String),
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the range is checked before"
)]
fn units_of(value: f64) -> Result<i64, MoneyError> {
    if !value.is_finite() {
        return Err(MoneyError::NotFinite);
    }
    let units = (value * SCALE as f64).round();
    // 2^63 is the first double past i64; its negative is i64::MIN itself, refused too to keep the range symmetric.
    if units.abs() >= 9_223_372_036_854_775_808.0 {
        return Err(MoneyError::OutOfRange);
    }
    Ok(units as i64)
}

#[expect(clippy::cast_precision_loss, reason = "a double is what MT5 takes; the loss is documented")]
fn double_of(units: i64) -> f64 {
    units as f64 / SCALE as f64
}

fn to_step(units: i64, step: i64, rounding: Rounding) -> Result<i64, MoneyError> {
    if step <= 0 {
        return Err(MoneyError::Step);
    }
    let (rest, whole) = (units % step, units - units % step);
    let away = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest != 0,
        Rounding::Nearest => rest.unsigned_abs() >= step.unsigned_abs() - rest.unsigned_abs(),
    };
    if !away {
        return Ok(whole);
    }
    whole.checked_add(step * units.signum()).ok_or(MoneyError::OutOfRange)
}

fn text_of(units: i64) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let (whole, rest) =
        (units.unsigned_abs() / SCALE.unsigned_abs(), units.unsigned_abs() % SCALE.unsigned_abs());
    let text = format!("{sign}{whole}.{rest:0DECIMALS$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn parse(text: &str) -> Result<i64, MoneyError> {
    let unreadable = || MoneyError::Unreadable(text.to_owned());
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(decimals) || decimals.len() > DECIMALS {
        return Err(unreadable());
    }
    let magnitude: i128 =
        format!("{whole}{decimals:0<DECIMALS$}").parse().map_err(|_| MoneyError::OutOfRange)?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| MoneyError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lots(text: &str) -> Lots {
        text.parse().unwrap()
    }

    #[test]
    fn a_double_becomes_the_nearest_unit_and_comes_back() {
        for text in ["0.01", "0.29", "1.10523", "0.00000001", "-3.7", "89999999.12345678"] {
            let value: f64 = text.parse().unwrap();
            assert_eq!(Price::from_f64(value).unwrap().to_string(), text);
            assert_eq!(Price::from_f64(value).unwrap().to_f64().to_bits(), value.to_bits());
        }
        assert_eq!(Lots::from_f64(0.000_000_005).unwrap().units(), 1);
        assert_eq!(Lots::from_f64(-0.000_000_005).unwrap().units(), -1);
    }

    #[test]
    fn a_double_that_is_no_amount_is_refused() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Lots::from_f64(value), Err(MoneyError::NotFinite));
        }
        for value in [1e11, -1e11, f64::MAX] {
            assert_eq!(Price::from_f64(value), Err(MoneyError::OutOfRange));
        }
    }

    #[test]
    fn a_volume_is_normalised_to_its_step() {
        let step = lots("0.01");
        for (asked, rounding, given) in [
            ("0.037", Rounding::Down, "0.03"),
            ("0.037", Rounding::Up, "0.04"),
            ("0.034", Rounding::Nearest, "0.03"),
            ("0.035", Rounding::Nearest, "0.04"),
            ("-0.035", Rounding::Nearest, "-0.04"),
            ("-0.037", Rounding::Down, "-0.03"),
            ("0.009", Rounding::Down, "0"),
            ("0.04", Rounding::Up, "0.04"),
        ] {
            assert_eq!(lots(asked).to_step(step, rounding).unwrap(), lots(given), "{asked} {rounding}");
        }
        assert_eq!(lots("1").to_step(Lots::ZERO, Rounding::Down), Err(MoneyError::Step));
        let largest = Lots::from_units(i64::MAX);
        assert_eq!(largest.to_step(step, Rounding::Up), Err(MoneyError::OutOfRange));
        // An odd step has no middle unit.
        let three = Lots::from_units(3);
        assert_eq!(Lots::from_units(4).to_step(three, Rounding::Nearest).unwrap(), three);
    }

    #[test]
    fn arithmetic_refuses_to_overflow() {
        let (most, least) = (Price::from_units(i64::MAX), Price::from_units(i64::MIN));
        assert_eq!(most.plus(Price::from_units(1)), Err(MoneyError::OutOfRange));
        assert_eq!(least.minus(Price::from_units(1)), Err(MoneyError::OutOfRange));
        assert_eq!(lots("0.1").plus(lots("0.2")).unwrap(), lots("0.3"));
        assert_eq!(most.plus_points(Points(i64::MAX), lots_as_price("2")), Err(MoneyError::OutOfRange));
        assert_eq!(Points(i64::MIN).distance(), Err(MoneyError::OutOfRange));
        assert_eq!(Points(-4).distance(), Ok(Points(4)));
        assert_eq!(Points(i64::MAX).plus(Points(1)), Err(MoneyError::OutOfRange));
    }

    fn lots_as_price(text: &str) -> Price {
        Price::from_units(lots(text).units())
    }

    #[test]
    fn points_and_prices_convert_back_and_forth() {
        let (price, point) = (lots_as_price("1.10520"), lots_as_price("0.00001"));
        let lower = price.plus_points(Points(-15), point).unwrap();
        assert_eq!(lower.to_string(), "1.10505");
        assert_eq!(lower.points_from(price, point).unwrap(), Points(-15));
        assert_eq!(price.points_from(lower, Price::ZERO), Err(MoneyError::Step));
    }

    #[test]
    fn text_is_read_exactly_or_refused() {
        for units in [0, 1, -1, 10, SCALE, -SCALE - 1, i64::MAX, i64::MIN] {
            let price = Price::from_units(units);
            assert_eq!(price.to_string().parse::<Price>().unwrap(), price);
        }
        for text in ["", "-", ".", "1.", ".5", "1e3", "+1", "1,5", " 1", "0.000000001", "nan", "--1", "1.-5"]
        {
            assert_eq!(text.parse::<Price>(), Err(MoneyError::Unreadable(text.to_owned())), "{text}");
        }
        for text in ["92233720368.54775808", "9".repeat(60).as_str()] {
            assert_eq!(text.parse::<Price>(), Err(MoneyError::OutOfRange));
        }
    }
}
