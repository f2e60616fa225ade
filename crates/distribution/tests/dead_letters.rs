//! What could not be read is kept with its reason, bounded, and spreads nowhere.

mod common;

use common::BEGIN;
use warden_distribution::{DeadLetter, Params, Signal};

const SECRET: &str = "hunter2";

#[test]
fn a_value_is_in_the_raw_form_only() {
    let params = Params::default();
    let json = format!(
        r#"{{"key": "{SECRET}!", "lots": "{SECRET}", "created_at": "{SECRET}", "password": "{SECRET}"}}"#
    );
    let faults = Signal::from_json(json.as_bytes(), common::VALID_FOR, &params).unwrap_err();
    assert!(faults.list().len() > 3, "{faults}");
    let letter = DeadLetter::of_json("1700000000000-0", json.as_bytes(), faults, BEGIN, &params);
    for shown in [letter.to_string(), format!("{letter:?}"), letter.faults.to_string()] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    for (field, value) in letter.to_entry() {
        assert_eq!(value.contains(SECRET), field == "raw", "{field}");
    }
    assert_eq!(letter.raw, json);
    assert!(!letter.cut);
}

#[test]
fn no_fault_of_any_field_repeats_its_value() {
    let params = Params::default();
    let fields = [
        "key",
        "source",
        "created_at",
        "valid_for",
        "instance",
        "instances",
        "group",
        "action",
        "symbol",
        "side",
        "kind",
        "price",
        "trigger",
        "stop_loss",
        "take_profit",
        "sizing",
        "lots",
        "source_lots",
        "source_balance",
        "risk_percent",
        "risk_of",
        "of",
        "percent",
        "other",
    ];
    for action in ["open", "modify", "close", "close-all", SECRET] {
        for sizing in ["fixed", "ratio", "risk", SECRET] {
            let value = |field: &str| match field {
                "action" => action.to_owned(),
                "sizing" => sizing.to_owned(),
                _ => format!("{SECRET} \u{1}="),
            };
            let entry: Vec<(&str, String)> = fields.iter().map(|field| (*field, value(field))).collect();
            let faults = Signal::from_entry(&entry, common::VALID_FOR, &params).unwrap_err();
            assert!(!faults.to_string().contains(SECRET), "{faults}");
        }
    }
}

#[test]
fn what_is_large_is_cut_and_says_so() {
    let params = Params { dead_letter_bytes: 10, ..Params::default() };
    let letter = |raw: &[u8]| {
        let faults = Signal::from_json(raw, common::VALID_FOR, &params).unwrap_err();
        DeadLetter::of_json("1-0", raw, faults, BEGIN, &params)
    };
    let cut = letter(&[b'x'; 1_000]);
    assert_eq!((cut.raw.as_str(), cut.bytes, cut.cut), ("xxxxxxxxxx", 1_000, true));
    let whole = letter(b"xxxxxxxxxx");
    assert_eq!((whole.bytes, whole.cut), (10, false));
    // What is no text grows when it is shown: the bound holds.
    let binary = letter(&[0xff; 8]);
    assert!(binary.raw.len() <= 10 && binary.cut, "{}", binary.raw);
    let split = letter("xxxxxxxxx€".as_bytes());
    assert!(split.raw.len() <= 10 && split.cut, "{}", split.raw);
}

#[test]
fn an_entry_is_kept_field_by_field() {
    let params = Params::default();
    let entry = [(b"key".as_slice(), b"s-1".as_slice()), (b"\xff", b"\xfe"), (b"lots", b"\xff")];
    let faults = Signal::from_entry(&entry, common::VALID_FOR, &params).unwrap_err();
    assert!(faults.to_string().contains("lots is not UTF-8 text"), "{faults}");
    let letter = DeadLetter::of_entry("1-0", &entry, faults, BEGIN, &params);
    assert_eq!(letter.raw, "key=s-1\n\u{fffd}=\u{fffd}\nlots=\u{fffd}\n");
    assert_eq!(letter.bytes, 3 + 3 + 1 + 1 + 4 + 1 + 2 * 3);
}

#[test]
fn a_letter_comes_back_from_its_stored_form() {
    let params = Params::default();
    let faults = Signal::from_json(b"{}", common::VALID_FOR, &params).unwrap_err();
    let letter = DeadLetter::of_json("1-0", b"{}", faults, BEGIN, &params);
    let stored = serde_json::to_string(&letter).unwrap();
    assert_eq!(serde_json::from_str::<DeadLetter>(&stored).unwrap(), letter);
}
