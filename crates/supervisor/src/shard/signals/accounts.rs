//! What a plan must know of an account, made anew for each signal from what the shard knows.

use std::{collections::BTreeMap, sync::Arc};

use warden_distribution::{
    AccountFacts, AccountRules, Action, Budget, Money, OpenTrade, Signal, Standing, Symbol, SymbolFacts,
    rules::{Direction, Sides},
};
use warden_domain::{Gate, Layer, Lots, Timestamp, TradeMode};
use warden_policy::{
    Params as RuleParams,
    trade::{Trade, TradePhase},
};

use super::Shard;
use crate::shard::{
    slot::Slot,
    trading::{Known as KnownTrade, SymbolState},
};

/// What is configured of an account, and what is left of its order-rate budget.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// The group it belongs to; empty when to none.
    pub(super) group: Arc<str>,
    /// Its rules.
    pub(super) rules: Arc<AccountRules>,
    /// What is left after the last plan.
    pub(super) budget: Budget,
}

/// What is known of an account now, as far as a signal needs it.
pub(super) struct Known {
    symbols: BTreeMap<Symbol, SymbolFacts>,
    trades: Vec<OpenTrade>,
    balance: Option<Money>,
    equity: Option<Money>,
    exposure: Option<Money>,
}

impl Shard {
    /// What is known of an account for this signal. A symbol that nobody watches is watched from now on.
    pub(super) fn known_of(&mut self, index: u32, signal: &Signal, now: Timestamp) -> Known {
        let rules = Arc::clone(&self.signals.accounts[index as usize].rules);
        let named = named(signal).map(|symbol| rules.broker_name(symbol));
        if let Some(name) = &named
            && self.slots[index as usize].trading.symbol(name).is_none()
        {
            self.watch(index, [name.as_str()]);
        }
        let slot = &self.slots[index as usize];
        let params = &self.shared.params;
        let trades: Vec<OpenTrade> = slot
            .trading
            .trades()
            .filter_map(|known| {
                let resting_at = self.signals.followed.resting_at(index, slot, &known);
                open_trade(&known, rules.direction, resting_at)
            })
            .collect();
        let mut symbols = BTreeMap::new();
        let of_trades = trades.iter().map(|trade| trade.symbol.as_str());
        for name in named.as_deref().into_iter().chain(of_trades) {
            let Ok(symbol) = Symbol::new(name) else { continue };
            if !symbols.contains_key(&symbol)
                && let Some(facts) = slot.trading.symbol(name).and_then(|it| symbol_facts(it, now, params))
            {
                symbols.insert(symbol, facts);
            }
        }
        let market = slot.trading.market();
        let money = |value: f64| Money::from_f64(value).ok();
        Known {
            exposure: rules.max_notional.and_then(|_| exposure(slot, &symbols)),
            symbols,
            trades,
            balance: market.and_then(|market| money(market.balance)),
            equity: market.and_then(|market| money(market.equity)),
        }
    }
}

impl Known {
    pub(super) fn facts<'a>(&'a self, slot: &'a Slot, account: &'a Account) -> AccountFacts<'a> {
        let state = &slot.state;
        // While the gate is not open, it says more than the flags of a terminal that may not even run.
        let permitted = state.gate() != Gate::Open || state.health().is_up(Layer::TradingPermitted);
        AccountFacts {
            instance: &slot.id,
            group: &account.group,
            rules: &account.rules,
            gate: state.gate(),
            permitted,
            balance: self.balance,
            equity: self.equity,
            exposure: self.exposure,
            symbols: &self.symbols,
            all_symbols: false,
            trades: &self.trades,
            budget: account.budget,
        }
    }
}

/// The symbol that a signal opens; what it changes or ends is found by the trades.
const fn named(signal: &Signal) -> Option<&Symbol> {
    match &signal.action {
        Action::Open(opening) => Some(&opening.symbol),
        Action::Modify(_) | Action::Close { .. } | Action::CloseAll => None,
    }
}

/// A trade as a plan knows it; `None` for one that opens nothing.
fn open_trade(
    known: &KnownTrade<'_>,
    direction: Direction,
    resting_at: Option<warden_domain::Price>,
) -> Option<OpenTrade> {
    let opening = known.trade.intent().opening()?;
    let standing = Standing::of(known.trade, resting_at);
    let lots = match standing {
        Standing::Open => known.trade.holdings().open(),
        Standing::OnItsWay | Standing::Resting { .. } => known.trade.volume(),
    };
    let protection = known.trade.protection();
    Some(OpenTrade {
        magic: known.magic,
        key: known.key.id.clone(),
        symbol: Symbol::new(known.symbol).ok()?,
        side: opening.side,
        reversed: direction == Direction::Reversed,
        lots,
        standing,
        stop_loss: protection.stop_loss,
        take_profit: protection.take_profit,
    })
}

fn symbol_facts(state: &SymbolState, now: Timestamp, params: &RuleParams) -> Option<SymbolFacts> {
    let said = state.now()?;
    Some(SymbolFacts {
        point: said.point,
        tick: said.tick,
        tick_value: Money::from_f64(said.tick_value).ok().filter(|value| *value > Money::ZERO),
        volume_step: said.volume_step,
        volume_min: said.volume_min,
        volume_max: said.volume_max,
        stops_level: said.stops_level,
        opens: match said.trade_mode {
            TradeMode::Full => Some(Sides::Both),
            TradeMode::LongOnly => Some(Sides::Buy),
            TradeMode::ShortOnly => Some(Sides::Sell),
            TradeMode::CloseOnly | TradeMode::Disabled => None,
        },
        quote: state.quote(now, params),
    })
}

/// What the trades that open are worth together at the present prices; `None` when one of these is not known.
fn exposure(slot: &Slot, symbols: &BTreeMap<Symbol, SymbolFacts>) -> Option<Money> {
    let mut sum = Money::ZERO;
    for known in slot.trading.trades() {
        let (Some(opening), lots) = (known.trade.intent().opening(), may_be_open(known.trade)) else {
            continue;
        };
        if lots > Lots::ZERO {
            let facts = symbols.get(known.symbol)?;
            sum = sum.plus(facts.notional(lots, facts.quote?.of(opening.side))?).ok()?;
        }
    }
    Some(sum)
}

/// How much of what a trade opens is open, or may still be: the rest of a partial fill is on its way.
fn may_be_open(trade: &Trade) -> Lots {
    let held = trade.holdings();
    match trade.phase() {
        TradePhase::Holding if held.position.is_some() => held.open(),
        TradePhase::Waiting(..)
        | TradePhase::Sending(_)
        | TradePhase::Resolving(..)
        | TradePhase::Suspect(..)
        | TradePhase::Resting
        | TradePhase::Holding => {
            let left = trade.volume().minus(held.closed).unwrap_or(Lots::ZERO);
            left.max(held.open())
        }
        TradePhase::Ended(..) => Lots::ZERO,
    }
}
