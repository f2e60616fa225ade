//! The rules, case by case, as a trader reads them: see `cases/*.txt`.
//!
//! `UPDATE_CASES=1 cargo test -p warden-policy --test cases` writes what the engine does into the files; read the
//! difference before it is kept. Lines that begin with `expect` are not written anew.

mod common;
mod script;

#[test]
fn ses_1_trading_opens_only_on_a_confirmed_session() {
    script::run("ses_1");
}

#[test]
fn log_1_a_start_fetches_credentials_and_connects() {
    script::run("log_1");
}

#[test]
fn log_2_five_logins_with_waits_of_5_10_30_and_60_s() {
    script::run("log_2");
}

#[test]
fn log_3_the_fifth_refused_login_stops_for_good() {
    script::run("log_3");
}

#[test]
fn log_4_a_reset_inside_the_cool_down_logs_in_when_it_ends() {
    script::run("log_4");
}

#[test]
fn log_5_three_refused_logins_alert_and_throttle() {
    script::run("log_5");
}

#[test]
fn log_6_a_login_after_failures_clears_them_and_says_so_once() {
    script::run("log_6");
}

#[test]
fn log_7_a_reset_works_from_any_failed_state_but_account_closed() {
    script::run("log_7");
}

#[test]
fn log_8_a_network_lost_during_a_login_waits_10_s_and_is_not_counted() {
    script::run("log_8");
}

#[test]
fn log_9_what_was_refused_is_decided_on_evidence() {
    script::run("log_9");
}

#[test]
fn log_10_a_login_waits_for_its_lock_and_never_runs_twice() {
    script::run("log_10");
}

#[test]
fn brk_1_reconnects_after_30_s_at_most_5_times() {
    script::run("brk_1");
}

#[test]
fn brk_2_pauses_60_s_doubling_and_stops_at_the_third_limit() {
    script::run("brk_2");
}

#[test]
fn brk_3_10024_always_and_10008_without_a_ticket_is_a_rate_limit() {
    script::run("brk_3");
}

#[test]
fn brk_4_maintenance_is_tried_again_after_1_h_and_uses_no_budget() {
    script::run("brk_4");
}

#[test]
fn brk_5_a_held_instance_waits_still_and_uses_no_budget() {
    script::run("brk_5");
}

#[test]
fn net_1_a_drop_is_reconnected_within_5_s_and_confirmed_first() {
    script::run("net_1");
}

#[test]
fn net_2_a_crash_is_restarted_within_30_s_at_most_3_times() {
    script::run("net_2");
}

#[test]
fn net_3_a_lost_store_closes_the_gate_and_stops_when_given_up() {
    script::run("net_3");
}

#[test]
fn net_4_more_than_30_s_disconnected_is_told_and_reconnecting_goes_on() {
    script::run("net_4");
}

#[test]
fn net_5_reconnects_with_growing_waits_at_most_5_times() {
    script::run("net_5");
}

#[test]
fn acc_1_a_disabled_account_stops_at_once_and_is_cleared() {
    script::run("acc_1");
}

#[test]
fn acc_2_a_closed_account_never_recovers() {
    script::run("acc_2");
}

#[test]
fn acc_3_destruction_is_staged_and_survives_a_crash() {
    script::run("acc_3");
}

#[test]
fn acc_4_a_closed_account_offers_to_add_a_new_one() {
    script::run("acc_4");
}

#[test]
fn acc_5_lost_rights_reconnect_once_after_60_s_then_stop() {
    script::run("acc_5");
}

#[test]
fn acc_6_an_unreadable_state_is_rebuilt_within_5_s_or_stops() {
    script::run("acc_6");
}

#[test]
fn acc_7_a_user_stop_deals_with_trades_and_rests() {
    script::run("acc_7");
}

#[test]
fn rec_1_more_than_three_recoveries_that_do_not_last_stop() {
    script::run("rec_1");
}

#[test]
fn rec_2_a_conflict_is_retried_after_5_s_then_stops() {
    script::run("rec_2");
}

#[test]
fn rec_3_recovery_by_status_and_only_after_a_confirmed_session() {
    script::run("rec_3");
}

#[test]
fn rec_4_a_restarted_supervisor_goes_on_and_gets_no_budget_back() {
    script::run("rec_4");
}

#[test]
fn rec_5_a_tick_before_its_moment_does_nothing_and_none_is_lost() {
    script::run("rec_5");
}

#[test]
fn trade_rules_may_pause_and_stop_an_instance() {
    script::run("trades");
}

#[test]
fn trd_7_a_halt_lets_no_order_out_until_a_person_lifts_it() {
    script::run("halt");
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
