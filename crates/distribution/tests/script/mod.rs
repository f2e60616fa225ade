//! Runs the text cases: lines of facts and signals go in, what becomes of each comes out below it.
//!
//! `UPDATE_CASES=1` writes the outcome into the files instead of comparing it.

mod parse;

use std::{fs, path::PathBuf, sync::Arc};

use warden_distribution::{Book, DeadLetter, Fanout, Faults, Params, Planned, Report, Signal};
use warden_domain::{InstanceId, Span, Timestamp};

use crate::common::{self, Account, BEGIN, budgets};

/// Everything that a case has set up.
pub(crate) struct World {
    accounts: Vec<Account>,
    params: Params,
    book: Book,
    now: Timestamp,
    report: Option<Report>,
}

impl World {
    fn new() -> Self {
        Self {
            accounts: Vec::new(),
            params: Params::default(),
            book: Book::default(),
            now: BEGIN,
            report: None,
        }
    }

    fn account(&mut self, id: &str) -> Result<&mut Account, String> {
        let found = self.accounts.iter_mut().find(|account| account.instance.as_str() == id);
        found.ok_or_else(|| format!("there is no account {id}"))
    }

    /// Plans a signal; the accounts keep what is left of their budgets.
    fn signal(&mut self, fields: &str) -> String {
        let entry = common::entry(fields, self.now);
        let signal = match Signal::from_entry(&entry, common::VALID_FOR, &self.params) {
            Ok(signal) => signal,
            Err(faults) => return told(&faults),
        };
        let facts = common::facts(&self.accounts);
        let planned = self.book.plan(&Arc::new(signal), &facts, self.now, &self.params);
        drop(facts);
        let text = match &planned {
            Planned::New(fanout) => {
                self.keep(fanout);
                self.report = Some(Report::of(fanout));
                fanout.to_string()
            }
            Planned::Known(fanout) => format!("known\n{fanout}"),
            Planned::Repeated(fanout) | Planned::Refused(fanout) => fanout.to_string(),
        };
        if text.is_empty() { "nothing".to_owned() } else { text }
    }

    fn keep(&mut self, fanout: &Fanout) {
        let left: Vec<_> = budgets(fanout).map(|(instance, budget)| (instance.clone(), budget)).collect();
        for (instance, budget) in left {
            let account = self.accounts.iter_mut().find(|account| account.instance == instance);
            account.expect("only known accounts are planned").budget = budget;
        }
    }

    /// The report as JSON, a line for each of its lines.
    fn report_json(&self) -> Result<String, String> {
        let json = self.report.as_ref().ok_or("nothing was planned")?.to_json();
        Ok(json.replace("{\"instance\"", "\n{\"instance\""))
    }

    /// Reads a JSON text; what is wrong with it, or its canonical form.
    fn json(&self, text: &str) -> String {
        match Signal::from_json(text.as_bytes(), common::VALID_FOR, &self.params) {
            Ok(signal) => signal.to_json(),
            Err(faults) => {
                let letter =
                    DeadLetter::of_json("1-0", text.as_bytes(), faults.clone(), self.now, &self.params);
                format!("{}\ndead letter: {}", told(&faults), letter.to_entry()[3].1)
            }
        }
    }

    fn heard(
        &mut self,
        instance: InstanceId,
        part: u32,
        outcome: warden_distribution::Outcome,
    ) -> Result<String, String> {
        let report = self.report.as_mut().ok_or("nothing was planned")?;
        let event = warden_distribution::OutcomeEvent { instance, part, at: self.now, outcome };
        let folded = report.fold(&event);
        let line = report.lines.iter().find(|line| (&line.instance, line.part) == (&event.instance, part));
        Ok(format!("{folded:?}: {}", line.map_or("no line".to_owned(), ToString::to_string)))
    }
}

fn told(faults: &Faults) -> String {
    let faults: Vec<String> = faults.list().iter().map(|fault| format!("fault: {fault}")).collect();
    faults.join("\n")
}

/// Runs `tests/cases/<name>.txt`.
pub(crate) fn run(name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(format!("{name}.txt"));
    let written = fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let played = play(&written).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    if asked_to_write() {
        fs::write(&path, played).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        return;
    }
    for (number, (said, is)) in written.lines().zip(played.lines()).enumerate() {
        assert_eq!(said, is, "{}:{}", path.display(), number + 1);
    }
    assert_eq!(written.lines().count(), played.lines().count(), "{} ends elsewhere", path.display());
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person regenerates the cases by it; planning reads no environment"
)]
fn asked_to_write() -> bool {
    std::env::var_os("UPDATE_CASES").is_some()
}

/// The same text with the outcomes written anew.
fn play(text: &str) -> Result<String, String> {
    let (mut world, mut last, mut out) = (World::new(), String::new(), String::new());
    for (number, line) in text.lines().enumerate() {
        if line.starts_with(' ') {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        let fault = |what: String| format!("line {}: {what}", number + 1);
        if let Some(expected) = line.strip_prefix("expect ") {
            if !last.contains(expected) {
                return Err(fault(format!("{expected:?} is not in\n{last}")));
            }
            continue;
        }
        let (after, words) = waited(line).map_err(fault)?;
        world.now = world.now.after(after);
        let Some(told) = parse::line(words, &mut world).map_err(fault)? else {
            continue;
        };
        for line in told.lines() {
            out.push_str("    ");
            out.push_str(line);
            out.push('\n');
        }
        last = told;
    }
    Ok(out)
}

/// `+30s words`: a wait comes before.
fn waited(line: &str) -> Result<(Span, &str), String> {
    let Some(rest) = line.strip_prefix('+') else {
        return Ok((Span::ZERO, line));
    };
    let (span, words) = rest.split_once(' ').ok_or("a wait comes before something")?;
    Ok((span.parse().map_err(|fault: warden_domain::SpanError| fault.to_string())?, words))
}
