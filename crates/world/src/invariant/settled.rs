//! When everything has healed: proven ends, and one position at the broker and in the journal.

use std::collections::BTreeMap;

use warden_domain::{AccountMode, Lots, Price, Side};
use warden_policy::{
    Params,
    trade::{TradePhase, Wait},
};

use crate::judge::{Account, Life, Made, Member, Verdict};

/// What is still unproven of an instance's trades, in words; empty when nothing is.
pub(crate) fn unproven(member: &Member) -> Vec<String> {
    member.open().filter_map(|(magic, life)| Some(format!("trade {magic} {}", why(life)?))).collect()
}

fn why(life: &Life) -> Option<String> {
    let trade = &life.trade;
    let phase = match trade.phase() {
        TradePhase::Resting | TradePhase::Holding | TradePhase::Ended(..) => return None,
        // What a person asked for may wait for the market to open; nothing of it is unknown.
        TradePhase::Waiting(_, Wait::Session) => return None,
        phase @ (TradePhase::Waiting(..)
        | TradePhase::Sending(_)
        | TradePhase::Resolving(..)
        | TradePhase::Suspect(..)) => phase,
    };
    Some(format!("{:?} {phase:?}", trade.state()))
}

/// The positions that the ledger shows for our intents are those that the journal holds.
pub(crate) fn positions_agree(member: &Member, account: &Account, mode: AccountMode) -> Verdict {
    match mode {
        AccountMode::Hedging => of_each_intent(member, account),
        AccountMode::Netting => of_each_deal(member, account).and_then(|()| of_each_symbol(member, account)),
    }
}

fn of_each_intent(member: &Member, account: &Account) -> Verdict {
    let (mut open, mut nameless): (BTreeMap<u64, i64>, BTreeMap<u64, i64>) = Default::default();
    for position in account.positions.values().filter(|position| position.intent != 0) {
        let sum = if position.nameless { &mut nameless } else { &mut open };
        *sum.entry(position.intent).or_default() += position.volume;
    }
    for (magic, life) in &member.lives {
        let Some(held) = held(life) else { continue };
        let real = open.remove(magic).unwrap_or(0);
        // What a person called the intent's is its own, tag or not.
        let all = real + nameless.remove(magic).unwrap_or(0);
        if real != held && all != held {
            return Err(format!(
                "trade {magic} {:?} holds {held} in the journal and {real} at the broker",
                life.trade.state()
            ));
        }
    }
    match open.into_iter().find(|(_, volume)| *volume != 0) {
        None => Ok(()),
        Some((magic, volume)) => {
            Err(format!("{magic} has {volume} at the broker and no trade in the journal"))
        }
    }
}

/// On a netting account many share one position: what each intent made of it is what its deals came to.
fn of_each_deal(member: &Member, account: &Account) -> Verdict {
    for (magic, life) in &member.lives {
        let holdings = life.trade.holdings();
        let made = account.made.get(magic);
        let dealt = made.map_or(0, |made| made.opened + made.opened_by_repetition);
        let named = dealt - made.map_or(0, |made| made.nameless);
        // A part without its tag is known by the ticket of its answer; an order made once more has none.
        let answered = named + made.map_or(0, |made| made.nameless_parts);
        let filled = holdings.filled.units();
        if life.trade.intent().opening().is_some() && ![dealt, named, answered].contains(&filled) {
            return Err(format!(
                "trade {magic} {:?} filled {filled} in the journal and {dealt} at the broker",
                life.trade.state()
            ));
        }
    }
    Ok(())
}

/// On a netting account, what our trades hold of a symbol in which nobody else dealt is what is open there.
fn of_each_symbol(member: &Member, account: &Account) -> Verdict {
    if account.found {
        return Ok(());
    }
    let mut open: BTreeMap<&str, i64> = BTreeMap::new();
    for position in account.positions.values() {
        *open.entry(&position.symbol).or_default() -= position.volume;
    }
    for life in member.lives.values() {
        *open.entry(&life.symbol).or_default() += held(life).unwrap_or(0);
    }
    match open.into_iter().find(|(symbol, apart)| *apart != 0 && !account.mixed.contains(*symbol)) {
        None => Ok(()),
        Some((symbol, apart)) => {
            Err(format!("our trades hold {apart} more of {symbol} than the broker shows"))
        }
    }
}

