//! How the lines of a case read.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use warden_distribution::{
    Code, Fill, OpenTrade, Outcome, Refusal, Standing, SymbolFacts, rules::Sides, settings::Value,
};
use warden_domain::{ClientTradeId, FailureReason, Gate, Magic, Points, Quote, Side, Span, Timestamp};

use super::World;
use crate::common::{Account, eurusd, instance, symbol};

/// Does what the line says; what is to be written below it.
pub(super) fn line(text: &str, world: &mut World) -> Result<Option<String>, String> {
    if text.starts_with("## ") {
        *world = World::new();
        return Ok(None);
    }
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "account" => account(rest, world).map(|()| None),
        "rule" => rule(rest, world).map(|()| None),
        "symbol" => symbol_facts(rest, world).map(|()| None),
        "trade" => trade(rest, world).map(|()| None),
        "gate" => gate(rest, world).map(|()| None),
        "set" => set(rest, world).map(|()| None),
        "signal" => Ok(Some(world.signal(rest))),
        "json" => Ok(Some(world.json(rest))),
        "heard" => heard(rest, world).map(Some),
        "report" if rest == "as json" => world.report_json().map(Some),
        "report" => Ok(Some(world.report.as_ref().ok_or("nothing was planned")?.to_string())),
        _ => Err(format!("{text:?} is not known")),
    }
}

/// `ID [group=…] [balance=…] [equity=…] [exposure=…] [not-permitted]`; an amount may be `none`.
fn account(text: &str, world: &mut World) -> Result<(), String> {
    let (id, words) = text.split_once(' ').unwrap_or((text, ""));
    if world.account(id).is_err() {
        world.accounts.push(Account::new(id));
    }
    let account = world.account(id)?;
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some(("group", group)) => group.clone_into(&mut account.group),
            Some(("balance", amount)) => account.balance = maybe(amount)?,
            Some(("equity", amount)) => account.equity = maybe(amount)?,
            Some(("exposure", amount)) => account.exposure = maybe(amount)?,
            None if word == "not-permitted" => account.permitted = false,
            Some(_) | None => return Err(format!("{word:?} is nothing of an account")),
        }
    }
    Ok(())
}

/// `ID KEY = VALUE`; the list `symbols` has commas.
fn rule(text: &str, world: &mut World) -> Result<(), String> {
    let (id, setting) = text.split_once(' ').ok_or("a rule is of an account")?;
    let (key, value) = setting.split_once(" = ").ok_or("a rule has a value")?;
    let items: Vec<Value<'_>> = value.split(',').map(Value::Text).collect();
    let value = match (key, value.parse()) {
        ("symbols", _) => Value::List(&items),
        ("max_open" | "orders_per_minute" | "order_burst", Ok(number)) => Value::Number(number),
        (_, _) => Value::Text(value),
    };
    world.account(id)?.rules.set(key, &value).map_err(|fault| format!("{key} {fault}"))
}

/// `KEY = VALUE` of the parameters.
fn set(text: &str, world: &mut World) -> Result<(), String> {
    let (key, value) = text.split_once(" = ").ok_or("set takes key = value")?;
    let value = value.parse().map_or(Value::Text(value), Value::Number);
    world.params.set(key, &value).map_err(|fault| format!("{key} {fault}"))
}

