//! Changing and ending what is open.

use warden_domain::{Lots, Timestamp};

use crate::{
    AccountFacts, Amount, Budget, Intent, Modification, OpenTrade, Percent, Refusal, Standing, Symbol,
    SymbolFacts, Which, Work, refusal::Fact, sizing,
};

/// Changes every trade that is meant and that something changes on.
pub(super) fn modify(
    modification: &Modification,
    facts: &AccountFacts<'_>,
    now: Timestamp,
    intents: &mut Vec<Intent>,
) -> Result<Budget, Refusal> {
    let (mut part, mut refused) = (0, None);
    for trade in meant(Some(&modification.which), facts)? {
        match changed(modification, trade, facts) {
            Ok(Some(work)) => add(&mut part, trade, work, facts, intents),
            Ok(None) => {}
            Err(refusal) => {
                refused.get_or_insert(refusal);
            }
        }
    }
    ended(part, refused, facts, now)
}

/// What changes on a trade; `None` when nothing does.
fn changed(
    modification: &Modification,
    trade: &OpenTrade,
    facts: &AccountFacts<'_>,
) -> Result<Option<Work>, Refusal> {
    let Modification { stop_loss, take_profit, .. } = *modification;
    let (stop_loss, take_profit) =
        if trade.reversed { (take_profit, stop_loss) } else { (stop_loss, take_profit) };
    let quote = facts.symbols.get(&trade.symbol).and_then(|symbol| symbol.quote);
    let exit = quote.map(|quote| quote.of(trade.side.opposite()));
    let (price, moves, base) = match (trade.standing, modification.price) {
        (Standing::Resting { price: present }, wanted) => {
            let price = wanted.or(present).ok_or(Refusal::FactMissing(Fact::OrderPrice))?;
            (Some(price), present != Some(price), Some(price))
        }
        // Where it will rest, and whether, is not known before it is placed.
        (Standing::OnItsWay, Some(_)) => return Err(Refusal::FactMissing(Fact::OrderPrice)),
        (Standing::OnItsWay, None) | (Standing::Open, _) => (None, false, exit),
    };
    super::on_their_sides(trade.side, base, stop_loss.applied(None), take_profit.applied(None))?;
    let (stop_loss, take_profit) =
        (stop_loss.applied(trade.stop_loss), take_profit.applied(trade.take_profit));
    let same = !moves && (stop_loss, take_profit) == (trade.stop_loss, trade.take_profit);
    Ok((!same).then_some(Work::Change { trade: trade.magic, price, stop_loss, take_profit }))
}

/// Ends every trade that is meant, all when `which` says nothing, or a share of each position.
pub(super) fn close(
    which: Option<&Which>,
    amount: Amount,
    facts: &AccountFacts<'_>,
    now: Timestamp,
    intents: &mut Vec<Intent>,
) -> Result<Budget, Refusal> {
    let (mut part, mut refused) = (0, None);
    for trade in meant(which, facts)? {
        let lots = match (amount, trade.standing) {
            (Amount::All, Standing::OnItsWay | Standing::Resting { .. } | Standing::Open) => None,
            (Amount::Share(percent), Standing::Open) => match share(percent, trade, facts) {
                Ok(lots) => lots,
                Err(refusal) => {
                    refused.get_or_insert(refusal);
                    continue;
                }
            },
            (Amount::Share(_), Standing::OnItsWay | Standing::Resting { .. }) => continue,
        };
        add(&mut part, trade, Work::End { trade: trade.magic, lots }, facts, intents);
    }
    ended(part, refused, facts, now)
}

/// What is left of the budget; where no trade takes part, why the first of them does not.
fn ended(
    part: u32,
    refused: Option<Refusal>,
    facts: &AccountFacts<'_>,
    now: Timestamp,
) -> Result<Budget, Refusal> {
    match refused {
        Some(refusal) if part == 0 => Err(refusal),
        Some(_) | None => spent(part, facts, now),
    }
}

/// A share of a position in whole steps, rounded down, that leaves nothing or at least the least lots; `None` for all.
fn share(percent: Percent, trade: &OpenTrade, facts: &AccountFacts<'_>) -> Result<Option<Lots>, Refusal> {
    let SymbolFacts { volume_step, volume_min: least, .. } =
        facts.symbols.get(&trade.symbol).ok_or_else(|| super::unlisted(facts))?;
    let down = |lots: Lots| sizing::down(lots, *volume_step).ok_or(Refusal::Uncountable);
    let asked = sizing::share(trade.lots, percent).ok_or(Refusal::Uncountable)?;
    if asked >= trade.lots {
        return Ok(None);
    }
    let most = trade.lots.minus(*least).map_err(|_| Refusal::Uncountable)?;
    let lots = down(asked)?.min(down(most.max(Lots::ZERO))?);
    if lots < *least || lots <= Lots::ZERO {
        return Err(Refusal::BelowMinimum { lots, least: *least });
    }
    Ok(Some(lots))
}

/// The open trades that the signal means.
fn meant<'a>(
    which: Option<&'a Which>,
    facts: &AccountFacts<'a>,
) -> Result<impl Iterator<Item = &'a OpenTrade>, Refusal> {
    let symbol = match which.and_then(|which| which.symbol.as_ref()) {
        Some(symbol) => Some(of_broker(symbol, facts)?),
        None => None,
    };
    let fits = move |trade: &&OpenTrade| {
        symbol.is_none_or(|symbol| trade.symbol == *symbol)
            && which.is_none_or(|which| {
                which.of.as_ref().is_none_or(|key| trade.key == *key)
                    && which.side.is_none_or(|side| trade.source_side() == side)
            })
    };
    Ok(facts.trades.iter().filter(fits))
}

/// The broker's name of a symbol; where the broker does not show it any more, an open trade still has it.
fn of_broker<'a>(symbol: &Symbol, facts: &AccountFacts<'a>) -> Result<&'a Symbol, Refusal> {
    facts.rules.broker_symbol(symbol, |name| {
        let listed = facts.symbols.get_key_value(name).map(|(symbol, _)| symbol);
        let traded = || facts.trades.iter().map(|trade| &trade.symbol).find(|symbol| symbol.as_str() == name);
        let missing = if facts.all_symbols { Refusal::SymbolUnknown } else { Refusal::NothingOpen };
        listed.or_else(traded).ok_or(missing)
    })
}

fn add(part: &mut u32, trade: &OpenTrade, work: Work, facts: &AccountFacts<'_>, intents: &mut Vec<Intent>) {
    *part += 1;
    intents.push(Intent {
        instance: facts.instance.clone(),
        part: *part,
        symbol: trade.symbol.clone(),
        work,
    });
}

/// What is left of the budget after so many orders, which it does not refuse.
fn spent(orders: u32, facts: &AccountFacts<'_>, now: Timestamp) -> Result<Budget, Refusal> {
    if orders == 0 {
        return Err(Refusal::NothingOpen);
    }
    Ok(facts.budget.spend(orders, facts.rules.orders_per_minute, facts.rules.order_burst, now))
}
