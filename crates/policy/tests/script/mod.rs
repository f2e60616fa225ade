//! Runs the text cases: lines of events go in, what the engine does about each comes out below it.
//!
//! `UPDATE_CASES=1` writes the outcome into the files instead of comparing it.

mod parse;
mod print;

use std::{fmt::Write as _, fs, path::PathBuf};

use warden_policy::{Event, Stepped, decode_state, encode_state};

use crate::common::{Bench, plain};
use parse::{Given, Line};
use print::Facets;

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
    reason = "a person regenerates the cases by it; the engine reads no environment"
)]
fn asked_to_write() -> bool {
    std::env::var_os("UPDATE_CASES").is_some()
}

/// The same text with the outcomes written anew.
pub(crate) fn play(text: &str) -> Result<String, String> {
    let mut bench = Bench::new(plain());
    let mut facets = Facets::of(&bench);
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with(' ') {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        let fault = |what: String| format!("line {}: {what}", number + 1);
        match parse::line(line, &bench).map_err(fault)? {
            Line::Comment => {}
            Line::NewCase => {
                bench = Bench::new(plain());
                facets = Facets::of(&bench);
            }
            Line::Set(key, value) => parse::set(&mut bench.params, key, value).map_err(fault)?,
            Line::Check(after, expected) => {
                bench.pass(after);
                let state = Facets::of(&bench);
                if !state.all().iter().any(|facet| facet.contains(expected)) {
                    return Err(fault(format!("{expected:?} is not in {:#?}", state.all())));
                }
            }
            Line::Event(after, event) => {
                bench.pass(after);
                happen(&mut bench, event, &mut facets, &mut out);
            }
            Line::Given(given) => {
                bench.log_in();
                match given {
                    Given::LoggingIn => {}
                    Given::Up => bench.logged_in(),
                }
                facets = Facets::of(&bench);
            }
            Line::Next => {
                let passed = bench.next().ok_or_else(|| fault("nothing is planned".to_owned()))?;
                let _ = writeln!(out, "    after {passed}");
                show(&bench, Stepped::Changed, &mut facets, &mut out);
            }
            Line::Restart(after) => {
                bench.pass(after);
                let mut bytes = Vec::new();
                encode_state(&bench.state, &mut bytes);
                bench.state = decode_state(&bytes).map_err(|what| fault(what.to_string()))?;
                happen(&mut bench, Event::Resume, &mut facets, &mut out);
            }
        }
    }
    Ok(out)
}

fn happen(bench: &mut Bench, event: Event, facets: &mut Facets, out: &mut String) {
    let stepped = bench.give(event);
    show(bench, stepped, facets, out);
}

fn show(bench: &Bench, stepped: Stepped, facets: &mut Facets, out: &mut String) {
    let lines = print::step(bench, stepped, facets);
    for line in lines {
        let _ = writeln!(out, "    {line}");
    }
    *facets = Facets::of(bench);
}