/// What is open of an intent to open, below zero when it is sold.
fn held(life: &Life) -> Option<i64> {
    let opening = life.trade.intent().opening()?;
    let open = if life.ended { Lots::ZERO } else { life.trade.holdings().open() };
    Some(match opening.side {
        Side::Buy => open.units(),
        Side::Sell => -open.units(),
    })
}

/// TRD-5: what shall stand as stop loss and take profit stands, as far as the last look saw. On a netting account several
/// trades share a position, and none of them decides.
pub(crate) fn protected(member: &Member, mode: AccountMode) -> Verdict {
    if mode == AccountMode::Netting {
        return Ok(());
    }
    for (magic, life) in member.open() {
        let wanted = life.trade.protection();
        let held = life.trade.holdings().protection;
        let holds =
            matches!(life.trade.phase(), TradePhase::Holding) && life.trade.intent().opening().is_some();
        // What was wanted between two ticks stands at one of them.
        let apart = |level: Price| match held.stop_loss {
            Some(stands) => (stands.units() - level.units()).abs() >= life.point.units().max(1),
            None => true,
        };
        if holds && wanted.stop_loss.is_some_and(apart) {
            return Err(format!("trade {magic} wants {wanted:?} and has {held:?}"));
        }
    }
    Ok(())
}

/// TRD-4: every order that the broker made once more was counted, and once; what carries no tag need not be known.
pub(crate) fn duplicates_are_counted(member: &Member, account: &Account) -> Verdict {
    for (magic, life) in &member.lives {
        let made = account.made.get(magic);
        let repeated = made.map_or(0, |made| made.repeated.len());
        let tagged = made.map_or(0, |made| made.repeated_by_tag.len());
        let counted = life.duplicates as usize;
        if counted > repeated + life.repeated_signals || counted < tagged {
            return Err(format!(
                "trade {magic} counted {counted} duplicates of {repeated}, {tagged} by its tag"
            ));
        }
    }
    Ok(())
}

/// TRD-4: no intent has more than it asked for when everything is well.
pub(crate) fn nothing_is_too_much(member: &Member) -> Verdict {
    for (magic, life) in &member.lives {
        let Some(opening) = life.trade.intent().opening() else { continue };
        let held = held(life).unwrap_or(0).abs();
        if held > opening.volume.units() {
            return Err(format!("trade {magic} holds {held} of {:?} that it asked for", opening.volume));
        }
    }
    Ok(())
}

/// TRD-2: what was filled beyond the threshold, against us, people were told of.
pub(crate) fn slippage_is_judged(member: &Member, account: &Account, params: &Params) -> Verdict {
    for (magic, life) in &member.lives {
        let (Some(opening), Some(reference)) = (life.trade.intent().opening(), life.trade.reference()) else {
            continue;
        };
        let one_price = |made: &&Made| made.lowest == made.highest && made.lowest > 0 && made.tagged;
        let Some(made) = account.made.get(magic).filter(one_price) else { continue };
        let moved = match opening.side {
            Side::Buy => made.highest - reference.units(),
            Side::Sell => reference.units() - made.lowest,
        };
        // Thresholds are whole points.
        let most = reference.units() / 100 * i64::from(params.slippage.percent.0) + life.point.units();
        if moved > most && !life.told.contains("SlippageExceeded") {
            return Err(format!(
                "trade {magic} was filled {moved} beyond {reference:?}, and nobody was told"
            ));
        }
    }
    Ok(())
}

/// TRD-2 to TRD-5: what its trades asked of an instance it did, or it came to rest and a person let it go on.
pub(crate) fn nothing_is_owed(member: &Member) -> Verdict {
    if member.owed.is_empty() {
        return Ok(());
    }
    Err(format!("its trades asked for {:?}, and nothing happened", member.owed))
}
