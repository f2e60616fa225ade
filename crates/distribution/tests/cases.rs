//! What becomes of signals, case by case, as a trader reads them: see `cases/*.txt`.
//!
//! `UPDATE_CASES=1 cargo test -p warden-distribution --test cases` writes what comes out into the files; read the
//! difference before it is kept. Lines that begin with `expect` are not written anew.

mod common;
mod script;

#[test]
fn a_volume_is_fixed_or_a_ratio_or_a_risk_and_never_rounded_up() {
    script::run("sizing");
}

#[test]
fn a_symbol_is_mapped_by_affix_or_by_name() {
    script::run("symbols");
}

#[test]
fn limits_refuse_what_is_beyond_them() {
    script::run("limits");
}

#[test]
fn a_gate_that_is_not_open_refuses_or_lets_positions_shrink() {
    script::run("gate");
}

#[test]
fn positions_are_changed_and_ended_by_key_symbol_and_side() {
    script::run("exits");
}

#[test]
fn a_reversed_account_does_the_opposite() {
    script::run("reversed");
}

#[test]
fn trd_7_a_late_signal_is_dropped_and_recorded() {
    script::run("trd_7");
}

#[test]
fn trd_4_a_key_is_planned_once() {
    script::run("trd_4");
}

#[test]
fn a_list_and_a_group_are_planned_in_one_order() {
    script::run("targets");
}

#[test]
fn a_faulty_signal_says_everything_that_is_wrong_at_once() {
    script::run("faults");
}

#[test]
fn a_report_says_what_became_of_each_account() {
    script::run("report");
}

#[test]
fn every_case_is_run() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let source = include_str!("cases.rs");
    for entry in std::fs::read_dir(folder).expect("the cases are beside their runner") {
        let name =
            entry.expect("an entry").path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = name.expect("a case has a name");
        assert!(source.contains(&format!("script::run(\"{name}\")")), "nothing runs {name}");
    }
}
