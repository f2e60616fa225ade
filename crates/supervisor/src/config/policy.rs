use std::ops::Range;

use toml::de::{DeTable, DeValue};
use warden_policy::{
    Params,
    params::{ParamError, Value},
};

use super::{
    keys,
    reader::{Reader, kind},
    secrets::is_secret,
};

/// `[policy]`: its tables are flattened, so that `[policy.broker.down] attempts` is `broker.down.attempts`.
pub(super) fn read(reader: &mut Reader<'_>, document: &DeTable<'_>) -> Params {
    let mut reading = Reading { reader, params: Params::default(), known: known(), given: Vec::new() };
    let Some(value) = document.get("policy") else { return reading.params };
    let DeValue::Table(table) = value.get_ref() else {
        let what = format!("is {}; write it as a section: [policy]", kind(value.get_ref()));
        reading.reader.fault(&value.span(), "policy", what);
        return reading.params;
    };
    reading.table("", table);
    reading.what_does_not_fit_together(&value.span());
    reading.params
}

fn known() -> Vec<String> {
    Params::default().list().into_iter().map(|(key, _)| key).collect()
}

struct Reading<'r, 'f> {
    reader: &'r mut Reader<'f>,
    params: Params,
    known: Vec<String>,
    /// The keys that were given, each with its place.
    given: Vec<(String, Range<usize>)>,
}

impl Reading<'_, '_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = if prefix.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{prefix}.{}", name.get_ref())
            };
            if self.known.contains(&key) {
                self.set(key, &value.span(), value.get_ref());
            } else if let (true, DeValue::Table(below)) = (self.leads_somewhere(&key), value.get_ref()) {
                self.table(&key, below);
            } else if !is_secret(name.get_ref()) {
                self.unknown(&key, &name.span());
            }
        }
    }

    fn leads_somewhere(&self, key: &str) -> bool {
        self.known.iter().any(|known| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
    }

    fn unknown(&mut self, key: &str, place: &Range<usize>) {
        let what = if self.leads_somewhere(key) {
            format!("holds further keys; write it as a section: [policy.{key}]")
        } else {
            match keys::like(key, self.known.iter().map(String::as_str)) {
                Some(meant) => format!("{}; did you mean policy.{meant}?", ParamError::Unknown),
                None => ParamError::Unknown.to_string(),
            }
        };
        self.reader.fault(place, &format!("policy.{key}"), what);
    }

    fn set(&mut self, key: String, place: &Range<usize>, value: &DeValue<'_>) {
        match with_value(value, |value| self.params.set(&key, value)) {
            Ok(()) => self.given.push((key, place.clone())),
            Err(fault) => self.reader.fault(place, &format!("policy.{key}"), fault.to_string()),
        }
    }

    /// Faults of parameters that are well by themselves; each at the line of a key that has part in it.
    fn what_does_not_fit_together(&mut self, section: &Range<usize>) {
        for (key, what) in self.params.faults() {
            let part = |given: &&(String, Range<usize>)| given.0 == key || what.contains(given.0.as_str());
            let place = self.given.iter().find(part).map_or(section.clone(), |(_, place)| place.clone());
            self.reader.fault(&place, &format!("policy.{key}"), what);
        }
    }
}

/// Hands a value of the file over as parameters and settings take it.
pub(super) fn with_value<T>(value: &DeValue<'_>, with: impl FnOnce(&Value<'_>) -> T) -> T {
    if let DeValue::Array(list) = value {
        let items: Vec<Value<'_>> = list.iter().map(|item| single(item.get_ref())).collect();
        return with(&Value::List(&items));
    }
    with(&single(value))
}

/// A value that is not a list.
fn single<'v>(value: &'v DeValue<'_>) -> Value<'v> {
    match value {
        DeValue::String(text) => Value::Text(text),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_or(Value::Other("a number beyond 64 bits"), Value::Number),
        other @ (DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_)) => Value::Other(kind(other)),
    }
}
