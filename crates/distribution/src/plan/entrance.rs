//! A new position: its symbol, side, volume and limits.

use warden_domain::{Lots, Points, Price, Rounding, Side};

use crate::{
    AccountFacts, Entry, Opening, Placing, Refusal, RiskOf, Sizing, Symbol, SymbolFacts,
    refusal::{Fact, Scope},
    rules::{AboveMaximum, BelowMinimum, Direction},
    sizing,
};

/// What is placed, under the broker's name of the symbol.
pub(super) fn placing(opening: &Opening, facts: &AccountFacts<'_>) -> Result<(Symbol, Placing), Refusal> {
    let found = facts.rules.broker_symbol(&opening.symbol, |name| facts.symbols.get_key_value(name));
    let (name, symbol) = found.ok_or_else(|| super::unlisted(facts))?;
    let mut placing = turned(opening, facts.rules.direction, symbol)?;
    allowed(placing.side, facts, symbol)?;
    standing(&placing, symbol)?;
    placing.lots = bounded(sized(opening.sizing, &placing, facts, symbol)?, facts, symbol)?;
    limited(&placing, facts, symbol)?;
    Ok((name.clone(), placing))
}

/// As the signal says, or the opposite; its volume is not known yet.
fn turned(opening: &Opening, direction: Direction, symbol: &SymbolFacts) -> Result<Placing, Refusal> {
    let reversed = match direction {
        Direction::Same => false,
        Direction::Reversed => true,
    };
    let Opening { side, entry, stop_loss, take_profit, .. } = *opening;
    let (side, entry, stop_loss, take_profit) = if reversed {
        (side.opposite(), mirrored(entry)?, take_profit, stop_loss)
    } else {
        (side, entry, stop_loss, take_profit)
    };
    let quote = symbol.quote.map(|quote| quote.of(side));
    let reference = match entry {
        Entry::Market { reference } => reference.or(quote),
        Entry::Limit { price } | Entry::Stop { price } | Entry::StopLimit { price, .. } => Some(price),
    };
    let (lots, point) = (Lots::ZERO, symbol.point);
    Ok(Placing { side, entry, lots, stop_loss, take_profit, reference, point, reversed })
}

/// What the other side does at the same price: where one waits for a better price, the other waits for a worse one.
const fn mirrored(entry: Entry) -> Result<Entry, Refusal> {
    match entry {
        Entry::Market { reference } => Ok(Entry::Market { reference }),
        Entry::Limit { price } => Ok(Entry::Stop { price }),
        Entry::Stop { price } => Ok(Entry::Limit { price }),
        Entry::StopLimit { .. } => Err(Refusal::NotReversible),
    }
}

fn allowed(side: Side, facts: &AccountFacts<'_>, symbol: &SymbolFacts) -> Result<(), Refusal> {
    let opens = symbol.opens.ok_or(Refusal::NotPermitted(Scope::Symbol))?;
    for (sides, scope) in [(facts.rules.sides, Scope::Account), (opens, Scope::Symbol)] {
        if !sides.allow(side) {
            return Err(Refusal::SideNotAllowed { side, scope });
        }
    }
    Ok(())
}

/// The broker would refuse a stop or take profit that the price is beyond; a resting order's were looked at when the
/// signal was read.
fn standing(placing: &Placing, symbol: &SymbolFacts) -> Result<(), Refusal> {
    match placing.entry {
        Entry::Market { .. } => {
            let exit = symbol.quote.map(|quote| quote.of(placing.side.opposite()));
            super::on_their_sides(placing.side, exit, placing.stop_loss, placing.take_profit)
        }
        Entry::Limit { .. } | Entry::Stop { .. } | Entry::StopLimit { .. } => Ok(()),
    }
}

/// What the signal asks for, not rounded to steps yet.
fn sized(
    sizing: Sizing,
    placing: &Placing,
    facts: &AccountFacts<'_>,
    symbol: &SymbolFacts,
) -> Result<Lots, Refusal> {
    let times = facts.rules.multiplier;
    let lots = match sizing {
        Sizing::Fixed { lots } => sizing::fixed(lots, times),
        Sizing::Ratio { lots, balance } => {
            let own = facts.balance.ok_or(Refusal::FactMissing(Fact::Balance))?;
            sizing::ratio(lots, balance, own, times)
        }
        Sizing::Risk { percent, of } => {
            let basis = match of {
                RiskOf::Balance => facts.balance.ok_or(Refusal::FactMissing(Fact::Balance))?,
                RiskOf::Equity => facts.equity.ok_or(Refusal::FactMissing(Fact::Equity))?,
            };
            let value = symbol.tick_value.ok_or(Refusal::FactMissing(Fact::TickValue))?;
            sizing::risk(basis, percent, distance(placing, symbol)?, symbol.tick, value, times)
        }
    };
    lots.ok_or(Refusal::Uncountable)
}

