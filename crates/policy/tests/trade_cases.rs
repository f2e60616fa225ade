//! The trade rules, case by case, as a trader reads them: see `trades/*.txt`.
//!
//! `UPDATE_CASES=1 cargo test -p warden-policy --test trade_cases` writes what the engine does into the files; read the
//! difference before it is kept. Lines that begin with `expect` are not written anew.

mod trade_script;

#[test]
fn trd_1_a_partial_fill_has_10_s_and_its_rest_one_more_try() {
    trade_script::run("trd_1");
}

#[test]
fn trd_2_a_fill_beyond_3_percent_is_flattened_and_the_third_stops() {
    trade_script::run("trd_2");
}

#[test]
fn trd_3_not_executed_in_5_s_is_verified_and_tried_after_10_s() {
    trade_script::run("trd_3");
}

#[test]
fn trd_4_a_duplicate_is_removed_once_and_the_third_stops() {
    trade_script::run("trd_4");
}

#[test]
fn trd_5_a_vanished_stop_loss_is_set_again_and_the_third_misfire_stops() {
    trade_script::run("trd_5");
}

#[test]
fn trd_6_pending_is_tried_after_5_s_verified_first() {
    trade_script::run("trd_6");
}

#[test]
fn trd_7_no_order_leaves_late_or_past_a_shut_gate() {
    trade_script::run("trd_7");
}

#[test]
fn trd_8_what_is_not_ours_is_never_touched() {
    trade_script::run("trd_8");
}

#[test]
fn trd_9_each_answer_asks_for_what_the_table_says() {
    trade_script::run("trd_9");
}

#[test]
fn net_1_a_trade_without_a_connection_is_tried_three_times() {
    trade_script::run("net_1");
}

#[test]
fn rec_4_a_restart_finds_out_what_became_of_a_send() {
    trade_script::run("rec_4");
}

#[test]
fn a_lost_answer_is_unknown_until_it_is_proven() {
    trade_script::run("unknown");
}

#[test]
fn every_case_is_run() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trades");
    let source = include_str!("trade_cases.rs");
    for entry in std::fs::read_dir(folder).expect("the cases are beside their runner") {
        let name =
            entry.expect("an entry").path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = name.expect("a case has a name");
        assert!(source.contains(&format!("trade_script::run(\"{name}\")")), "nothing runs {name}");
    }
}
