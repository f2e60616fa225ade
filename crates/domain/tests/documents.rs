//! The behaviour that people read has the rules and alerts that the code has.

use std::collections::BTreeMap;

use warden_domain::{Alert, Rule};

const BEHAVIOUR: &str = include_str!("../../../docs/behaviour.md");

/// The first two cells of every table row.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    BEHAVIOUR.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?, cells.next()?))
    })
}

#[test]
fn every_rule_is_documented_once_and_no_other_is() {
    let is_id = |cell: &str| cell.split_once('-').is_some_and(|(_, number)| number.parse::<u8>().is_ok());
    let documented: Vec<_> = rows().map(|(cell, _)| cell).filter(|cell| is_id(cell)).collect();
    let ours: Vec<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(documented, ours);
}

#[test]
fn every_alert_is_documented_with_its_severity_and_no_other_is() {
    let name = |cell: &'static str| cell.strip_prefix('`')?.strip_suffix('`');
    let severities = ["critical", "warning", "info"];
    let documented: BTreeMap<_, _> = rows()
        .filter(|(_, severity)| severities.contains(severity))
        .filter_map(|(cell, severity)| Some((name(cell)?, severity)))
        .collect();
    let ours: BTreeMap<_, _> =
        Alert::ALL.iter().map(|alert| (alert.as_str(), alert.severity().as_str())).collect();
    assert_eq!(documented, ours);
}