/// How far the price goes from the entry to the stop loss, at worst: to where the stop will stand.
fn distance(placing: &Placing, symbol: &SymbolFacts) -> Result<Price, Refusal> {
    let asked = placing.stop_loss.ok_or(Refusal::StopMissing)?;
    let (entries, base) = match placing.entry {
        Entry::Market { .. } => {
            let quote = symbol.quote.ok_or(Refusal::FactMissing(Fact::Quote))?;
            let (entry, exit) = (quote.of(placing.side), quote.of(placing.side.opposite()));
            ([entry, entry], exit)
        }
        Entry::Limit { price } | Entry::Stop { price } => ([price, price], price),
        Entry::StopLimit { price, trigger } => ([price, trigger], trigger),
    };
    let stop = sent(asked, placing.side, base, symbol).ok_or(Refusal::Uncountable)?;
    let mut worst = Price::ZERO;
    for entry in entries {
        let lost = |stop| match placing.side {
            Side::Buy => entry.minus(stop),
            Side::Sell => stop.minus(entry),
        };
        if lost(asked).map_err(|_| Refusal::Uncountable)? <= Price::ZERO {
            return Err(Refusal::StopWrongSide);
        }
        worst = worst.max(lost(stop).map_err(|_| Refusal::Uncountable)?);
    }
    Ok(worst)
}

/// Where a stop loss will stand at the latest: on a tick, and no nearer to `base` than the symbol allows.
fn sent(asked: Price, side: Side, base: Price, symbol: &SymbolFacts) -> Option<Price> {
    let level = symbol.stops_level.0.max(0);
    match side {
        Side::Buy => {
            let nearest = base.plus_points(Points(-level), symbol.point).ok()?;
            asked.min(nearest).to_step(symbol.tick, Rounding::Down).ok()
        }
        Side::Sell => {
            let nearest = base.plus_points(Points(level), symbol.point).ok()?;
            asked.max(nearest).to_step(symbol.tick, Rounding::Up).ok()
        }
    }
}

/// Whole steps, not more than asked for, within the symbol's and the account's lots.
fn bounded(lots: Lots, facts: &AccountFacts<'_>, symbol: &SymbolFacts) -> Result<Lots, Refusal> {
    let (rules, step) = (facts.rules, symbol.volume_step);
    let least = symbol.volume_min.max(rules.min_lots.unwrap_or(Lots::ZERO));
    let most = symbol.volume_max.min(rules.max_lots.unwrap_or(symbol.volume_max));
    let lots = sizing::down(lots, step).ok_or(Refusal::Uncountable)?;
    let least = sizing::up(least, step).ok_or(Refusal::Uncountable)?;
    let most = sizing::down(most, step).ok_or(Refusal::Uncountable)?;
    let lots = match rules.below_minimum {
        BelowMinimum::UseMinimum => lots.max(least),
        BelowMinimum::Refuse if lots < least => return Err(Refusal::BelowMinimum { lots, least }),
        BelowMinimum::Refuse => lots,
    };
    let lots = match rules.above_maximum {
        AboveMaximum::UseMaximum => lots.min(most),
        AboveMaximum::Refuse if lots > most => return Err(Refusal::AboveMaximum { lots, most }),
        AboveMaximum::Refuse => lots,
    };
    // Where the least is above the most, no volume fits.
    if lots < least || lots <= Lots::ZERO { Err(Refusal::BelowMinimum { lots, least }) } else { Ok(lots) }
}

/// The limits on all open trades together.
fn limited(placing: &Placing, facts: &AccountFacts<'_>, symbol: &SymbolFacts) -> Result<(), Refusal> {
    if facts.rules.max_open.is_some_and(|most| facts.open() >= most) {
        return Err(Refusal::TooManyOpen(facts.open()));
    }
    let Some(most) = facts.rules.max_notional else {
        return Ok(());
    };
    let price = match placing.entry {
        Entry::Market { .. } => symbol.quote.ok_or(Refusal::FactMissing(Fact::Quote))?.of(placing.side),
        Entry::Limit { price } | Entry::Stop { price } => price,
        Entry::StopLimit { price, trigger } => price.max(trigger),
    };
    let exposure = facts.exposure.ok_or(Refusal::FactMissing(Fact::Exposure))?;
    symbol.tick_value.ok_or(Refusal::FactMissing(Fact::TickValue))?;
    let worth = symbol.notional(placing.lots, price).ok_or(Refusal::Uncountable)?;
    let notional = exposure.plus(worth).map_err(|_| Refusal::Uncountable)?;
    if notional > most { Err(Refusal::OverNotional { notional, most }) } else { Ok(()) }
}
