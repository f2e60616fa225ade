//! Reading one fault out of a TOML table, with everything that is wrong with it.

use toml::{Spanned, de::DeTable, de::DeValue};
use warden_domain::Span;

use super::{Fault, FaultKind, Roster, Who};

/// Reads a `[[fault]]` table; what is wrong goes to `fault`, with the place in the text.
pub(super) fn table(
    table: &Spanned<DeValue<'_>>,
    roster: &Roster,
    needs_at: bool,
    report: &mut dyn FnMut(usize, &str, String),
) -> Option<Fault> {
    let place = table.span().start;
    let DeValue::Table(keys) = table.get_ref() else {
        report(place, "fault", "it is not a table; write [[fault]] and its keys below".into());
        return None;
    };
    let known = ["at", "for", "who", "what"];
    for key in keys.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
        let name = key.get_ref();
        report(key.span().start, name, format!("unknown key; write one of {}", known.join(", ")));
    }
    let at = match keys.get("at") {
        Some(value) => span(value, "at", report),
        None if needs_at => missing(place, "at", "\"10s\"", report),
        None => Some(Span::ZERO),
    };
    let lasts = match keys.get("for") {
        Some(value) => span(value, "for", report).map(Some),
        None => Some(None),
    };
    let who = match keys.get("who") {
        Some(value) => who(value, roster, report),
        None => missing(place, "who", "\"all\"", report),
    };
    let what = what(keys, place, report);
    Some(Fault { at: at?, lasts: lasts?, who: who?, what: what? })
}

fn what(keys: &DeTable<'_>, place: usize, report: &mut dyn FnMut(usize, &str, String)) -> Option<FaultKind> {
    let Some(value) = keys.get("what") else {
        return missing(place, "what", "\"broker_down\"", report);
    };
    match text(value).parse() {
        Ok(kind) => Some(kind),
        Err(fault) => {
            report(value.span().start, "what", fault);
            None
        }
    }
}

fn who(
    value: &Spanned<DeValue<'_>>,
    roster: &Roster,
    report: &mut dyn FnMut(usize, &str, String),
) -> Option<Who> {
    let DeValue::Array(names) = value.get_ref() else {
        return match roster.read(&text(value)) {
            Ok(who) => Some(who),
            Err(fault) => {
                report(value.span().start, "who", fault);
                None
            }
        };
    };
    let mut ids = Vec::new();
    let mut good = true;
    for name in names.iter() {
        match roster.read(&text(name)) {
            Ok(Who::Instances(more)) => ids.extend(more),
            Ok(_) => {
                report(
                    name.span().start,
                    "who",
                    "a list holds instances only; write a fault of its own".into(),
                );
                good = false;
            }
            Err(fault) => {
                report(name.span().start, "who", fault);
                good = false;
            }
        }
    }
    good.then_some(Who::Instances(ids))
}

fn span(
    value: &Spanned<DeValue<'_>>,
    key: &str,
    report: &mut dyn FnMut(usize, &str, String),
) -> Option<Span> {
    match text(value).parse() {
        Ok(Span::ZERO) if key == "for" => {
            report(
                value.span().start,
                key,
                "a fault of no length does nothing; give it one, or remove the key".into(),
            );
            None
        }
        Ok(span) => Some(span),
        Err(fault) => {
            report(value.span().start, key, fault.to_string());
            None
        }
    }
}

/// The text of a value; of a number its digits, so that a span without a unit is named as such.
fn text(value: &Spanned<DeValue<'_>>) -> String {
    match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn missing<T>(place: usize, key: &str, like: &str, report: &mut dyn FnMut(usize, &str, String)) -> Option<T> {
    report(place, key, format!("the key is missing; write {key} = {like}"));
    None
}
