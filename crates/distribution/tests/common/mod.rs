//! What the tests share: accounts that own what the facts borrow.

#![expect(dead_code, reason = "each test binary uses a part")]

use std::{collections::BTreeMap, fmt::Debug, str::FromStr};

use warden_distribution::{
    AccountFacts, AccountRules, Budget, Fanout, Money, OpenTrade, Params, Signal, Standing, Symbol,
    SymbolFacts, Verdict, rules::Sides,
};
use warden_domain::{ClientTradeId, Gate, InstanceId, Magic, Quote, Side, Span, Timestamp};

/// Where the clock of a test begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// How long a signal is valid that does not say.
pub(crate) const VALID_FOR: Span = Span::from_secs(60);

/// Reads a value that a test has written.
pub(crate) fn of<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|fault| panic!("{text:?}: {fault:?}"))
}

pub(crate) fn instance(text: &str) -> InstanceId {
    InstanceId::new(text).expect("a test writes an id")
}

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::new(text).expect("a test writes a symbol")
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) instance: InstanceId,
    pub(crate) group: String,
    pub(crate) rules: AccountRules,
    pub(crate) gate: Gate,
    pub(crate) permitted: bool,
    pub(crate) balance: Option<Money>,
    pub(crate) equity: Option<Money>,
    pub(crate) exposure: Option<Money>,
    pub(crate) symbols: BTreeMap<Symbol, SymbolFacts>,
    pub(crate) all_symbols: bool,
    pub(crate) trades: Vec<OpenTrade>,
    pub(crate) budget: Budget,
}

impl Account {
    /// An account of 10,000 on which nothing is wrong, with EURUSD.
    pub(crate) fn new(id: &str) -> Self {
        Self {
            instance: instance(id),
            group: String::new(),
            rules: AccountRules::default(),
            gate: Gate::Open,
            permitted: true,
            balance: Some(of("10000")),
            equity: Some(of("10000")),
            exposure: Some(Money::ZERO),
            symbols: BTreeMap::from([(symbol("EURUSD"), eurusd())]),
            all_symbols: true,
            trades: Vec::new(),
            budget: Budget::default(),
        }
    }

    pub(crate) fn facts(&self) -> AccountFacts<'_> {
        AccountFacts {
            instance: &self.instance,
            group: &self.group,
            rules: &self.rules,
            gate: self.gate,
            permitted: self.permitted,
            balance: self.balance,
            equity: self.equity,
            exposure: self.exposure,
            symbols: &self.symbols,
            all_symbols: self.all_symbols,
            trades: &self.trades,
            budget: self.budget,
        }
    }

    /// Its EURUSD, to change it.
    pub(crate) fn eurusd(&mut self) -> &mut SymbolFacts {
        self.symbols.get_mut("EURUSD").expect("every account has it")
    }
}

/// A position of one lot EURUSD.
pub(crate) fn position(number: u64, key: &str) -> OpenTrade {
    OpenTrade {
        magic: Magic::new(1, number).expect("a small number"),
        key: ClientTradeId::new(key).expect("a test writes a key"),
        symbol: symbol("EURUSD"),
        side: Side::Buy,
        reversed: false,
        lots: of("1"),
        standing: Standing::Open,
        stop_loss: None,
        take_profit: None,
    }
}

/// EURUSD at 1.0999/1.1 for an account in dollars.
pub(crate) fn eurusd() -> SymbolFacts {
    SymbolFacts {
        point: of("0.00001"),
        tick: of("0.00001"),
        tick_value: Some(of("1")),
        volume_step: of("0.01"),
        volume_min: of("0.01"),
        volume_max: of("100"),
        stops_level: warden_domain::Points(0),
        opens: Some(Sides::Both),
        quote: Some(Quote { bid: of("1.0999"), ask: of("1.1") }),
    }
}

pub(crate) fn facts(accounts: &[Account]) -> Vec<AccountFacts<'_>> {
    accounts.iter().map(Account::facts).collect()
}

/// A signal of these fields, for `a` and of now where they do not say otherwise.
pub(crate) fn signal(fields: &str) -> Signal {
    Signal::from_entry(&entry(fields, BEGIN), VALID_FOR, &Params::default())
        .unwrap_or_else(|faults| panic!("{fields}: {faults}"))
}

/// The fields of a signal: words like `field=value`, and what a test leaves out.
pub(crate) fn entry(fields: &str, now: Timestamp) -> Vec<(String, String)> {
    let mut entry: Vec<(String, String)> = fields
        .split_whitespace()
        .map(|word| word.split_once('=').unwrap_or((word, "")))
        .map(|(field, value)| (field.to_owned(), value.to_owned()))
        .collect();
    let mut or = |fields: &[&str], value: &str| {
        if !entry.iter().any(|(field, _)| fields.contains(&field.as_str())) {
            entry.push((fields[0].to_owned(), value.to_owned()));
        }
    };
    or(&["key"], "s-1");
    or(&["source"], "trend");
    or(&["created_at"], &now.to_string());
    or(&["instance", "instances", "group"], "a");
    entry
}

/// What a plan leaves of each account's budget.
pub(crate) fn budgets(fanout: &Fanout) -> impl Iterator<Item = (&InstanceId, Budget)> {
    fanout.accounts.iter().filter_map(|account| match account.verdict {
        Verdict::Planned { budget, .. } => Some((&account.instance, budget)),
        Verdict::Accepted | Verdict::Refused(_) => None,
    })
}
