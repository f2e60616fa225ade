//! `Market` of the contract.

use warden_domain::{AccountMode, Filling, FillingModes, Points, Quote, Session, Timestamp, TradeMode};

use super::{
    FrameFault, LONGEST_SYMBOL, bounded, few, finite, known,
    money::{lots, price, step},
    order::{filling, read_filling},
    short,
};
use crate::{Market, SnapshotQuery, SymbolNow, wire};

/// So many symbols that the receiver still refuses too many of them, yet the frame never is oversized.
const KEPT: usize = SnapshotQuery::MOST + 1;

pub(crate) fn encode(market: &Market) -> wire::Market {
    let mode = match market.mode {
        AccountMode::Netting => wire::AccountMode::Netting,
        AccountMode::Hedging => wire::AccountMode::Hedging,
    };
    wire::Market {
        mode: mode.into(),
        balance: market.balance,
        equity: market.equity,
        symbols: market.symbols.iter().take(KEPT).map(symbol).collect(),
    }
}

pub(crate) fn decode(market: wire::Market) -> Result<Market, FrameFault> {
    let symbols = few("symbols", market.symbols, SnapshotQuery::MOST)?;
    Ok(Market {
        mode: match known("mode", market.mode)? {
            wire::AccountMode::Unspecified => return Err(FrameFault::Missing("mode")),
            wire::AccountMode::Netting => AccountMode::Netting,
            wire::AccountMode::Hedging => AccountMode::Hedging,
        },
        balance: finite("balance", market.balance)?,
        equity: finite("equity", market.equity)?,
        symbols: symbols.into_iter().map(read_symbol).collect::<Result<_, _>>()?,
    })
}

fn symbol(it: &SymbolNow) -> wire::SymbolNow {
    let (session_open, opens_at) = match it.session {
        Session::Open => (true, None),
        Session::Closed { opens_at } => (false, opens_at),
    };
    wire::SymbolNow {
        name: bounded(&it.name, LONGEST_SYMBOL),
        point: it.point.to_f64(),
        tick: it.tick.to_f64(),
        tick_value: it.tick_value,
        volume_step: it.volume_step.to_f64(),
        volume_min: it.volume_min.to_f64(),
        volume_max: it.volume_max.to_f64(),
        stops_level: it.stops_level.0,
        freeze_level: it.freeze_level.0,
        filling: modes(it.filling),
        trade_mode: trade_mode(it.trade_mode).into(),
        session_open,
        opens_at_ms: opens_at.map(Timestamp::as_millis),
        quote: it.quote.map(|it| wire::Quote { bid: it.bid.to_f64(), ask: it.ask.to_f64() }),
    }
}

fn read_symbol(it: wire::SymbolNow) -> Result<SymbolNow, FrameFault> {
    if it.name.is_empty() {
        return Err(FrameFault::Missing("symbols.name"));
    }
    Ok(SymbolNow {
        name: short("symbols.name", it.name, LONGEST_SYMBOL)?,
        point: step("symbols.point", it.point)?,
        tick: step("symbols.tick", it.tick)?,
        tick_value: finite("symbols.tick_value", it.tick_value)?,
        volume_step: lots("symbols.volume_step", it.volume_step)?,
        volume_min: lots("symbols.volume_min", it.volume_min)?,
        volume_max: lots("symbols.volume_max", it.volume_max)?,
        stops_level: points("symbols.stops_level", it.stops_level)?,
        freeze_level: points("symbols.freeze_level", it.freeze_level)?,
        filling: read_modes(&it.filling)?,
        trade_mode: read_trade_mode(it.trade_mode)?,
        session: match it.session_open {
            true => Session::Open,
            false => Session::Closed { opens_at: it.opens_at_ms.map(Timestamp::from_millis) },
        },
        quote: it.quote.map(read_quote).transpose()?,
    })
}

fn read_quote(quote: wire::Quote) -> Result<Quote, FrameFault> {
    Ok(Quote { bid: price("quote.bid", quote.bid)?, ask: price("quote.ask", quote.ask)? })
}

fn points(field: &'static str, points: i64) -> Result<Points, FrameFault> {
    if points < 0 { Err(FrameFault::OutOfRange(field)) } else { Ok(Points(points)) }
}

fn modes(modes: FillingModes) -> Vec<i32> {
    let all = [Filling::FillOrKill, Filling::ImmediateOrCancel, Filling::Return];
    all.into_iter().filter(|it| modes.contains(*it)).map(|it| filling(it).into()).collect()
}

fn read_modes(numbers: &[i32]) -> Result<FillingModes, FrameFault> {
    let mode = |number: &i32| read_filling(*number)?.ok_or(FrameFault::Missing("filling"));
    let modes = numbers.iter().map(mode).collect::<Result<Vec<_>, _>>()?;
    Ok(FillingModes::of(&modes))
}

fn trade_mode(mode: TradeMode) -> wire::TradeMode {
    match mode {
        TradeMode::Full => wire::TradeMode::Full,
        TradeMode::LongOnly => wire::TradeMode::LongOnly,
        TradeMode::ShortOnly => wire::TradeMode::ShortOnly,
        TradeMode::CloseOnly => wire::TradeMode::CloseOnly,
        TradeMode::Disabled => wire::TradeMode::Disabled,
    }
}

