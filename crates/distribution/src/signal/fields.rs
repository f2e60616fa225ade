use std::collections::BTreeMap;

use crate::fault::{Fault, Faults};

/// The most faults that are told of one signal.
const MOST_FAULTS: usize = 64;
/// The longest field name that a fault repeats, in bytes.
const LONGEST_NAME: usize = 64;

/// Reads fields and collects what is wrong with them, never repeating a value.
pub(super) struct Fields<'a> {
    left: BTreeMap<&'a str, &'a str>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(fields: BTreeMap<&'a str, &'a str>, mut faults: Vec<Fault>) -> Self {
        faults.truncate(MOST_FAULTS);
        Self { left: fields, faults }
    }

    /// Notes the first fault of a field; those that follow from it would only confuse.
    pub(super) fn fault(&mut self, field: &str, what: impl Into<String>) {
        if self.faults.len() >= MOST_FAULTS || self.faults.iter().any(|fault| fault.field == field) {
            return;
        }
        self.faults.push(Fault { field: field.to_owned(), what: what.into() });
    }

    /// Takes a field out, where it is.
    pub(super) fn take(&mut self, field: &str) -> Option<&'a str> {
        self.left.remove(field)
    }

    /// A field that may be missing; `None` also when it is faulty, which is noted.
    pub(super) fn optional<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&'a str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.take(field)?;
        read(text).map_err(|what| self.fault(field, what)).ok()
    }

    /// A field that must be there; `None` when it is missing or faulty, which is noted.
    pub(super) fn required<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&'a str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.left.contains_key(field) {
            self.fault(field, "is missing; give it");
        }
        self.optional(field, read)
    }

    /// Whether the field is still there.
    pub(super) fn has(&self, field: &str) -> bool {
        self.left.contains_key(field)
    }

    /// Passes over fields of which nobody can tell whether they belong.
    pub(super) fn forgive(&mut self, fields: &[&str]) {
        self.left.retain(|field, _| !fields.contains(field));
    }

    /// Notes every field that nothing took; `known` are the names that have a place elsewhere.
    pub(super) fn end(&mut self, known: &[&str]) {
        for (field, _) in std::mem::take(&mut self.left) {
            let what = if known.contains(&field) {
                "does not belong to this action, kind or sizing; remove it"
            } else {
                "is not a known field; remove it or correct its spelling"
            };
            self.fault(&shown(field), what);
        }
    }

    /// What was read, when nothing is wrong.
    pub(super) fn result<T>(self, read: Option<T>) -> Result<T, Faults> {
        Faults::check(self.faults)?;
        read.ok_or_else(|| Faults::whole("cannot be read, and no field says why; tell its source"))
    }
}

/// The name of a field as a fault may show it: short, and without control characters.
pub(super) fn shown(field: &str) -> String {
    let plain: String = field.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let end = plain.floor_char_boundary(LONGEST_NAME);
    if plain.is_empty() { "(a field without a name)".to_owned() } else { plain[..end].to_owned() }
}
