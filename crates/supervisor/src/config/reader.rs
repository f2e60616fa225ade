use std::{
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use warden_domain::Span;

use super::{Fault, keys, secrets::is_secret};

/// A value and where it stands.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A place in the file's text, in bytes.
pub(super) type Place = Range<usize>;

/// Reads a parsed file and collects everything that is wrong with it.
pub(super) struct Reader<'f> {
    file: &'f Path,
    /// Where each line begins.
    lines: Vec<usize>,
    pub(super) faults: Vec<Fault>,
    /// The text did not parse: what is missing may be there, so that nothing is called missing.
    pub(super) partial: bool,
}

impl<'f> Reader<'f> {
    pub(super) fn new(file: &'f Path, text: &str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, lines, faults: Vec::new(), partial: false }
    }

    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    pub(super) fn fault(&mut self, place: &Place, key: &str, what: impl Into<String>) {
        let line = Some(self.line(place.start));
        self.faults.push(Fault { file: self.file.to_owned(), line, key: key.to_owned(), what: what.into() });
    }

    /// A fault of the file as a whole.
    pub(super) fn missing(&mut self, key: &str, what: &str) {
        if !self.partial {
            let (file, key) = (self.file.to_owned(), key.to_owned());
            self.faults.push(Fault { file, line: None, key, what: format!("is missing; {what}") });
        }
    }

    /// The path that a text of the file means: a relative one counts from the file's folder.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(text)
    }

    /// The section of this name; keys it does not know are faults.
    pub(super) fn section<'r, 'v>(
        &'r mut self,
        name: &'static str,
        document: &'v DeTable<'v>,
    ) -> Section<'r, 'f, 'v> {
        let table = document.get(name).and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                let what = format!("is {}; write it as a section: [{name}]", kind(value.get_ref()));
                self.fault(&value.span(), name, what);
            }
            table
        });
        if let Some(table) = table {
            self.unknown_keys(name, table);
        }
        Section { reader: self, name, table }
    }

    pub(super) fn unknown_keys(&mut self, section: &str, table: &DeTable<'_>) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if is_secret(name) || keys::names(section).any(|known| known == name) {
                continue; // a secret is refused by its own rule
            }
            let what = match keys::like(name, keys::names(section)) {
                Some(meant) => format!("is unknown; did you mean {meant}?"),
                None => "is unknown; remove it".to_owned(),
            };
            self.fault(&key.span(), &format!("{section}.{name}"), what);
        }
    }
}

/// One section: every getter answers `None` when the key is absent or its value is a fault, which is then noted.
pub(super) struct Section<'r, 'f, 'v> {
    pub(super) reader: &'r mut Reader<'f>,
    name: &'static str,
    table: Option<&'v DeTable<'v>>,
}

impl<'v> Section<'_, '_, 'v> {
    /// A section that is one of several of the same name.
    pub(super) fn of<'r, 'f>(
        reader: &'r mut Reader<'f>,
        name: &'static str,
        table: &'v DeTable<'v>,
    ) -> Section<'r, 'f, 'v> {
        reader.unknown_keys(name, table);
        Section { reader, name, table: Some(table) }
    }

    /// Where a key's value stands.
    pub(super) fn place(&self, key: &str) -> Option<Place> {
        self.table?.get(key).map(Spanned::span)
    }

    pub(super) fn fault(&mut self, key: &str, place: &Place, what: impl Into<String>) {
        self.reader.fault(place, &format!("{}.{key}", self.name), what);
    }

    /// A fault of a key that was given, or else of the section's default.
    pub(super) fn fault_at(&mut self, key: &str, what: impl Into<String>) {
        match self.place(key) {
            Some(place) => self.fault(key, &place, what),
            None => {
                let (file, key) = (self.reader.file.to_owned(), format!("{}.{key}", self.name));
                self.reader.faults.push(Fault { file, line: None, key, what: what.into() });
            }
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<&'v Value<'v>> {
        self.table?.get(key)
    }

    pub(super) fn text(&mut self, key: &str) -> Option<(&'v str, Place)> {
        let value = self.value(key)?;
        let DeValue::String(text) = value.get_ref() else {
            let what = format!("is {}; give a text in quotation marks", kind(value.get_ref()));
            self.fault(key, &value.span(), what);
            return None;
        };
        if text.is_empty() {
            self.fault(key, &value.span(), "is empty; give it a text, or remove the key");
            return None;
        }
        Some((text, value.span()))
    }

    /// A text that `read` understands.
    pub(super) fn parsed<T>(&mut self, key: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let (text, place) = self.text(key)?;
        read(text).map_err(|what| self.fault(key, &place, what)).ok()
    }

    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        let (text, _) = self.text(key)?;
        Some(self.reader.path(text))
    }

    /// A span within the range.
    pub(super) fn span(&mut self, key: &str, range: &RangeInclusive<Span>) -> Option<Span> {
        let value = self.value(key)?;
        match span(value.get_ref(), range) {
            Ok(span) => Some(span),
            Err(what) => {
                self.fault(key, &value.span(), what);
                None
            }
        }
    }

    /// A whole number within the range.
    pub(super) fn number(&mut self, key: &str, range: &RangeInclusive<u32>) -> Option<u32> {
        let value = self.value(key)?;
        match number(value.get_ref(), range) {
            Ok(number) => Some(number),
            Err(what) => {
                self.fault(key, &value.span(), what);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        let DeValue::Boolean(flag) = value.get_ref() else {
            let what = format!("is {}; give true or false", kind(value.get_ref()));
            self.fault(key, &value.span(), what);
            return None;
        };
        Some(*flag)
    }
}

/// Above zero, to a year.
pub(super) const ANY_SPAN: RangeInclusive<Span> = Span::from_millis(1)..=Span::from_secs(365 * 86_400);

fn span(value: &DeValue<'_>, range: &RangeInclusive<Span>) -> Result<Span, String> {
    let no_unit = |digits: &str| Err(format!("{digits} has no unit; write it like \"30s\""));
    let span: Span = match value {
        DeValue::String(text) => text.parse().map_err(|fault: warden_domain::SpanError| fault.to_string())?,
        DeValue::Integer(number) => return no_unit(number.as_str()),
        DeValue::Float(number) => return no_unit(number.as_str()),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            return Err(format!("is {}; give a span such as \"30s\"", kind(value)));
        }
    };
    if span == Span::ZERO && *range.start() > span {
        return Err("is zero; give a span longer than nothing".to_owned());
    }
    if range.contains(&span) {
        return Ok(span);
    }
    Err(format!("{span} is out of range; give {} to {}", range.start(), range.end()))
}

fn number(value: &DeValue<'_>, range: &RangeInclusive<u32>) -> Result<u32, String> {
    let DeValue::Integer(digits) = value else {
        return Err(format!("is {}; give a whole number", kind(value)));
    };
    let read =
        i128::from_str_radix(digits.as_str(), digits.radix()).ok().and_then(|read| u32::try_from(read).ok());
    match read {
        Some(read) if range.contains(&read) => Ok(read),
        _ => Err(format!("{} is out of range; give {} to {}", digits.as_str(), range.start(), range.end())),
    }
}

/// The kind of a value in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
