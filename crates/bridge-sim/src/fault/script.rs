use std::fmt;

use toml::de::{DeTable, DeValue};

use super::{Fault, Roster, read};

/// Faults at their times, read from TOML.
///
/// ```toml
/// [[fault]]
/// at = "10s"                  # since the world began
/// for = "45s"                 # absent: once, or for ever, as fits the kind
/// who = "server:Broker-Live"  # or "acct-3", ["acct-1", "acct-2"], "gateway:gw1", "all", "3 of all"
/// what = "broker_down"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultScript {
    /// The faults, in the order of the text.
    pub faults: Vec<Fault>,
}

impl FaultScript {
    /// Reads a script for a fleet.
    ///
    /// # Errors
    /// Everything that is wrong with it: not TOML, unknown keys and kinds, spans without units, names that the fleet
    /// does not have.
    pub fn parse(text: &str, roster: &Roster) -> Result<Self, Vec<ScriptFault>> {
        Self::read(text, roster, true)
    }

    /// Reads one fault written as an inline table, such as `{ who = "all", what = "freeze", for = "5s" }`; without
    /// `at` it begins at once.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse_line(line: &str, roster: &Roster) -> Result<Self, Vec<ScriptFault>> {
        Self::read(&format!("fault = [{line}]"), roster, false)
    }

    fn read(text: &str, roster: &Roster, needs_at: bool) -> Result<Self, Vec<ScriptFault>> {
        let mut wrong = Vec::new();
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let place = error.span().map_or(0, |span| span.start);
            wrong.push(ScriptFault {
                line: line_of(text, place),
                key: String::new(),
                what: error.message().to_owned(),
            });
        }
        if !wrong.is_empty() {
            // What can be read of broken TOML says nothing about what was meant.
            return Err(wrong);
        }
        let mut report = |place: usize, key: &str, what: String| {
            wrong.push(ScriptFault { line: line_of(text, place), key: key.to_owned(), what });
        };
        let mut faults = Vec::new();
        for (key, value) in document.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("fault", DeValue::Array(tables)) => {
                    faults.extend(
                        tables.iter().filter_map(|table| read::table(table, roster, needs_at, &mut report)),
                    );
                }
                ("fault", _) => report(key.span().start, "fault", "it is not a list; write [[fault]]".into()),
                (other, _) => {
                    report(key.span().start, other, "unknown key; a script holds [[fault]] only".into());
                }
            }
        }
        wrong.sort_by_key(|fault| fault.line);
        if wrong.is_empty() { Ok(Self { faults }) } else { Err(wrong) }
    }
}

/// What is wrong with a line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFault {
    /// The line, from 1.
    pub line: usize,
    /// The key; empty where the text is not TOML.
    pub key: String,
    /// What is wrong and what to do.
    pub what: String,
}

impl fmt::Display for ScriptFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.what),
            key => write!(f, "line {}: {key}: {}", self.line, self.what),
        }
    }
}

pub(crate) fn line_of(text: &str, place: usize) -> usize {
    text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use warden_domain::{InstanceId, Span};

    use super::*;
    use crate::fault::{FaultKind, Who};

    fn roster() -> Roster {
        let mut roster = Roster::default();
        for (id, server) in [("acct-1", "Broker-Live"), ("acct-2", "Broker-Live"), ("acct-3", "Other")] {
            roster.add(InstanceId::new(id).unwrap(), server, "gw1");
        }
        roster
    }

    #[test]
    fn a_script_is_read() {
        let script = FaultScript::parse(
            "[[fault]]\nat = \"10s\"\nfor = \"45s\"\nwho = \"2 of server:Broker-Live\"\nwhat = \"broker_down\"\n\
             [[fault]]\nat = \"1m30s\"\nwho = [\"acct-1\", \"acct-3\"]\nwhat = \"login_flaky(2)\"\n",
            &roster(),
        )
        .unwrap();
        let [first, second] = &script.faults[..] else { panic!("two faults: {script:?}") };
        assert_eq!((first.at, first.lasts), (Span::from_secs(10), Some(Span::from_secs(45))));
        assert_eq!(first.who, Who::Some(2, Box::new(Who::Server("Broker-Live".into()))));
        assert_eq!((second.lasts, second.what), (None, FaultKind::LoginFlaky(2)));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_its_line() {
        let text = "colour = 1\n\
                    [[fault]]\nat = 10\nwho = \"acct-9\"\nwhat = \"brokr_down\"\nuntil = \"5s\"\n\
                    [[fault]]\nat = \"5s\"\nfor = \"0s\"\nwho = [\"acct-1\", \"all\"]\n";
        let wrong = FaultScript::parse(text, &roster()).unwrap_err();
        let told: Vec<(usize, &str)> = wrong.iter().map(|fault| (fault.line, fault.key.as_str())).collect();
        assert_eq!(
            told,
            [
                (1, "colour"),
                (3, "at"),
                (4, "who"),
                (5, "what"),
                (6, "until"),
                (7, "what"),
                (9, "for"),
                (10, "who")
            ]
        );
        assert_eq!(wrong[1].to_string(), "line 3: at: \"10\" has no unit; write it like 30s, 5m or 250ms");
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line() {
        let wrong = FaultScript::parse("[[fault]]\nat = \n", &roster()).unwrap_err();
        assert_eq!((wrong[0].line, wrong[0].key.as_str()), (2, ""), "{wrong:?}");
    }

    #[test]
    fn a_line_is_one_fault_that_begins_at_once() {
        let script =
            FaultScript::parse_line("{ who = \"all\", what = \"freeze\", for = \"5s\" }", &roster()).unwrap();
        assert_eq!(script.faults[0].at, Span::ZERO);
        assert!(FaultScript::parse_line("{ who = \"all\" }", &roster()).is_err());
    }
}
