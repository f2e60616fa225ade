use warden_domain::{Session, Side, Span, Timestamp};

use super::{Desk, Refused, code};
use crate::{bars::Bars, symbol::SymbolSpec};

/// The symbols that are traded, each with its price over time.
#[derive(Clone, Debug)]
pub struct Market {
    symbols: Vec<(SymbolSpec, Bars)>,
}

/// The market of a symbol, in points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(crate) bid: i64,
    pub(crate) ask: i64,
}

impl Market {
    /// A market of these symbols; a position names its symbol by the place in this list.
    #[must_use]
    pub fn new(symbols: Vec<(SymbolSpec, Bars)>) -> Self {
        Self { symbols }
    }

    /// EURUSD along `bars`, USDJPY and GBPUSD on seeded walks: three pairs that fill in different ways.
    #[must_use]
    pub fn usual(eurusd: Bars, seed: u64) -> Self {
        use warden_domain::{Filling, FillingModes};
        let modes = FillingModes::of;
        let dollar = 1.0 / 110.0;
        let usdjpy = SymbolSpec {
            filling: modes(&[Filling::FillOrKill, Filling::ImmediateOrCancel]),
            rate: dollar,
            ..SymbolSpec::pair("USDJPY", 3)
        };
        let gbpusd = SymbolSpec { filling: modes(&[Filling::Return]), ..SymbolSpec::pair("GBPUSD", 5) };
        Self::new(vec![
            (SymbolSpec::pair("EURUSD", 5), eurusd),
            (usdjpy, Bars::walk(seed, "USDJPY", 110.0, 0.03)),
            (gbpusd, Bars::walk(seed, "GBPUSD", 1.25, 0.0003)),
        ])
    }

    pub(crate) fn len(&self) -> usize {
        self.symbols.len()
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.symbols.iter().position(|(spec, _)| spec.name == name)
    }

    pub(crate) fn spec(&self, symbol: usize) -> &SymbolSpec {
        &self.symbols[symbol].0
    }

    pub(crate) fn is_open(&self, symbol: usize, now: Timestamp) -> bool {
        self.spec(symbol).sessions.at(now) == Session::Open
    }

    pub(crate) fn quote(&self, symbol: usize, elapsed: Span) -> Quote {
        let (spec, bars) = &self.symbols[symbol];
        let bid = spec.points(bars.price(elapsed));
        Quote { bid, ask: bid + spec.spread }
    }
}

impl Quote {
    /// What a deal of this side costs.
    pub(crate) fn price(self, side: Side) -> i64 {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }
}

impl Desk<'_> {
    /// The symbol and its quote, or why there is none.
    pub(super) fn quoted(&self, name: &str) -> Result<(usize, Quote), Refused> {
        let symbol = self.market.find(name).ok_or(Refused(code::INVALID))?;
        self.in_session(symbol)?;
        if self.terms.no_quote {
            return Err(Refused(code::PRICE_OFF));
        }
        Ok((symbol, self.market.quote(symbol, self.elapsed)))
    }
}
