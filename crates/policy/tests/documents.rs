//! The behaviour that people read has the keys and defaults that the policy has.

use std::collections::BTreeSet;

use warden_policy::Params;

/// What stands between marks and is a key with a value: `` `login.attempts = 5` ``.
fn documented(text: &str) -> BTreeSet<String> {
    let marked = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    marked.filter(|words| words.contains(" = ")).map(str::to_owned).collect()
}

#[test]
fn every_parameter_is_documented_with_its_default_and_no_other_is() {
    let behaviour = include_str!("../../../docs/behaviour.md");
    let ours: BTreeSet<String> =
        Params::default().list().into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let theirs = documented(behaviour);
    let (missing, unknown): (Vec<_>, Vec<_>) =
        (ours.difference(&theirs).collect(), theirs.difference(&ours).collect());
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:#?}\nunknown {unknown:#?}");
}
