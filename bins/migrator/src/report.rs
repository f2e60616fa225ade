//! What is told at the end: to people as text, to programs as JSON, to scripts as an exit code.

use anyhow::Error;
use serde_json::{Value, json};
use warden_store::schema::SchemaError;
use warden_supervisor::config::Faults;

use crate::{
    exit_codes,
    stores::{Answer, IN_USE, Outcome},
    tell,
};

/// What became of every store that was asked.
#[derive(Debug)]
pub(crate) struct Report {
    /// For people; without the faults.
    pub(crate) text: String,
    /// One object a store.
    pub(crate) stores: Vec<Value>,
    /// Faults, each with what it is about.
    pub(crate) faults: Vec<(String, Error)>,
    /// How each store ended.
    pub(crate) codes: Vec<u8>,
}

/// What one store contributes.
pub(crate) struct Entry {
    /// For people.
    pub(crate) text: String,
    /// For programs: an object.
    pub(crate) value: Value,
    /// For scripts.
    pub(crate) code: u8,
}

impl Report {
    /// Lets `answered` tell of the stores that answered; the others tell the same, whatever was asked.
    pub(crate) fn of<T>(
        outcomes: Vec<Outcome<T>>,
        in_use: u8,
        answered: impl Fn(&Outcome<T>, &str, &T) -> Entry,
    ) -> Self {
        let mut report =
            Self { text: String::new(), stores: Vec::new(), faults: Vec::new(), codes: Vec::new() };
        for outcome in outcomes {
            let store = outcome.store;
            let entry = match &outcome.answer {
                Ok(Answer::Is(place, answer)) => answered(&outcome, place, answer),
                Ok(Answer::InUse(place)) => Entry {
                    text: format!("{store}: {IN_USE} ({place})\n"),
                    value: json!({ "place": place, "state": "in_use" }),
                    code: in_use,
                },
                Ok(Answer::Schemaless(why)) => Entry {
                    text: format!("{store}: {why}\n"),
                    value: json!({ "state": "none", "why": why }),
                    code: exit_codes::OK,
                },
                Err(fault) => Entry {
                    text: String::new(),
                    value: json!({ "state": state_of(fault), "error": format!("{fault:#}") }),
                    code: exit_codes::of(fault),
                },
            };
            report.add(store.to_string(), entry);
            report.faults.extend(outcome.answer.err().map(|fault| (format!("{store}: "), fault)));
        }
        report
    }

    fn add(&mut self, store: String, entry: Entry) {
        let mut value = entry.value;
        value["store"] = Value::String(store);
        self.text.push_str(&entry.text);
        self.stores.push(value);
        self.codes.push(entry.code);
    }

    /// The exit code of it all.
    pub(crate) fn code(&self) -> u8 {
        exit_codes::hardest(&self.codes)
    }

    /// Prints it, the faults to stderr; gives its exit code.
    pub(crate) fn show(self, as_json: bool) -> u8 {
        let code = self.code();
        if as_json {
            println!("{}", json!({ "stores": self.stores, "exit_code": code }));
        } else {
            print!("{}", self.text);
        }
        for (about, fault) in &self.faults {
            tell(about, fault);
        }
        code
    }
}

/// The name of the state that a fault stands for.
fn state_of(fault: &Error) -> &'static str {
    if let Some(fault) = fault.chain().find_map(|cause| cause.downcast_ref::<SchemaError>()) {
        return match fault {
            SchemaError::Unreachable { .. } => "unreachable",
            SchemaError::Refused { .. } => "misconfigured",
            SchemaError::Failed { .. } => "step_failed",
            SchemaError::Locked { .. } => "locked",
            SchemaError::InUse { .. } => "in_use",
            SchemaError::Edited { .. } => "edited",
            SchemaError::Missing { .. } => "missing",
            SchemaError::Behind { .. } => "behind",
            SchemaError::Newer { .. } => "newer",
        };
    }
    if fault.chain().any(|cause| cause.is::<Faults>()) { "misconfigured" } else { "failed" }
}