/// `ID NAME …`: like EURUSD but for what is said.
fn symbol_facts(text: &str, world: &mut World) -> Result<(), String> {
    let mut words = text.split_whitespace();
    let (id, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut facts = eurusd();
    for word in words {
        match word.split_once('=').ok_or_else(|| format!("{word:?} has no value"))? {
            ("quote", "none") => facts.quote = None,
            ("quote", prices) => {
                let (bid, ask) = prices.split_once('/').ok_or("a quote is bid/ask")?;
                facts.quote = Some(Quote { bid: read(bid)?, ask: read(ask)? });
            }
            ("tick", tick) => facts.tick = read(tick)?,
            ("stops", points) => facts.stops_level = Points(read(points)?),
            ("value", value) => facts.tick_value = maybe(value)?,
            ("step", lots) => facts.volume_step = read(lots)?,
            ("min", lots) => facts.volume_min = read(lots)?,
            ("max", lots) => facts.volume_max = read(lots)?,
            ("opens", "none") => facts.opens = None,
            ("opens", sides) => facts.opens = Some(Sides::from_text(sides).ok_or("no sides")?),
            (other, _) => return Err(format!("{other:?} is nothing of a symbol")),
        }
    }
    let _: Option<SymbolFacts> = world.account(id)?.symbols.insert(symbol(name), facts);
    Ok(())
}

/// `ID NUMBER key=… symbol=… side=… lots=… [resting=PRICE|none] [on-its-way] [sl=…] [tp=…] [reversed]`
fn trade(text: &str, world: &mut World) -> Result<(), String> {
    let mut words = text.split_whitespace();
    let (id, number) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let said: BTreeMap<&str, &str> = words.map(|word| word.split_once('=').unwrap_or((word, ""))).collect();
    let needed = |key: &str| said.get(key).copied().ok_or_else(|| format!("a trade has a {key}"));
    let standing = match said.get("resting") {
        Some(price) => Standing::Resting { price: maybe(price)? },
        None if said.contains_key("on-its-way") => Standing::OnItsWay,
        None => Standing::Open,
    };
    let price = |key: &str| said.get(key).map(|price| read(price)).transpose();
    let trade = OpenTrade {
        magic: Magic::new(1, read(number)?).map_err(|fault| fault.to_string())?,
        key: ClientTradeId::new(needed("key")?).map_err(|fault| fault.to_string())?,
        symbol: symbol(needed("symbol")?),
        side: Side::from_text(needed("side")?).ok_or("no side")?,
        reversed: said.contains_key("reversed"),
        lots: read(needed("lots")?)?,
        standing,
        stop_loss: price("sl")?,
        take_profit: price("tp")?,
    };
    world.account(id)?.trades.push(trade);
    Ok(())
}

/// `ID open`, `ID shut`, `ID reduce-only`, `ID paused`, `ID paused SPAN`
fn gate(text: &str, world: &mut World) -> Result<(), String> {
    let (id, gate) = text.split_once(' ').ok_or("a gate is of an account")?;
    let now = world.now;
    world.account(id)?.gate = match (gate, gate.strip_prefix("paused ")) {
        ("open", _) => Gate::Open,
        ("shut", _) => Gate::Shut(FailureReason::BrokerDown),
        ("paused", _) => Gate::Paused { until: Timestamp::MAX, reason: FailureReason::NetworkLost },
        ("reduce-only", _) => Gate::ReduceOnly(FailureReason::Slippage),
        (_, Some(span)) => {
            Gate::Paused { until: now.after(read::<Span>(span)?), reason: FailureReason::RateLimited }
        }
        (_, None) => return Err(format!("{gate:?} is no gate")),
    };
    Ok(())
}

/// `ID/PART OUTCOME …`
fn heard(text: &str, world: &mut World) -> Result<String, String> {
    let (which, outcome) = text.split_once(' ').ok_or("something is heard of an intent")?;
    let (id, part) = which.split_once('/').ok_or("an intent is INSTANCE/PART")?;
    let words: Vec<&str> = outcome.split_whitespace().collect();
    let fill = |lots: &str, price: &str| Ok::<_, String>(Fill { lots: read(lots)?, price: read(price)? });
    let outcome = match words.as_slice() {
        ["resting"] => Outcome::Resting,
        ["unknown"] => Outcome::Unknown,
        ["partly", lots, price] => Outcome::Partly(fill(lots, price)?),
        ["filled", lots, price] => Outcome::Filled(fill(lots, price)?),
        ["done"] => Outcome::Done,
        ["late"] => Outcome::LateDropped,
        ["failed"] => Outcome::Failed { retcode: None },
        ["failed", retcode] => Outcome::Failed { retcode: Some(read(retcode)?) },
        ["blocked", "gate_shut"] => {
            let refusal = Refusal::GateShut(FailureReason::UserStopped);
            assert_eq!(refusal.code(), Code::GateShut);
            Outcome::Blocked(refusal)
        }
        _ => return Err(format!("{outcome:?} is no outcome")),
    };
    world.heard(instance(id), read(part)?, outcome)
}

fn maybe<T: FromStr<Err: Display>>(text: &str) -> Result<Option<T>, String> {
    if text == "none" { Ok(None) } else { read(text).map(Some) }
}

fn read<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|fault: T::Err| format!("{text:?} {fault}"))
}
