use std::fmt;

use warden_domain::{Span, Timestamp};

use crate::rng::Rng;

/// A price over time, made of bars; it starts over when it ends.
///
/// Within a bar the price walks from the open to one extreme, to the other, and to the close: the low comes first in a
/// bar that rises, the high first in one that falls, as MetaTrader's tester has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    period: Span,
    bars: Vec<Bar>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bar {
    open: f64,
    high: f64,
    low: f64,
    close: f64,
}

impl Bars {
    /// The real EURUSD hours of spring 2017 that ship with the simulator.
    #[must_use]
    pub fn eurusd() -> Self {
        Self::parse(include_str!("../data/EURUSD_H1.csv")).expect("a test reads the shipped file")
    }

    /// Reads `time,open,high,low,close,…` with a header line; more columns are ignored.
    ///
    /// `time` is `2017-04-19 09:00:00`; the shortest step between two rows is the length of a bar, and gaps such as
    /// weekends are left out.
    ///
    /// # Errors
    /// Every line that is not a bar, is not later than the one before, or whose high or low is not one; or that there
    /// are fewer than two bars.
    pub fn parse(text: &str) -> Result<Self, Vec<BarFault>> {
        let mut faults = Vec::new();
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        if !lines.next().is_some_and(|(_, header)| header.starts_with("time,open,high,low,close")) {
            faults.push(BarFault {
                line: 1,
                what: "the header is not time,open,high,low,close; write it so".into(),
            });
        }
        let (mut bars, mut period, mut last) = (Vec::new(), Span::ZERO, None);
        for (line, row) in lines.filter(|(_, row)| !row.is_empty()) {
            match read_row(row, last) {
                Ok((time, bar)) => {
                    let step = last.map_or(Span::ZERO, |last| time.since(last));
                    if period == Span::ZERO || (step != Span::ZERO && step < period) {
                        period = step;
                    }
                    last = Some(time);
                    bars.push(bar);
                }
                Err(what) => faults.push(BarFault { line, what }),
            }
        }
        if faults.is_empty() && bars.len() < 2 {
            faults.push(BarFault { line: 1, what: "there are fewer than two bars; give more".into() });
        }
        if faults.is_empty() { Ok(Self { period, bars }) } else { Err(faults) }
    }

    /// A seeded walk of 1,000 minutes that starts at `start` and moves about `step` a minute.
    #[must_use]
    pub fn walk(seed: u64, name: &str, start: f64, step: f64) -> Self {
        let mut rng = Rng::new(seed, name);
        let mut open = start;
        let bars = (0..1_000).map(|_| {
            // Drawn back towards the start, so that no seed leads to a price of zero.
            let close = open + (rng.unit() - 0.5) * 2.0 * step + (start - open) * 0.02;
            let (above, below) = (rng.unit() * step, rng.unit() * step);
            let bar = Bar { open, high: open.max(close) + above, low: open.min(close) - below, close };
            open = close;
            bar
        });
        Self { period: Span::from_secs(60), bars: bars.collect() }
    }

    /// The price at a time since the world began.
    #[must_use]
    pub fn price(&self, elapsed: Span) -> f64 {
        let period = self.period.as_millis().max(1);
        let (number, inside) = (elapsed.as_millis() / period, elapsed.as_millis() % period);
        let count = u64::try_from(self.bars.len()).unwrap_or(u64::MAX);
        let at = usize::try_from(number % count).unwrap_or(0);
        self.bars[at].price(inside as f64 / period as f64)
    }
}

impl Bar {
    /// The price after this part of the bar, 0 to 1.
    fn price(self, part: f64) -> f64 {
        let (first, second) =
            if self.close >= self.open { (self.low, self.high) } else { (self.high, self.low) };
        let (from, to, leg) = match part * 3.0 {
            leg if leg < 1.0 => (self.open, first, leg),
            leg if leg < 2.0 => (first, second, leg - 1.0),
            leg => (second, self.close, leg - 2.0),
        };
        from + (to - from) * leg
    }
}

fn read_row(row: &str, last: Option<Timestamp>) -> Result<(Timestamp, Bar), String> {
    let columns: Vec<&str> = row.split(',').map(str::trim).collect();
    let [time, open, high, low, close, ..] = columns[..] else {
        return Err(format!("there are {} columns; give time,open,high,low,close", columns.len()));
    };
    let time = Timestamp::parse(&format!("{}Z", time.replacen(' ', "T", 1)))
        .map_err(|_| format!("{time:?} is not a time; write it like 2017-04-19 09:00:00"))?;
    if last.is_some_and(|last| time <= last) {
        return Err("its time is not later than that of the bar before; sort the bars".into());
    }
    let bar = Bar { open: price(open)?, high: price(high)?, low: price(low)?, close: price(close)? };
    if bar.high < bar.open.max(bar.close) || bar.low > bar.open.min(bar.close) {
        return Err("its high or low lies inside open and close; correct the bar".into());
    }
    Ok((time, bar))
}

fn price(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(price) if price.is_finite() && price > 0.0 => Ok(price),
        Ok(_) | Err(_) => Err(format!("{text:?} is not a price; give a number above 0")),
    }
}

/// What is wrong with a line of a price file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub what: String,
}

impl fmt::Display for BarFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_hours_are_read() {
        let bars = Bars::eurusd();
        assert_eq!((bars.bars.len(), bars.period), (300, Span::from_secs(3_600)));
        assert_eq!(bars.price(Span::ZERO), 1.0716);
    }

    #[test]
    fn the_price_walks_open_low_high_close_in_a_bar_that_rises() {
        let text = "time,open,high,low,close\n2020-01-01 00:00:00,5,9,3,6\n2020-01-01 00:01:00,6,6,4,5\n";
        let bars = Bars::parse(text).unwrap();
        let at = |secs| bars.price(Span::from_secs(secs));
        assert_eq!([at(0), at(20), at(40), at(60)], [5.0, 3.0, 9.0, 6.0]);
        assert!((at(59) - 6.15).abs() < 1e-9, "close to the close: {}", at(59));
        assert_eq!([at(80), at(100), at(120)], [6.0, 4.0, 5.0]);
    }

    #[test]
    fn every_bad_line_is_named() {
        let text = "time,open\n2020-01-01 00:00:00,5,9,3,6\nyesterday,1,1,1,1\n2020-01-01 00:00:00,5,9,3,6\n\
                    2020-01-02 00:00:00,5,4,3,6\n2020-01-03 00:00:00,5,x,3,6\n2020-01-04 00:00:00,5\n";
        let lines: Vec<usize> = Bars::parse(text).unwrap_err().iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [1, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_walk_is_told_by_its_seed_and_stays_above_zero() {
        let walk = |seed| Bars::walk(seed, "EURUSD", 1.1, 0.0003);
        assert_eq!(walk(1), walk(1));
        assert_ne!(walk(1), walk(2));
        let bars = walk(1);
        assert!((0..2_000).all(|minute| bars.price(Span::from_secs(minute * 60)) > 0.5));
    }
}
