//! The stored forms: JSON text is what other services read, postcard is what the journal keeps.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use warden_domain::{
    AccountFlags, Alert, ClientTradeId, ConnectionState, Desired, Epoch, Facts, FailureReason, Gate, Health,
    IncidentKind, InstanceId, JournalLine, Layer, Login, Lots, Magic, OpId, OrderKind, Points, Price,
    Rounding, Rule, Severity, Side, Span, Status, StopMode, TerminalFlags, Ticket, Timestamp, TradeServer,
    TradeState, Version,
    retcode::{Call, Class, LAST_ERRORS, LastError, PlacedReading, RETCODES, Retcode},
};

/// Shows the JSON form after proving that both forms come back as they went.
#[expect(clippy::unwrap_used, reason = "a test helper: a form that cannot be written fails the test")]
fn json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> String {
    let binary = postcard::to_stdvec(value).unwrap();
    assert_eq!(&postcard::from_bytes::<T>(&binary).unwrap(), value);
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
    text
}

/// Every value of an enum of stable texts is stored as that text, and an unknown text is refused.
macro_rules! every_text {
    ($($name:ident),+) => {$(
        for value in $name::ALL {
            assert_eq!(json(value), format!("{:?}", value.as_str()));
            assert_eq!($name::from_text(value.as_str()), Some(*value));
        }
        assert!(serde_json::from_str::<$name>("\"no such value\"").is_err());
        assert_eq!($name::from_text("no such value"), None);
    )+};
}

#[test]
fn every_enum_is_stored_as_its_text() {
    every_text!(
        Alert,
        Call,
        Class,
        ConnectionState,
        Desired,
        FailureReason,
        IncidentKind,
        JournalLine,
        Layer,
        OrderKind,
        PlacedReading,
        Rounding,
        Rule,
        Severity,
        Side,
        Status,
        StopMode,
        TradeState
    );
}

#[test]
fn ids_are_stored_as_their_text_or_number_and_checked_when_read() {
    assert_eq!(json(&InstanceId::new("acct-1").unwrap()), "\"acct-1\"");
    assert_eq!(json(&ClientTradeId::new("t_1").unwrap()), "\"t_1\"");
    assert_eq!(json(&TradeServer::new("Broker-Live 3").unwrap()), "\"Broker-Live 3\"");
    assert_eq!(json(&Login::new(5_001).unwrap()), "5001");
    assert_eq!(json(&Ticket::of(9).unwrap()), "9");
    assert_eq!(json(&Magic::new(1, 2).unwrap()), "274877906946");
    assert_eq!(json(&Epoch(3)) + &json(&Version(4)) + &json(&OpId(u64::MAX)), "3418446744073709551615");
    assert!(serde_json::from_str::<InstanceId>("\"a:b\"").is_err());
    assert!(serde_json::from_str::<ClientTradeId>("\"\"").is_err());
    assert!(serde_json::from_str::<TradeServer>("\"a\\u0000b\"").is_err());
    assert!(serde_json::from_str::<Login>("0").is_err());
    assert!(serde_json::from_str::<Ticket>("0").is_err());
    assert!(serde_json::from_str::<Magic>("123456").is_err());
}

#[test]
fn amounts_are_stored_exactly() {
    assert_eq!(json(&"0.03".parse::<Lots>().unwrap()), "\"0.03\"");
    assert_eq!(json(&Price::from_units(i64::MIN)), "\"-92233720368.54775808\"");
    assert_eq!(json(&Points(-15)), "-15");
    assert!(serde_json::from_str::<Lots>("\"0,03\"").is_err());
}

#[test]
fn time_is_stored_as_milliseconds_and_spans_with_their_unit() {
    assert_eq!(json(&Timestamp::from_millis(1_700_000_000_123)), "1700000000123");
    assert_eq!(json(&Timestamp::MAX), i64::MAX.to_string());
    assert_eq!(json(&Span::from_secs(90)), "\"1m30s\"");
    assert!(serde_json::from_str::<Span>("\"30\"").is_err());
}

#[test]
fn the_gate_is_stored_with_its_reason() {
    let until = Timestamp::from_millis(7);
    assert_eq!(json(&Gate::Open), "\"OPEN\"");
    assert_eq!(
        json(&Gate::Paused { until, reason: FailureReason::RateLimited }),
        r#"{"PAUSED":{"until":7,"reason":"RATE_LIMITED"}}"#
    );
    assert_eq!(json(&Gate::ReduceOnly(FailureReason::Slippage)), r#"{"REDUCE_ONLY":"SLIPPAGE"}"#);
    assert_eq!(json(&Gate::Shut(FailureReason::None)), r#"{"SHUT":"NONE"}"#);
}

#[test]
fn health_is_stored_as_its_layers() {
    assert_eq!(json(&Health::default()), "0");
    for layer in Layer::ALL {
        let health = Health::default().with(*layer, true);
        json(&health);
        assert!(Layer::ALL.iter().all(|other| health.is_up(*other) == (other == layer)));
    }
    json(&Layer::ALL.iter().copied().collect::<Health>());
}

#[test]
fn trd_9_codes_are_stored_as_their_number_listed_or_not() {
    for number in RETCODES.iter().map(|entry| entry.number).chain([0, 10_005, 99_999, u32::MAX]) {
        assert_eq!(json(&Retcode::of(number)), number.to_string());
    }
    for number in LAST_ERRORS.iter().map(|entry| entry.number).chain([0, -9, i32::MIN]) {
        assert_eq!(json(&LastError::of(number)), number.to_string());
    }
}

#[test]
fn log_9_evidence_is_stored_as_it_was_observed() {
    let terminal = TerminalFlags { connected: true, trade_allowed: false, tradeapi_disabled: true };
    let account = AccountFlags { expected: true, trade_allowed: true, trade_expert: false };
    json(&terminal);
    json(&account);
    json(&Facts::default());
    json(&Facts {
        retcode: Some(99_999),
        ticket: true,
        last_error: Some(-10_005),
        journal: Some(JournalLine::InvestorMode),
        terminal: Some(terminal),
        account: Some(account),
    });
}