fn read_trade_mode(number: i32) -> Result<TradeMode, FrameFault> {
    match known("trade_mode", number)? {
        wire::TradeMode::Unspecified => Err(FrameFault::Missing("trade_mode")),
        wire::TradeMode::Full => Ok(TradeMode::Full),
        wire::TradeMode::LongOnly => Ok(TradeMode::LongOnly),
        wire::TradeMode::ShortOnly => Ok(TradeMode::ShortOnly),
        wire::TradeMode::CloseOnly => Ok(TradeMode::CloseOnly),
        wire::TradeMode::Disabled => Ok(TradeMode::Disabled),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use prost::Message as _;
    use warden_domain::{Lots, Price};

    use super::{super::LONGEST_FRAME, *};

    pub(crate) fn market() -> Market {
        let symbol = SymbolNow {
            name: "EURUSD".into(),
            point: Price::from_units(1_000),
            tick: Price::from_units(1_000),
            tick_value: 1.0,
            volume_step: Lots::from_units(1_000_000),
            volume_min: Lots::from_units(1_000_000),
            volume_max: Lots::from_units(50_000_000_000),
            stops_level: Points(10),
            freeze_level: Points(0),
            filling: FillingModes::of(&[Filling::FillOrKill, Filling::Return]),
            trade_mode: TradeMode::Full,
            session: Session::Open,
            quote: Some(Quote { bid: Price::from_units(110_523_000), ask: Price::from_units(110_531_000) }),
        };
        let closed = SymbolNow {
            name: "GER40".into(),
            session: Session::Closed { opens_at: Some(Timestamp::from_millis(1_700_000_000_000)) },
            quote: None,
            ..symbol.clone()
        };
        Market { mode: AccountMode::Hedging, balance: 10_000.0, equity: -3.5, symbols: vec![symbol, closed] }
    }

    #[test]
    fn a_market_comes_back() {
        assert_eq!(decode(encode(&market())), Ok(market()));
        for mode in [
            TradeMode::Full,
            TradeMode::LongOnly,
            TradeMode::ShortOnly,
            TradeMode::CloseOnly,
            TradeMode::Disabled,
        ] {
            let mut sent = market();
            sent.mode = AccountMode::Netting;
            sent.symbols[0].trade_mode = mode;
            sent.symbols[1].session = Session::Closed { opens_at: None };
            assert_eq!(decode(encode(&sent)), Ok(sent));
        }
        for bits in 0..8 {
            let all = [Filling::FillOrKill, Filling::ImmediateOrCancel, Filling::Return];
            let some: Vec<_> = all.into_iter().filter(|it| bits & (1 << *it as u8) != 0).collect();
            let some = FillingModes::of(&some);
            assert_eq!(read_modes(&modes(some)), Ok(some));
        }
    }

    #[test]
    fn the_largest_market_fits_in_a_frame_and_a_larger_one_is_refused() {
        let mut large = market();
        let mut widest = large.symbols[1].clone();
        widest.name = "😀".repeat(64);
        widest.stops_level = Points(i64::MAX);
        widest.freeze_level = Points(i64::MAX);
        widest.session = Session::Closed { opens_at: Some(Timestamp::from_millis(-1)) };
        widest.quote = large.symbols[0].quote;
        large.symbols = vec![widest.clone(); SnapshotQuery::MOST];
        assert!(encode(&large).encoded_len() < LONGEST_FRAME - 512);
        assert_eq!(decode(encode(&large)), Ok(large.clone()));
        large.symbols = vec![widest; 10_000];
        assert!(encode(&large).encoded_len() < LONGEST_FRAME - 512);
        assert_eq!(decode(encode(&large)), Err(FrameFault::TooMany { field: "symbols", most: 128 }));
    }

    #[test]
    fn bad_fields_of_a_market_are_named() {
        let with = |change: fn(&mut wire::Market)| {
            let mut wire = encode(&market());
            change(&mut wire);
            decode(wire)
        };
        let range = |field| Err(FrameFault::OutOfRange(field));
        assert_eq!(with(|it| it.mode = 0), Err(FrameFault::Missing("mode")));
        assert_eq!(with(|it| it.balance = f64::NAN), range("balance"));
        assert_eq!(with(|it| it.equity = f64::INFINITY), range("equity"));
        assert_eq!(with(|it| it.symbols[0].name.clear()), Err(FrameFault::Missing("symbols.name")));
        assert_eq!(with(|it| it.symbols[0].point = -1.0), range("symbols.point"));
        assert_eq!(with(|it| it.symbols[0].tick = f64::NAN), range("symbols.tick"));
        assert_eq!(with(|it| it.symbols[0].tick_value = f64::NAN), range("symbols.tick_value"));
        assert_eq!(with(|it| it.symbols[0].volume_step = -0.1), range("symbols.volume_step"));
        assert_eq!(with(|it| it.symbols[0].volume_min = f64::NAN), range("symbols.volume_min"));
        assert_eq!(with(|it| it.symbols[0].volume_max = 1e300), range("symbols.volume_max"));
        assert_eq!(with(|it| it.symbols[0].stops_level = -1), range("symbols.stops_level"));
        assert_eq!(with(|it| it.symbols[0].freeze_level = -1), range("symbols.freeze_level"));
        assert_eq!(with(|it| it.symbols[0].filling = vec![0]), Err(FrameFault::Missing("filling")));
        assert_eq!(with(|it| it.symbols[0].trade_mode = 0), Err(FrameFault::Missing("trade_mode")));
        let quote = |bid, ask| Some(wire::Quote { bid, ask });
        let mut wire = encode(&market());
        wire.symbols[0].quote = quote(f64::NAN, 1.0);
        assert_eq!(decode(wire.clone()), range("quote.bid"));
        wire.symbols[0].quote = quote(1.0, f64::INFINITY);
        assert_eq!(decode(wire), range("quote.ask"));
    }
}
