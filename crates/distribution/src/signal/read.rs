use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use warden_domain::{ClientTradeId, InstanceId, Lots, OrderKind, Price, Side, Span, Timestamp};

use super::{
    Action, Amount, Change, Entry, Modification, Opening, RiskOf, Signal, Sizing, Target, Which,
    fields::Fields,
};
use crate::{Group, Money, Percent, Source, Symbol, fault::Fault, fault::Faults};

/// Every field that a signal of some action may have.
pub(super) const KNOWN: &[&str] = &[
    "key",
    "source",
    "created_at",
    "valid_for",
    "instance",
    "instances",
    "group",
    "action",
    "symbol",
    "side",
    "kind",
    "price",
    "trigger",
    "stop_loss",
    "take_profit",
    "sizing",
    "lots",
    "source_lots",
    "source_balance",
    "risk_percent",
    "risk_of",
    "of",
    "percent",
];

/// What removes a stop loss or take profit.
pub(super) const NONE: &str = "none";

/// How long signals are valid.
#[derive(Clone, Copy)]
pub(super) struct Validity {
    /// Where a signal does not say; `None` when it has to.
    pub(super) usual: Option<Span>,
    /// At most: for as long as its key is known.
    pub(super) longest: Span,
}

/// Reads a signal from its fields; `faults` is what was found before.
pub(super) fn signal(
    fields: BTreeMap<&str, &str>,
    faults: Vec<Fault>,
    validity: Validity,
) -> Result<Signal, Faults> {
    let mut fields = Fields::new(fields, faults);
    let key = fields.required("key", said(ClientTradeId::new));
    let source = fields.required("source", said(Source::new));
    let created_at = fields.required("created_at", |text| {
        Timestamp::parse(text)
            .map_err(|_| "is not an RFC 3339 moment; write it like 2026-01-31T09:30:00.000Z".to_owned())
    });
    let valid_for = match (fields.has("valid_for"), validity.usual) {
        (false, Some(usual)) => Some(usual),
        (true, _) | (false, None) => fields.required("valid_for", |text| valid_for(text, validity.longest)),
    };
    let target = target(&mut fields);
    let action = action(&mut fields);
    fields.end(KNOWN);
    let read = (|| {
        let (key, source, created_at) = (key?, source?, created_at?);
        Some(Signal { key, source, created_at, valid_for: valid_for?, target: target?, action: action? })
    })();
    fields.result(read)
}

fn target(fields: &mut Fields<'_>) -> Option<Target> {
    let given = ["instance", "instances", "group"].into_iter().filter(|field| fields.has(field)).count();
    if given != 1 {
        fields.fault(
            "instance",
            "must be the only one of instance, instances and group; give exactly one of them",
        );
    }
    let one = fields.optional("instance", said(InstanceId::new)).map(Target::Instance);
    let list = fields.optional("instances", list).map(Target::List);
    let group = fields.optional("group", said(Group::new)).map(Target::Group);
    one.or(list).or(group)
}

fn list(text: &str) -> Result<Vec<InstanceId>, String> {
    let mut list = text.split(',').map(said(InstanceId::new)).collect::<Result<Vec<_>, _>>()?;
    let given = list.len();
    list.sort();
    list.dedup();
    if list.len() < given { Err("names an instance twice; remove one".to_owned()) } else { Ok(list) }
}

fn action(fields: &mut Fields<'_>) -> Option<Action> {
    let Some(action) = fields.required("action", known(&["open", "modify", "close", "close-all"])) else {
        fields.forgive(KNOWN);
        return None;
    };
    match action {
        "open" => opening(fields).map(Action::Open),
        "modify" => modification(fields).map(Action::Modify),
        "close" => {
            let which = which(fields);
            let amount = match fields.has("percent") {
                true => fields.optional("percent", shown::<Percent>).map(Amount::Share),
                false => Some(Amount::All),
            };
            Some(Action::Close { which: which?, amount: amount? })
        }
        _ => Some(Action::CloseAll),
    }
}

fn opening(fields: &mut Fields<'_>) -> Option<Opening> {
    let symbol = fields.required("symbol", said(Symbol::new));
    let side = fields.required("side", side);
    let entry = entry(fields);
    let (stop_given, stop_loss) = (fields.has("stop_loss"), fields.optional("stop_loss", price));
    let take_profit = fields.optional("take_profit", price);
    let sizing = sizing(fields);
    if let Some(Sizing::Risk { .. }) = sizing
        && !stop_given
    {
        fields.fault("stop_loss", "is missing; a risk needs the price at which it ends");
    }
    if let (Some(side), Some(entry)) = (side, entry) {
        sides_of(fields, side, entry, stop_loss, take_profit);
    }
    Some(Opening { symbol: symbol?, side: side?, entry: entry?, stop_loss, take_profit, sizing: sizing? })
}

/// Notes a stop loss or take profit that lies on the wrong side of the entry.
fn sides_of(
    fields: &mut Fields<'_>,
    side: Side,
    entry: Entry,
    stop_loss: Option<Price>,
    take_profit: Option<Price>,
) {
    let (lowest, highest) = match entry {
        Entry::Market { reference: None } => return,
        Entry::Market { reference: Some(price) } | Entry::Limit { price } | Entry::Stop { price } => {
            (price, price)
        }
        Entry::StopLimit { price, trigger } => (price.min(trigger), price.max(trigger)),
    };
    let (below, above) = match side {
        Side::Buy => (("stop_loss", stop_loss), ("take_profit", take_profit)),
        Side::Sell => (("take_profit", take_profit), ("stop_loss", stop_loss)),
    };
    if below.1.is_some_and(|price| price >= lowest) {
        fields.fault(below.0, "is not below the price; a buy loses below it and a sell above it");
    }
    if above.1.is_some_and(|price| price <= highest) {
        fields.fault(above.0, "is not above the price; a buy loses below it and a sell above it");
    }
}

