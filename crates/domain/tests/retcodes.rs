//! The result-code tables against their sources.

use std::collections::BTreeMap;

use warden_domain::retcode::{
    Call, Class, LAST_ERRORS, LastError, PlacedReading, RETCODES, Retcode, class_of_last_error,
    class_of_retcode, reading,
};

/// Names and numbers as the official Python package assigns them, with the given prefix.
#[expect(clippy::unwrap_used, reason = "a test helper: a damaged fixture fails the test")]
fn official(prefix: &str) -> BTreeMap<String, i64> {
    include_str!("data/mt5_constants.txt")
        .lines()
        .filter(|line| line.starts_with(prefix))
        .map(|line| {
            let (name, number) = line.split_once(" = ").unwrap();
            (name.to_owned(), number.parse().unwrap())
        })
        .collect()
}

#[test]
fn trd_9_the_retcode_table_is_that_of_the_official_package() {
    let ours: BTreeMap<_, _> = RETCODES.iter().map(|e| (e.name.to_owned(), i64::from(e.number))).collect();
    let mut theirs = official("TRADE_RETCODE_");
    assert_eq!(theirs.len(), 40);
    // Documented by the MQL5 reference, not carried by the Python package.
    theirs.insert("TRADE_RETCODE_HEDGE_PROHIBITED".to_owned(), 10_046);
    assert_eq!(ours, theirs);
}

#[test]
fn trd_9_the_last_error_table_is_that_of_the_official_package() {
    let ours: BTreeMap<_, _> = LAST_ERRORS.iter().map(|e| (e.name.to_owned(), i64::from(e.number))).collect();
    assert_eq!(ours.len(), 15);
    assert_eq!(ours, official("RES_"));
}

#[test]
fn trd_9_rows_stand_by_rising_number_and_every_number_is_found() {
    assert!(RETCODES.is_sorted_by(|a, b| a.number < b.number));
    for entry in RETCODES {
        assert_eq!(Retcode::of(entry.number).entry(), Some(entry));
        assert!(!entry.text.is_empty() && !entry.action.is_empty());
    }
    for entry in LAST_ERRORS {
        assert_eq!(LastError::of(entry.number).entry(), Some(entry));
    }
}

#[test]
fn trd_9_an_unlisted_code_keeps_its_number_and_is_unknown_verify() {
    for number in [0, 1, 10_005, 10_037, 10_047, 99_999, u32::MAX] {
        let code = Retcode::of(number);
        assert_eq!(code.number(), number);
        for call in Call::ALL {
            assert_eq!(code.class(*call, false, PlacedReading::Evidence), Class::UnknownVerify);
        }
        assert_eq!(code.to_string(), format!("{number} (unlisted)"));
    }
    assert_eq!(class_of_last_error(-9), Class::UnknownVerify);
    assert_eq!(LastError::of(i32::MIN).number(), i32::MIN);
}

#[test]
fn brk_3_code_10024_is_always_a_rate_limit() {
    for profile in PlacedReading::ALL {
        for ticket in [true, false] {
            assert_eq!(class_of_retcode(10_024, ticket, *profile), Class::RateLimit);
            for call in Call::ALL {
                assert_eq!(Retcode::TOO_MANY_REQUESTS.class(*call, ticket, *profile), Class::RateLimit);
            }
        }
    }
}

#[test]
fn brk_3_code_10008_is_read_by_ticket_unless_the_broker_profile_says_otherwise() {
    let table = [
        (PlacedReading::Evidence, true, Class::Success),
        (PlacedReading::Evidence, false, Class::RateLimit),
        (PlacedReading::AlwaysPlaced, true, Class::Success),
        (PlacedReading::AlwaysPlaced, false, Class::Success),
        (PlacedReading::AlwaysRateLimit, true, Class::RateLimit),
        (PlacedReading::AlwaysRateLimit, false, Class::RateLimit),
    ];
    for (profile, ticket, class) in table {
        assert_eq!(reading(Retcode::PLACED, ticket, profile), class, "{profile} {ticket}");
    }
    // A market order that was "placed" was sent, not executed.
    assert_eq!(Retcode::PLACED.class(Call::Market, true, PlacedReading::Evidence), Class::UnknownVerify);
    assert_eq!(Retcode::PLACED.class(Call::Pending, true, PlacedReading::Evidence), Class::Success);
    assert_eq!(Retcode::PLACED.class(Call::Market, false, PlacedReading::Evidence), Class::RateLimit);
}

#[test]
fn trd_9_no_lost_answer_of_a_mutating_call_is_taken_for_plain_network() {
    for number in [-10_000, -10_001, -10_002, -10_005, -3] {
        assert_eq!(LastError::of(number).class(Call::Market), Class::UnknownVerify);
    }
    for number in [-10_003, -10_004] {
        assert_eq!(LastError::of(number).class(Call::Market), Class::Network, "proven not sent");
    }
    for call in Call::ALL {
        let class = Retcode::of(10_031).class(*call, false, PlacedReading::Evidence);
        assert_eq!(class, if call.mutates() { Class::UnknownVerify } else { Class::Network }, "{call}");
    }
}

#[test]
fn log_9_last_errors_separate_refusals_from_the_network() {
    assert_eq!(class_of_last_error(1), Class::Success);
    assert_eq!(class_of_last_error(-6), Class::FatalAccount);
    assert_eq!(class_of_last_error(-8), Class::Permission);
    for number in [-3, -10_000, -10_001, -10_003, -10_004, -10_005] {
        assert_eq!(class_of_last_error(number), Class::Network, "{number}");
    }
}

#[test]
fn codes_are_shown_with_their_names() {
    assert_eq!(Retcode::DONE.to_string(), "10009 TRADE_RETCODE_DONE");
    assert_eq!(format!("{:?}", LastError::AUTH_FAILED), "-6 RES_E_AUTH_FAILED");
}
