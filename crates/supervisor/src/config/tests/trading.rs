//! `[trading]`, `[[group]]` and the rules of accounts.

use std::sync::Arc;

use warden_distribution::{AccountRules, rules::Direction};
use warden_store::{Accounts as _, Registered};

use super::*;

const REDIS: &str = "[redis]\nurl = \"redis://127.0.0.1\"\n";

/// What is added to the least configuration, and the one fault it makes.
const CASES: &[(&str, &str)] = &[
    ("[trading]\ninstallation = 0\n", "w.toml:6: trading.installation: 0 is out of range; give 1 to 32767"),
    (
        "[trading]\ninstallation = 32768\n",
        "w.toml:6: trading.installation: 32768 is out of range; give 1 to 32767",
    ),
    ("[trading]\ninstalation = 7\n", "w.toml:6: trading.instalation: is unknown; did you mean installation?"),
    ("[trading]\nkeep_key = \"1h\"\n", "w.toml:6: trading.keep_key: is unknown; did you mean keep_keys?"),
    (
        "[trading]\nsymbols = \"EURUSD\"\n",
        "w.toml:6: trading.symbols: is a text; give a list such as [\"EURUSD\"]",
    ),
    ("[trading]\nsymbols = [7]\n", "w.toml:6: trading.symbols: has an entry that is a number; give texts"),
    (
        "[trading]\nsymbols = [\"EUR=USD\"]\n",
        "w.toml:6: trading.symbols: has a faulty entry: symbol holds a character that it may not; remove it",
    ),
    (
        "[trading]\nintake = true\n",
        "w.toml:6: trading.intake: asks for a stream, and there is no Redis; give redis.url",
    ),
    (
        "[trading]\nstream = \"two words\"\n",
        "w.toml:6: trading.stream: is no name; give 1 to 128 printable ASCII characters without spaces",
    ),
    ("[trading]\nahead = 5\n", "w.toml:6: trading.ahead: is a number; give a span such as \"30s\""),
    (
        "[trading]\nkeep_keys = \"30s\"\n",
        "w.toml:6: trading.keep_keys: is shorter than trade.signal.valid_for, 1m; a signal could be carried out twice",
    ),
    (
        "[trading]\nkeep_keys = \"25h\"\n",
        "w.toml:6: trading.keep_keys: is longer than the journal keeps keys, 24h; shorten it",
    ),
    ("[group]\nname = \"gold\"\n", "w.toml:5: group: is a table; write each group as [[group]]"),
    ("[[group]]\nmax_lots = \"2\"\n", "w.toml:5: group.name: is missing; name the group"),
    (
        "[[group]]\nname = \"gold\"\n[[group]]\nname = \"gold\"\n",
        "w.toml:8: group.name: gold is there twice; remove one of them",
    ),
    (
        "[[group]]\nname = \"gold\"\nmax_lot = \"2\"\n",
        "w.toml:7: group.max_lot: is unknown; did you mean max_lots?",
    ),
    (
        "[[group]]\nname = \"gold\"\nmax_lots = \"-2\"\n",
        "w.toml:7: group.max_lots: is not an amount above zero; give \"none\" or lots such as \"0.10\"",
    ),
    (
        "[[group]]\nname = \"gold\"\nmin_lots = \"2\"\nmax_lots = \"1\"\n",
        "w.toml:8: group.max_lots: is less than min_lots, 2; no order would fit",
    ),
    (
        "[[instance]]\nid = \"a\"\nsides = \"long\"\n",
        "w.toml:7: instance.sides: is not known; give one of `both`, `buy`, `sell`",
    ),
];

#[test]
fn each_fault_of_trading_is_told_with_its_line_and_a_remedy() {
    for (text, fault) in CASES {
        assert_eq!(told(&format!("{NEEDED}{text}")), [*fault], "{text}");
    }
}

#[test]
fn trading_has_defaults_and_reads_the_stream_where_there_is_redis() {
    let bare = parse(NEEDED).unwrap();
    assert_eq!((bare.trading.installation, &bare.trading.subscription), (1, &None));
    assert_eq!(bare.supervisor.options.installation, 1);
    let named = NEEDED.replace("[accounts]", "name = \"node-a\"\n[accounts]");
    let redis =
        parse(&format!("{named}{REDIS}[trading]\ninstallation = 7\nsymbols = [\"EURUSD\"]\n")).unwrap();
    let read = redis.trading.subscription.unwrap();
    assert_eq!(
        (read.stream.as_str(), read.group.as_str(), read.consumer.as_str()),
        ("trade_signals", "node-a", "node-a")
    );
    let options = redis.supervisor.options;
    assert_eq!((options.installation, options.distribution.symbols.len()), (7, 1));
    let off = parse(&format!("{NEEDED}{REDIS}[trading]\nintake = false\n")).unwrap();
    assert_eq!(off.trading.subscription, None);
}

/// What is stored of an account that says to be in this group.
async fn registered(group: &str) -> Vec<Registered> {
    let text = "[accounts.a]\nlogin = 1\nserver = \"B\"\npassword = \"p\"\n[accounts.b]\nlogin = 2\nserver = \"B\"\npassword = \"p\"\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut faults = Vec::new();
    let accounts = super::super::accounts::read(&file, &mut faults).unwrap();
    let mut registered = accounts.registered().await.unwrap();
    for account in &mut registered {
        group.clone_into(&mut account.group);
    }
    registered
}

#[tokio::test]
async fn rules_are_the_instances_over_the_groups() {
    let text = format!(
        "{NEEDED}[[group]]\nname = \"gold\"\nmax_lots = \"2\"\ndirection = \"reversed\"\n[[group]]\nname = \"silver\"\n[[instance]]\nid = \"a\"\nmax_lots = \"1\"\n[[instance]]\nid = \"b\"\ngroup = \"silver\"\n"
    );
    let config = parse(&text).unwrap();
    let specs = config.specs(&registered("gold").await, &Places::default()).unwrap();
    assert_eq!((specs[0].group.as_str(), specs[1].group.as_str()), ("gold", "silver"));
    assert_eq!(specs[0].rules.max_lots, Some("1".parse().unwrap()));
    assert_eq!(specs[0].rules.direction, Direction::Reversed);
    assert_eq!(*specs[1].rules, AccountRules::default());
    let all = parse(&format!("{NEEDED}[[group]]\nname = \"gold\"\nmax_lots = \"2\"\n")).unwrap();
    let specs = all.specs(&registered("gold").await, &Places::default()).unwrap();
    assert!(specs.iter().all(|spec| spec.rules.max_lots == Some("2".parse().unwrap())));
    assert!(Arc::ptr_eq(&specs[0].rules, &specs[1].rules), "equal rules are there once");
}

#[tokio::test]
async fn rules_that_do_not_fit_together_over_group_and_instance_are_told() {
    let text = format!(
        "{NEEDED}[[group]]\nname = \"gold\"\nmax_lots = \"1\"\n[[instance]]\nid = \"a\"\ngroup = \"gold\"\nmin_lots = \"2\"\n"
    );
    let config = parse(&text).unwrap();
    let faults = config.specs(&registered("").await, &Places::default()).unwrap_err();
    assert!(faults.to_string().contains("instance.max_lots: of a: is less than min_lots, 2"), "{faults}");
}
