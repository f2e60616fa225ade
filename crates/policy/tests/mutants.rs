//! The text cases have teeth: each decision that is broken on purpose makes at least one of them read differently.

mod common;
mod script;
mod trade_script;

use std::{collections::BTreeSet, fs, path::Path};

use warden_policy::mutant::Mutant;

/// Cases of one kind: the folder, and how one of it is run and played.
struct Kind {
    folder: &'static str,
    run: fn(&str),
    play: fn(&str) -> Result<String, String>,
}

const KINDS: [Kind; 2] = [
    Kind { folder: "cases", run: script::run, play: script::play },
    Kind { folder: "trades", run: trade_script::run, play: trade_script::play },
];

struct Case {
    kind: &'static Kind,
    name: String,
    text: String,
}

impl Case {
    fn is_different(&self) -> bool {
        (self.kind.play)(&self.text).as_ref() != Ok(&self.text)
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in &KINDS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(kind.folder);
        for entry in fs::read_dir(path).expect("the cases are there") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a case has a name").to_string_lossy().into_owned();
            cases.push(Case { kind, name, text: fs::read_to_string(&path).expect("a case can be read") });
        }
    }
    cases
}

/// The cases that read differently now.
fn caught_by(cases: &[Case]) -> Vec<&str> {
    cases.iter().filter(|case| case.is_different()).map(|case| case.name.as_str()).collect()
}

#[test]
fn every_mutant_is_caught_by_a_case() {
    let cases = cases();
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        let broken = mutant.set();
        let caught = caught_by(&cases);
        println!("{mutant}: {}", caught.join(", "));
        if caught.is_empty() {
            missed.push(*mutant);
        }
        drop(broken);
    }
    assert_eq!(missed, vec![]);
    for case in cases {
        (case.kind.run)(&case.name);
    }
}

#[test]
fn a_mutant_has_a_name_and_a_text_of_its_own_and_stays_on_its_thread() {
    let names: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
    let texts: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.text()).collect();
    assert_eq!((names.len(), texts.len()), (Mutant::ALL.len(), Mutant::ALL.len()));
    assert_eq!(Mutant::from_name("ExpiredIsSent"), Some(Mutant::ExpiredIsSent));
    assert_eq!(Mutant::from_name("Nothing"), None);
    let cases = cases();
    let broken = Mutant::ExpiredIsSent.set();
    let elsewhere = std::thread::scope(|scope| scope.spawn(|| caught_by(&cases).len()).join());
    assert_eq!(elsewhere.expect("it does not panic"), 0);
    assert!(!caught_by(&cases).is_empty());
    drop(broken);
}