fn entry(fields: &mut Fields<'_>) -> Option<Entry> {
    let kind = match fields.has("kind") {
        true => fields.optional("kind", |text| {
            OrderKind::from_text(text).ok_or_else(|| one_of(&["MARKET", "LIMIT", "STOP", "STOP_LIMIT"]))
        }),
        false => Some(OrderKind::Market),
    };
    let Some(kind) = kind else {
        fields.forgive(&["price", "trigger"]);
        return None;
    };
    match kind {
        OrderKind::Market => {
            let given = fields.has("price");
            let reference = fields.optional("price", price);
            (!given || reference.is_some()).then_some(Entry::Market { reference })
        }
        OrderKind::Limit => fields.required("price", price).map(|price| Entry::Limit { price }),
        OrderKind::Stop => fields.required("price", price).map(|price| Entry::Stop { price }),
        OrderKind::StopLimit => {
            let (price, trigger) = (fields.required("price", price), fields.required("trigger", price));
            Some(Entry::StopLimit { price: price?, trigger: trigger? })
        }
    }
}

fn sizing(fields: &mut Fields<'_>) -> Option<Sizing> {
    let Some(sizing) = fields.required("sizing", known(&["fixed", "ratio", "risk"])) else {
        fields.forgive(&["lots", "source_lots", "source_balance", "risk_percent", "risk_of"]);
        return None;
    };
    match sizing {
        "fixed" => fields.required("lots", lots).map(|lots| Sizing::Fixed { lots }),
        "ratio" => {
            let lots = fields.required("source_lots", lots);
            let balance = fields.required("source_balance", money);
            Some(Sizing::Ratio { lots: lots?, balance: balance? })
        }
        _ => {
            let percent = fields.required("risk_percent", shown);
            let of = match fields.has("risk_of") {
                true => fields.optional("risk_of", |text| {
                    RiskOf::from_text(text).ok_or_else(|| one_of(&["balance", "equity"]))
                }),
                false => Some(RiskOf::Balance),
            };
            Some(Sizing::Risk { percent: percent?, of: of? })
        }
    }
}

fn modification(fields: &mut Fields<'_>) -> Option<Modification> {
    let which = which(fields);
    if !["price", "stop_loss", "take_profit"].into_iter().any(|field| fields.has(field)) {
        fields.fault("stop_loss", "is missing, and so are price and take_profit; give what shall change");
    }
    let price = fields.optional("price", price);
    let stop_loss = fields.optional("stop_loss", change).unwrap_or(Change::Keep);
    let take_profit = fields.optional("take_profit", change).unwrap_or(Change::Keep);
    Some(Modification { which: which?, price, stop_loss, take_profit })
}

fn which(fields: &mut Fields<'_>) -> Option<Which> {
    if !fields.has("of") && !fields.has("symbol") {
        fields.fault("symbol", "is missing, and so is of; say which trades are meant");
    }
    let of = fields.optional("of", said(ClientTradeId::new));
    let symbol = fields.optional("symbol", said(Symbol::new));
    let side = fields.optional("side", side);
    Some(Which { of, symbol, side })
}

fn change(text: &str) -> Result<Change, String> {
    if text == NONE { Ok(Change::Remove) } else { price(text).map(Change::Set) }
}

fn side(text: &str) -> Result<Side, String> {
    Side::from_text(text).ok_or_else(|| one_of(&["BUY", "SELL"]))
}

fn price(text: &str) -> Result<Price, String> {
    positive(text, Price::ZERO, "is not a price above zero; write it like 1.10523, with at most 8 decimals")
}

fn lots(text: &str) -> Result<Lots, String> {
    positive(text, Lots::ZERO, "is not a volume above zero; write it like 0.10, with at most 8 decimals")
}

fn money(text: &str) -> Result<Money, String> {
    positive(
        text,
        Money::ZERO,
        "is not an amount above zero; write it like 10000.00, with at most 8 decimals",
    )
}

fn positive<T: FromStr + PartialOrd + Copy>(text: &str, zero: T, form: &str) -> Result<T, String> {
    text.parse().ok().filter(|read| *read > zero).ok_or_else(|| form.to_owned())
}

fn span(text: &str) -> Result<Span, String> {
    let read = text.parse().ok().filter(|read| *read > Span::ZERO);
    read.ok_or_else(|| "is not a span above zero and up to a year; write it like 30s, 5m or 250ms".to_owned())
}

fn valid_for(text: &str, longest: Span) -> Result<Span, String> {
    let read = span(text)?;
    if read > longest {
        return Err(format!("is longer than keys are known, {longest}; shorten it"));
    }
    Ok(read)
}

fn shown<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|fault: T::Err| fault.to_string())
}

/// Reads by `read`, whose faults name what they are about and never the text.
fn said<T, E: Display>(read: impl Fn(&str) -> Result<T, E>) -> impl Fn(&str) -> Result<T, String> {
    move |text| read(text).map_err(|fault| format!("is refused: {fault}"))
}

fn known<'a>(texts: &'static [&'static str]) -> impl Fn(&'a str) -> Result<&'static str, String> {
    move |text| texts.iter().copied().find(|known| *known == text).ok_or_else(|| one_of(texts))
}

fn one_of(texts: &[&str]) -> String {
    format!("is not known; give one of {}", texts.join(", "))
}
