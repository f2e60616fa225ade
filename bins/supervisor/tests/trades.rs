//! Signals and trades at the command line: what it takes, what it says, how it ends.
#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

mod setup;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use setup::{SOON, Setup, last_line, with_input};
use warden_domain::Timestamp;

/// A signal of now for both accounts.
fn signal(key: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = Timestamp::from_millis(i64::try_from(now).unwrap()).to_string();
    json!({
        "key": key, "source": "test", "created_at": now, "group": "gold", "action": "open",
        "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.10",
    })
    .to_string()
}

fn supervised() -> (Setup, warden_testkit::Program) {
    let setup = Setup::new();
    let groups =
        "[[instance]]\nid = \"acct-1\"\ngroup = \"gold\"\n[[instance]]\nid = \"acct-2\"\ngroup = \"gold\"\n";
    setup.put("w.toml", &(setup.config("data", setup.port) + groups), 0o644);
    let supervisor = setup.supervisor();
    (setup, supervisor)
}

#[test]
fn trd_7_a_signal_is_answered_by_a_report_and_a_halt_is_durable() {
    let (setup, mut supervisor) = supervised();
    let ask = |args: &[&str]| setup.ends(&[args, &["--config", "w.toml"]].concat());
    setup.put("signal.json", &signal("s-1"), 0o644);
    // No terminal is connected: nothing is known of the symbol.
    let taken = ask(&["signal", "signal.json", "--json"]);
    assert!(taken.code == Some(6) && taken.stderr[0].contains("no account took the signal"), "{taken:?}");
    let report = last_line(&taken);
    assert_eq!((report["key"].as_str(), report["settled"].as_bool()), (Some("s-1"), Some(true)), "{report}");
    let lines = report["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 2, "{report}");
    assert!(
        lines.iter().all(|line| line["outcome"] == "blocked" && line["code"] == "fact_missing"),
        "{report}"
    );
    assert_eq!(last_line(&ask(&["report", "s-1", "--json"])), report);
    let told = ask(&["report", "s-1"]);
    assert_eq!(told.code, Some(0), "a report is a report");
    assert!(told.stdout[0].starts_with("signal s-1 of test: 2 blocked"), "{told:?}");

    assert_eq!(ask(&["halt", "--group", "gold"]).stdout, ["halted acct-1", "halted acct-2"]);
    let status = ask(&["status"]).stdout;
    assert!(status.iter().any(|line| line.starts_with("acct-1") && line.contains("HALTED")), "{status:?}");
    supervisor.kill9().unwrap();
    let mut next = setup.supervisor();
    setup.put("signal.json", &signal("s-2"), 0o644);
    let report = last_line(&ask(&["signal", "signal.json", "--json", "--no-wait"]));
    let lines = report["lines"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["code"] == "gate_shut"), "{report}");
    assert_eq!(ask(&["resume", "acct-1"]).stdout, ["resumed acct-1"]);
    assert_eq!(ask(&["resume", "--all"]).stdout, ["resumed acct-1", "resumed acct-2"]);
    assert_eq!(next.terminate(SOON).unwrap().code, Some(0));
}

#[test]
fn what_is_not_known_is_refused_with_6() {
    let (setup, _supervisor) = supervised();
    for (args, what) in [
        (&["report", "s-9"][..], "nothing is known of signal s-9: it was not read yet, or the key is wrong"),
        (&["trades", "nobody"], "there is no instance nobody; see the list of instances"),
        (&["halt", "nobody"], "there is no instance that instance nobody means"),
        (&["halt", "--group", "silver"], "there is no instance that group silver means"),
        (&["decide", "acct-1", "274877906951", "ours"], "no open trade has the tag 274877906951"),
        (&["decide", "acct-1", "7", "not-ours"], "7 is no tag; see the list of trades"),
        (&["why", "acct-1", "--trade", "274877906951"], "the journal holds no trade 274877906951 of acct-1"),
    ] {
        let refused = setup.ends(&[args, &["--config", "w.toml"]].concat());
        assert_eq!(refused.code, Some(6), "{args:?}: {refused:?}");
        assert!(refused.stderr[0].contains(what), "{args:?}: {refused:?}");
    }
    let (code, said) =
        with_input(&setup, &["signal", "-", "--config", "w.toml"], r#"{"key": "s-1", "lots": "hunter2"}"#);
    assert!(
        code == Some(6) && said.contains("action is missing; give it") && !said.contains("hunter2"),
        "{said}"
    );
    let (code, said) =
        with_input(&setup, &["signal", "-", "--config", "w.toml"], &signal("s-1").replace("gold", "silver"));
    assert!(code == Some(6) && said.contains("no instance belongs to group silver"), "{said}");
    let trades = setup.ends(&["trades", "--config", "w.toml", "--json"]);
    assert_eq!(last_line(&trades), json!({ "all": 0, "trades": [] }));
    let none = setup.ends(&["signal", "nowhere.json", "--config", "w.toml"]);
    assert!(none.code == Some(2) && none.stderr[0].contains("nowhere.json cannot be read"), "{none:?}");
}

#[test]
fn without_a_supervisor_only_its_journal_can_be_asked() {
    let setup = Setup::new();
    setup.supervisor().terminate(SOON).unwrap();
    let asked = setup.ends(&["trades", "--config", "w.toml"]);
    assert_eq!(asked.code, Some(4), "{asked:?}");
    let why = setup.ends(&["why", "acct-1", "--trade", "274877906951", "--config", "w.toml"]);
    assert!(why.code == Some(6) && why.stderr[0].contains("the journal holds no trade"), "{why:?}");
}
