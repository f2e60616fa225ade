//! Account rules and parameters are given, shown and described by their keys.

use warden_distribution::{
    AccountRules, Params,
    settings::{Description, SettingError, Value},
};

/// Gives back what is shown, by its key.
fn give(shown: &str, set: impl FnOnce(&Value<'_>) -> Result<(), SettingError>) -> Result<(), SettingError> {
    if let Some(inner) = shown.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        let items: Vec<Value<'_>> = inner
            .split(", ")
            .filter(|it| !it.is_empty())
            .map(|it| Value::Text(it.trim_matches('"')))
            .collect();
        return set(&Value::List(&items));
    }
    match shown.parse() {
        Ok(number) => set(&Value::Number(number)),
        Err(_) => set(&Value::Text(shown.trim_matches('"'))),
    }
}

/// Rules that differ from the defaults in every key.
fn other() -> AccountRules {
    let mut rules = AccountRules::default();
    let pairs = [Value::Text("XAUUSD=GOLD"), Value::Text("US30=DJ 30")];
    for (key, value) in [
        ("symbol_prefix", Value::Text("m.")),
        ("symbol_suffix", Value::Text(".r")),
        ("symbols", Value::List(&pairs)),
        ("multiplier", Value::Text("0.5")),
        ("direction", Value::Text("reversed")),
        ("sides", Value::Text("sell")),
        ("min_lots", Value::Text("0.05")),
        ("max_lots", Value::Text("2")),
        ("below_minimum", Value::Text("use_minimum")),
        ("above_maximum", Value::Text("use_maximum")),
        ("max_open", Value::Number(7)),
        ("max_notional", Value::Text("50000.5")),
        ("orders_per_minute", Value::Number(3)),
        ("order_burst", Value::Number(2)),
    ] {
        rules.set(key, &value).unwrap_or_else(|fault| panic!("{key} {fault}"));
    }
    rules
}

#[test]
fn what_is_shown_can_be_given_back_by_its_key() {
    let mut rules = AccountRules::default();
    for ((key, shown), (_, default)) in other().list().into_iter().zip(AccountRules::default().list()) {
        assert_ne!(shown, default, "{key} is not tried");
        give(&shown, |value| rules.set(key, value)).unwrap_or_else(|fault| panic!("{key} = {shown} {fault}"));
    }
    assert_eq!(rules, other());
    for (key, shown) in AccountRules::default().list() {
        give(&shown, |value| rules.set(key, value)).unwrap_or_else(|fault| panic!("{key} = {shown} {fault}"));
    }
    assert_eq!(rules, AccountRules::default());
    let mut params = Params::default();
    for (key, shown) in Params::default().list() {
        give(&shown, |value| params.set(key, value))
            .unwrap_or_else(|fault| panic!("{key} = {shown} {fault}"));
    }
    assert_eq!(params, Params::default());
}

#[test]
fn every_key_is_described() {
    let described = |list: Vec<(&'static str, String)>, descriptions: Vec<Description>| {
        let keys: Vec<_> = list.into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, descriptions.iter().map(|it| it.key).collect::<Vec<_>>());
        for Description { key, range, meaning } in descriptions {
            assert!(!range.is_empty() && meaning.ends_with('.'), "{key}: {range}, {meaning}");
        }
    };
    described(AccountRules::default().list(), AccountRules::describe());
    described(Params::default().list(), Params::describe());
}

#[test]
fn a_faulty_value_is_refused_with_a_remedy_and_never_repeated() {
    let secret = "hunter2";
    for (key, _) in AccountRules::default().list() {
        let mut rules = AccountRules::default();
        for value in [
            Value::Text(secret),
            Value::Number(-7),
            Value::List(&[Value::Text(secret)]),
            Value::Other("a boolean"),
        ] {
            // An affix may be any text.
            let Err(fault) = rules.set(key, &value) else {
                assert!(
                    key.starts_with("symbol_") && matches!(value, Value::Text(_)),
                    "{key} takes {value:?}"
                );
                continue;
            };
            assert!(!fault.to_string().contains(secret), "{key} {fault}");
        }
    }
    let mut rules = AccountRules::default();
    assert_eq!(rules.set("max_lot", &Value::Text("1")), Err(SettingError::Unknown));
    for (key, value) in [("min_lots", "0"), ("max_notional", "-1"), ("multiplier", "0")] {
        assert!(matches!(rules.set(key, &Value::Text(value)), Err(SettingError::Value(_))), "{key}");
    }
    assert_eq!(rules, AccountRules::default());
}

/// How long a signal is valid that does not say.
const VALID_FOR: warden_domain::Span = warden_domain::Span::from_secs(60);

#[test]
fn what_does_not_fit_together_is_told() {
    assert!(AccountRules::default().faults().is_empty() && Params::default().faults(VALID_FOR).is_empty());
    let mut rules = other();
    rules.set("min_lots", &Value::Text("2.01")).unwrap();
    assert_eq!(rules.faults()[0].to_string(), "max_lots is less than min_lots, 2.01; no order would fit");
    let mut params = Params::default();
    params.set("keep_keys", &Value::Text("59s")).unwrap();
    assert_eq!(params.faults(VALID_FOR)[0].field, "keep_keys");
}
